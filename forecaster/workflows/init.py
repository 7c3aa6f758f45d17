"""`forecast init`: a config with what was found in the data filled in, or a table of the future to fill."""

import os
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from forecaster.config import Config, DataConfig
from forecaster.config.job import JobConfig
from forecaster.data import future
from forecaster.data.load import LoadedData
from forecaster.errors import OutputError
from forecaster.events import DataRead, Watch, ignore
from forecaster.panel import Panel
from forecaster.settings import explain
from forecaster.store.files import atomic_write
from forecaster.workflows.reading import (
    load_data,
    open_bundle,
    read_data,
    refuse_older,
    refuse_without_known,
    source_of,
)
from forecaster.workflows.source import Source, is_database_url

_OPTION = "--future-template"
_HEADER = """\
# Settings of a forecast; null means: found from the data.
# A flag beats --set training.steps=500, which beats FORECAST_TRAINING__STEPS=500, which beats this file.
"""

_HEADER_OF_JOB = """\
# A job for `forecast run`. null means that the value is detected from the data. Commented lines show the defaults.
# Paths are relative to this file. The section `job` at the end says where things go, and when nothing is published.
"""


def draft(config: Config, *, stdin: BinaryIO | None = None, watch: Watch = ignore) -> Config:
    """Fill in what the data at `config.data.path` shows.

    Raises: ForecastError: see the errors of `data.load`.
    """
    loaded = read_data(Source.of(config.data), config, stdin, watch)
    return config.model_copy(update={"data": loaded.config})


def to_yaml(config: Config) -> str:
    """Write a config as YAML, each key with what it means."""
    return f"{_HEADER if config.job is None else _HEADER_OF_JOB}\n{explain(config)}"


def to_job(config: Config, out: Path) -> Config:
    """Make a job of a config; its data is found from the folder of the job's file."""
    source = str(config.data.path)
    if not is_database_url(source) and not Path(source).is_absolute():
        source = os.path.relpath(source, out.parent)
    data = config.data.model_copy(update={"path": source})
    return config.model_copy(update={"data": data, "job": JobConfig(version=1, outputs=("forecasts.csv",))})


def make_template(config: Config, *, stdin: BinaryIO | None = None, watch: Watch = ignore) -> pd.DataFrame:
    """Lay out the future of the data at `config.data.path`: a row a series and step, the known cells empty.

    Raises: ForecastError: see the errors of `data.load`; UsageError: no column is known ahead.
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
    """Lay out the future that a bundle needs to be known, after fresh data or its own.

    Raises: ForecastError: as `workflows.predict.predict`.
    """
    read = open_bundle(folder)
    refuse_without_known(read.config.data, _OPTION)
    data = source_of(read, source)
    loaded = load_data(data, read, stdin=stdin)
    refuse_older(data.place, loaded, read)
    watch(DataRead(data.place, len(loaded.panel), loaded.quality["rows"], loaded.roles))
    return _lay_out(loaded, horizon)


def check_absent(out: Path) -> None:
    """Make sure that nothing is written over.

    Raises: OutputError: the file exists.
    """
    if out.is_file() or out.is_dir() or out.is_symlink():
        raise OutputError(f"{out}: exists", hint="name another with --out, or remove it first")


def publish(content: str, out: Path) -> None:
    """Write a file that does not exist yet.

    Raises: OutputError: it does, or it cannot be written.
    """
    check_absent(out)
    atomic_write(out, content.encode())


def _lay_out(loaded: LoadedData, horizon: int | None) -> pd.DataFrame:
    config: DataConfig = loaded.config
    panel: Panel = loaded.panel
    refuse_without_known(config, _OPTION)  # now that the time is found
    return future.template(panel, horizon or config.resolved_horizon, config, is_by_file=loaded.is_by_file)
