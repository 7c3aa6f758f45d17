"""`forecast train`: read, hold out, fit, judge beside the naive forecasts, fit again on everything, write a bundle."""

import itertools
import json
import shlex
import shutil
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from forecaster.config import Config
from forecaster.config.tree import validate
from forecaster.data.load import LoadedData, load
from forecaster.errors import DataError, InputError, Interrupted, OutputError
from forecaster.evaluation.split import split
from forecaster.events import BundleWritten, DataRead, Event, Note, TrainingEnded, TrainingStep, Watch, ignore
from forecaster.forecast import Exportable
from forecaster.models.build import build
from forecaster.panel import Panel
from forecaster.selection.auto import choose_model
from forecaster.selection.replay import replace_budget_by_steps
from forecaster.selection.resolve import resolve
from forecaster.selection.scale import choose_scales
from forecaster.settings import dump, read_yaml
from forecaster.store import bundle, lock
from forecaster.store.checkpoint import FolderCheckpoint
from forecaster.store.csv import ROWS_PER_FRAME, write_csv
from forecaster.store.files import check_free, replace_link
from forecaster.store.manifest import Manifest
from forecaster.workflows.manifest import FittedModel, Origin, build_manifest, fingerprint
from forecaster.workflows.scoring import HoldoutForecast, evaluate_holdout
from forecaster.workflows.source import Source, hide_password

HOLDOUT = "holdout.csv"
RUN = "run.json"
_LATE = (
    "time ran short, so training hurried: the saved config repeats the number of steps, but not their learning rates"
)
_HISTORY = [field.name for field in fields(TrainingStep)]


@dataclass(frozen=True)
class Trained:
    """What came of a training run.

    Attributes:
        folder: the bundle.
        config: resolved.
        metrics: the content of metrics.json.
        manifest: without the hashes of the files.
        is_latest: whether `runs/latest` points to it.
        held: what was forecast of the held-out steps; None where nothing is held out.
    """

    folder: Path
    config: Config
    metrics: dict[str, Any]
    manifest: Manifest
    is_latest: bool
    held: HoldoutForecast | None


def train(config: Config, *, out: Path | None = None, stdin: BinaryIO | None = None, watch: Watch = ignore) -> Trained:
    """Train on `config.data.path` and write a bundle.

    Args:
        out: the bundle's folder; None chooses `runs/<name>-<model>-<time>` and moves `runs/latest`.
        stdin: what `-` reads.

    Raises:
        ForecastError: see the errors of `data.load`, `store.bundle.write`.
        LockError: another run is writing the same folder.
        Interrupted: a signal stopped the run; its hint says how to go on.
    """
    source = Source.of(config.data)
    folder = out or default_folder(f"{source.stem}-{config.name}-{datetime.now():%Y%m%d-%H%M%S}")
    with lock.lock_folder(folder):
        check_free(folder)
        check_free(partial_of(folder))
        loaded = read_data(source, config, stdin, watch, is_sample=True)
        return train_on(loaded, config, folder, data=source.absolute, is_default=out is None, watch=watch)


def train_on(
    loaded: LoadedData,
    config: Config,
    folder: Path,
    *,
    data: str,
    is_default: bool = False,
    job: dict[str, Any] | None = None,
    watch: Watch = ignore,
) -> Trained:
    """Train on data that is in memory, and write a bundle; nobody else may be writing the folder.

    Args:
        data: what finds the data again (see `Source.absolute`).
        is_default: whether `latest` beside the folder is to point to it.
        job: the entry of the manifest that a job adds; None for other commands.

    Raises: ForecastError: as `train`.
    """
    seen = loaded.panel.cut(split(loaded.panel, loaded.config.resolved_horizon, is_calibrated=False).holdout)
    choice = choose_model(config.model_copy(update={"data": loaded.config, "job": None}), seen, watch=watch)
    config = resolve(choice.config, seen)
    run = {
        "out": str(folder.absolute()),
        "is_default": is_default,
        "fingerprint": fingerprint(loaded.panel),
        "data": data,
        "chosen": choice.summary,
        "told": {} if job is None else {"job": job},
    }
    return _train(config, loaded, folder, run, watch)


def resume(partial: Path, *, watch: Watch = ignore) -> Trained:
    """Go on with an interrupted run, to the same bytes as if it had never stopped.

    Args:
        partial: the folder that the interrupted run named, with or without `.partial`.

    Raises:
        InputError: no interrupted run lies there.
        LockError: it is not interrupted: a run is still writing there.
        DataError: the data is no longer what it was.
    """
    if not (partial / RUN).exists():
        partial = partial_of(partial)
    try:
        run = json.loads((partial / RUN).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{partial}: holds no interrupted run", hint="name the .partial folder that the run told"
        ) from error
    folder = shorten(Path(run["out"]))
    with lock.lock_folder(folder):
        config = validate(read_yaml(partial / bundle.CONFIG), str(partial / bundle.CONFIG))
        if run["data"] == "-":
            raise InputError("standard input cannot be read again", hint="train from a file to be able to resume")
        loaded = read_data(Source.parse(run["data"], query=config.data.query), config, None, watch, is_sample=True)
        if fingerprint(loaded.panel) != run["fingerprint"]:
            raise DataError(f"{run['data']}: has changed since the run began", hint="train anew, without --resume")
        return _train(config, loaded, folder, run, watch, is_resumed=True)


