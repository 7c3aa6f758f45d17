"""`forecast init`: write a config for the data, or a table for the future values of known covariates."""

import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from forecaster.addresses import is_local_path
from forecaster.config import Config, DataConfig
from forecaster.config.job import JobConfig
from forecaster.data import future
from forecaster.data.load import LoadedData
from forecaster.errors import OutputError
from forecaster.events import DataRead, Note, Watch, ignore
from forecaster.frequency import DAY
from forecaster.panel import Panel
from forecaster.settings import explain
from forecaster.store.files import atomic_write
from forecaster.workflows.clock import now_on, step_ends
from forecaster.workflows.editor_schema import MODELINE, SCHEMA_FILE, place_schema
from forecaster.workflows.reading import (
    load_data,
    open_bundle,
    read_data,
    refuse_older,
    refuse_without_known,
    source_of,
)
from forecaster.workflows.source import Source

_OPTION = "--future-template"
_MAX_MISSED_STEPS = 3
_HEADER = """\
# Settings of a forecast. null means none, or chosen automatically; the comment of a key says which.
# Flags override --set training.steps=500, which overrides FORECAST_TRAINING__STEPS=500, which overrides this file.
"""

_JOB_HEADER = """\
# A job for `forecast run`. null means none, or chosen automatically; the comment of a key says which.
# Commented lines show the defaults.
# Paths are relative to this file. The section `job` at the end sets the outputs, and the checks before publishing.
"""


def draft(config: Config, *, stdin: BinaryIO | None = None, watch: Watch = ignore) -> Config:
    """Fill in the settings that are detected from the data at `config.data.path`.

    Args:
        stdin: the stream that the path `-` stands for.

    Raises: ForecastError: see the errors of `data.load`.
    """
    loaded = read_data(Source.of(config.data), config, stdin, watch)
    return config.model_copy(update={"data": loaded.config})


def to_yaml(config: Config) -> str:
    """Return a config as YAML, with a comment for each key."""
    return f"{_HEADER if config.job is None else _JOB_HEADER}\n{explain(config)}"


def draft_job(config: Config, out: Path, *, stdin: BinaryIO | None = None, watch: Watch = ignore) -> Config:
    """Fill in the settings of a job for the data at `config.data.path`.

    Args:
        out: the file of the job, to which the path of the data becomes relative.
        stdin: the stream that the path `-` stands for.

    Raises: ForecastError: see the errors of `data.load`.
    """
    loaded = read_data(Source.of(config.data), config, stdin, watch)
    path = str(config.data.path)
    if is_local_path(path) and not Path(path).is_absolute():
        path = os.path.relpath(path, out.parent)
    policy: dict[str, Any] = {"version": 1, "outputs": ("forecasts.csv",)}
    max_age = _choose_max_age(loaded.panel, watch)
    if max_age is not None:
        policy["max_age"] = max_age
    data = loaded.config.model_copy(update={"path": path})
    return config.model_copy(update={"data": data, "job": JobConfig.model_validate(policy)})


def _choose_max_age(panel: Panel, watch: Watch) -> str | None:
    """Return the age from which on data is stale: three steps, and at least a day; None for steps without a calendar.

    None also if the data is older than that already, so that the job can be tried.
    """
    frequency, newest = panel.frequency, panel.cutoff.max()
    if frequency.is_integer:
        return None
    later = frequency.timestamps(newest, np.array([_MAX_MISSED_STEPS]))[0]
    days = max(1, math.ceil((later - newest) / DAY))
    age = (now_on(frequency, panel.zone, datetime.now(UTC)) - int(step_ends(frequency, np.array([newest]))[0])) / DAY
    if age > days:
        watch(Note(f"the data ended {age:,.0f} days ago, so max_age stays null: set it, for example to {days}d"))
        return None
    return f"{days}d"


def make_template(config: Config, *, stdin: BinaryIO | None = None, watch: Watch = ignore) -> pd.DataFrame:
    """Return a table for the future values of the known covariates of the data at `config.data.path`.

    Args:
        stdin: the stream that the path `-` stands for.

    Returns: a row for each series and step of the horizon; the cells of the known covariates are empty.

    Raises:
        ForecastError: see the errors of `data.load`.
        UsageError: no column is known ahead.
    """
    refuse_without_known(config.data, _OPTION)
    return _lay_out(read_data(Source.of(config.data), config, stdin, watch), config.data.horizon)


def make_bundle_template(
    source: str | None,
    folder: Path,
    *,
    horizon: int | None = None,
    stdin: BinaryIO | None = None,
    watch: Watch = ignore,
) -> pd.DataFrame:
    """Return a table for the future values of the known covariates of a bundle.

    Args:
        source: the table whose future is laid out; None for the table that the bundle was trained on.
        folder: the folder of the bundle.
        horizon: number of steps; None for the horizon of the training.
        stdin: the stream that the source `-` stands for.

    Returns: see `make_template`.

    Raises: ForecastError: see `workflows.predict.predict`.
    """
    bundle = open_bundle(folder)
    refuse_without_known(bundle.config.data, _OPTION)
    data = source_of(bundle, source, command="forecast init DATA --future-template --bundle {}")
    loaded = load_data(data, bundle, stdin=stdin)
    refuse_older(data.place, loaded, bundle)
    watch(DataRead(data.place, len(loaded.panel), loaded.quality["rows"], loaded.roles))
    return _lay_out(loaded, horizon)


def check_absent(out: Path) -> None:
    """Check that a file does not exist yet.

    Raises: OutputError: the path exists.
    """
    try:
        is_present = out.is_file() or out.is_dir() or out.is_symlink()
    except OSError as error:
        raise OutputError(f"{out}: {error.strerror}", hint="name another file with --out") from error
    if is_present:
        raise OutputError(f"{out}: already exists", hint="name another file with --out, or remove this one first")


def publish(content: str, out: Path, *, has_schema: bool = False) -> list[Path]:
    """Write a file that does not exist yet.

    Args:
        has_schema: True for a config, beside which the schema is written for editors.

    Returns: the paths of the files.

    Raises: OutputError: the path exists, or a file cannot be written.
    """
    check_absent(out)
    if has_schema and place_schema(out.parent):
        atomic_write(out, (MODELINE + content).encode())
        return [out, out.parent / SCHEMA_FILE]
    atomic_write(out, content.encode())
    return [out]


def _lay_out(loaded: LoadedData, horizon: int | None) -> pd.DataFrame:
    config: DataConfig = loaded.config
    panel: Panel = loaded.panel
    refuse_without_known(config, _OPTION)  # The time column is detected by now.
    return future.template(panel, horizon or config.resolved_horizon, config, is_by_file=loaded.is_by_file)
