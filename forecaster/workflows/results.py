"""The folders and files that commands write."""

import itertools
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.data.load import LoadedData
from forecaster.events import Note, TrainingStep, Watch
from forecaster.forecast import Exportable
from forecaster.selection.replay import replace_budget_by_steps
from forecaster.store import bundle, lock, origins
from forecaster.store.files import check_free
from forecaster.store.manifest import Manifest
from forecaster.workflows import series_changes
from forecaster.workflows.manifest import FittedModel, Origin, build_manifest
from forecaster.workflows.source import Source

HOLDOUT = "holdout.csv"
_UNRECORDED = (
    "the state folder of this user ($XDG_STATE_HOME or ~/.local/state) cannot be written, so later commands do not know"
    " that this bundle was trained here: name DATA with them"
)
_HISTORY_COLUMNS = [field.name for field in fields(TrainingStep)]


def choose_folder(source: Source, out: Path | None, *, command: str) -> Path:
    """Return the folder for the results of a command.

    Args:
        out: the folder that the user named; None for a new folder in `runs/`.

    Raises: OutputError: the folder is not free.
    """
    folder = out or default_folder(source, command)
    check_free(folder)
    return folder


def default_folder(source: Source, label: str) -> Path:
    """Return a free folder in `runs/`, named after the data, a label and the time.

    Args:
        label: the command, or the model that is trained.
    """
    name = f"{source.stem}-{label}-{datetime.now():%Y%m%d-%H%M%S}"
    for number in itertools.count(1):
        folder = bundle.RUNS / (name if number == 1 else f"{name}-{number}")
        if not any(path.exists() for path in (folder, partial_of(folder), lock.lock_path(folder))):
            return folder
    raise AssertionError


def partial_of(folder: Path) -> Path:
    """Return the folder in which an unfinished training of a bundle saves its state."""
    return folder.with_name(f"{folder.name}.partial")


def shorten(path: Path) -> Path:
    """Return a path relative to the current folder if it is inside it, and any other path unchanged."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a model, as its bundle stores it.

    Attributes:
        metrics: the content of metrics.json.
        holdout: the content of holdout.csv, or a function that writes it; an empty line if there is no holdout.
    """

    metrics: dict[str, Any]
    holdout: bundle.File


def write_bundle(
    folder: Path,
    model: FittedModel,
    loaded: LoadedData,
    origin: Origin,
    evaluation: Evaluation,
    *,
    watch: Watch,
) -> Manifest:
    """Write a bundle atomically, and record that this user trained it here (see `store.origins`).

    Args:
        loaded: the data that the model was trained on.
        evaluation: the scores and forecasts of the held-out steps.
        watch: receives a note if the record cannot be written.

    Returns: the manifest, without the hashes of the files.
    Raises: OutputError: the bundle cannot be written.
    """
    manifest, forecaster = build_manifest(model, loaded, origin), model.forecaster
    history = pd.DataFrame(map(asdict, forecaster.history), columns=_HISTORY_COLUMNS)
    tables: dict[str, bundle.File] = {
        "history.csv": history.to_csv(index=False, lineterminator="\n").encode(),
        "quality.json": bundle.json_bytes(loaded.quality),
        HOLDOUT: evaluation.holdout,
    }
    if "series_not_read" not in loaded.quality:
        tables[series_changes.FILE] = series_changes.series_file(loaded.panel)
    if isinstance(forecaster, Exportable):
        tables |= forecaster.exports()
    config, state = replace_budget_by_steps(model.config, model.stages), forecaster.state()
    digest = bundle.write(
        folder, manifest=manifest, config=config, state=state, metrics=evaluation.metrics, tables=tables
    )
    if not origins.record(digest.encode()):
        watch(Note(_UNRECORDED))
    return manifest