def read_data(
    source: Source, config: Config, stdin: BinaryIO | None, watch: Watch, *, is_sample: bool = False
) -> LoadedData:
    """Read data by a config, and say what was found.

    Args:
        is_sample: whether a sample of the series will do, where memory is limited.

    Raises: ForecastError: see the errors of `data.load`.
    """
    path = hide_password(config.data.path or source.text)  # passwords are not saved
    loaded = load(source.read(stdin), config.data.model_copy(update={"path": path}), is_sample=is_sample)
    watch(DataRead(source.place, len(loaded.panel), loaded.quality["rows"], loaded.roles))
    for note in loaded.notes:
        watch(Note(note))
    if loaded.panel.spacing > 1:
        apart = f"{loaded.panel.spacing:g} steps of {loaded.panel.frequency.name} apart"
        watch(Note(f"rows lie {apart}, so most steps are masked: is --freq right?"))
    return loaded


def _train(
    config: Config, loaded: LoadedData, folder: Path, run: dict[str, Any], watch: Watch, *, is_resumed: bool = False
) -> Trained:
    panel, horizon = loaded.panel, config.horizon
    refuse_short(config.data.path or "-", panel, horizon)
    parts = split(panel, horizon, is_calibrated=config.conformal.is_on)
    config = choose_scales(config, panel.cut(parts.holdout + parts.calibration), parts.validation, watch=watch)
    files = {bundle.CONFIG: dump(config).encode(), RUN: bundle.json_bytes(run)}
    checkpoint = FolderCheckpoint(partial_of(folder), files=files, watch=watch, is_resumed=is_resumed)
    stages: list[TrainingEnded] = []

    def note_stages(event: Event) -> None:
        if isinstance(event, TrainingEnded):
            stages.append(event)
        watch(event)

    try:
        forecaster = build(config)
        forecaster.fit(panel.cut(parts.holdout), parts.tail, watch=note_stages, checkpoint=checkpoint)
        metrics, held = evaluate_holdout(forecaster, panel, parts, horizon)
        if config.training.refit:
            forecaster.fit(panel, None, watch=note_stages, checkpoint=checkpoint)
        if not all(stage.is_exact for stage in stages):
            watch(Note(_LATE))
        holdout = partial(_write_holdout, held) if held else b"\n"
        origin = Origin(run["data"], run["fingerprint"], run["chosen"], run["told"].get("job"))
        model = FittedModel(config, forecaster, stages)
        manifest = write_bundle(folder, model, loaded, origin, metrics=metrics, holdout=holdout)
        config = replace_budget_by_steps(config, stages)
    except Interrupted as stop:
        if not checkpoint.folder.exists():
            raise
        again = shlex.join(["forecast", "train", "--resume", str(checkpoint.folder)])
        raise Interrupted(stop.signum, hint=f"go on with `{again}`") from stop
    except OutputError:
        shutil.rmtree(checkpoint.folder, ignore_errors=True)
        raise
    shutil.rmtree(checkpoint.folder, ignore_errors=True)
    if run["is_default"]:
        replace_link(folder.with_name(bundle.LATEST.name), folder)
    watch(BundleWritten(folder))
    return Trained(folder, config, metrics, manifest, is_latest=run["is_default"], held=held)


def write_bundle(
    folder: Path,
    model: FittedModel,
    loaded: LoadedData,
    origin: Origin,
    *,
    metrics: dict[str, Any],
    holdout: bundle.File,
) -> Manifest:
    """Write a bundle atomically.

    Args:
        loaded: the data that the model was trained on.
        metrics: the content of metrics.json.
        holdout: the content of holdout.csv, or a function that writes it; an empty line if there is no holdout.

    Returns: the manifest, without the hashes of the files.
    Raises: OutputError: the bundle cannot be written.
    """
    manifest, forecaster = build_manifest(model, loaded, origin), model.forecaster
    history = pd.DataFrame(map(asdict, forecaster.history), columns=_HISTORY)
    tables: dict[str, bundle.File] = {
        "history.csv": history.to_csv(index=False, lineterminator="\n").encode(),
        "quality.json": bundle.json_bytes(loaded.quality),
        HOLDOUT: holdout,
    }
    if isinstance(forecaster, Exportable):
        tables |= forecaster.exports()
    config, state = replace_budget_by_steps(model.config, model.stages), forecaster.state()
    bundle.write(folder, manifest=manifest, config=config, state=state, metrics=metrics, tables=tables)
    return manifest


def refuse_short(source: str, panel: Panel, horizon: int) -> None:
    """Make sure that a series has a step and a horizon to learn from.

    Raises: DataError: none has.
    """
    longest = int(panel.lengths.max())
    if longest > horizon:
        return
    has = f"has {longest} step{'s' * (longest > 1)}" if len(panel) == 1 else f"the longest series has {longest} steps"
    raise DataError(
        f"{source}: {has}; horizon {horizon} needs at least {horizon + 1}",
        hint=f"pass --horizon {max(longest // 3, 1)}, or give more rows" if longest > 1 else "give more rows",
    )


def default_folder(name: str) -> Path:
    """The first of `name`, `name-2`, `name-3` ... under `runs/` that no run of the same second has taken."""
    for number in itertools.count(1):
        folder = bundle.RUNS / (name if number == 1 else f"{name}-{number}")
        if not any(path.exists() for path in (folder, partial_of(folder), lock.lock_path(folder))):
            return folder
    raise AssertionError


def shorten(path: Path) -> Path:
    """A path as seen from the current folder, where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def partial_of(folder: Path) -> Path:
    """Where a run that has not ended keeps its state."""
    return folder.with_name(f"{folder.name}.partial")


def _write_holdout(held: HoldoutForecast, path: Path) -> None:
    size = max(ROWS_PER_FRAME // held.forecast.horizon, 1)
    write_csv(path, held.forecast.frames(size, actual=held.actual))
