"""`forecast train`: fit, evaluate on the holdout, fit again on all data, and write a bundle."""

import shlex
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from forecaster.config import Config
from forecaster.data.future import find_missing
from forecaster.data.load import LoadedData
from forecaster.errors import DataError, InputError, Interrupted, OutputError, as_input_error
from forecaster.evaluation.combination import Combination
from forecaster.evaluation.split import split
from forecaster.events import BundleWritten, Event, Note, TrainingEnded, Watch, ignore
from forecaster.models.build import build
from forecaster.models.ensemble import combination_of
from forecaster.selection.auto import choose_model
from forecaster.selection.members import describe_members, summarise
from forecaster.selection.replay import replace_budget_by_steps, retain_members
from forecaster.selection.resolve import resolve
from forecaster.selection.scale import choose_scales
from forecaster.settings import dump
from forecaster.store import bundle, lock, origins
from forecaster.store.checkpoint import START_AGAIN, STATE, FolderCheckpoint
from forecaster.store.csv import ROWS_PER_FRAME, write_csv
from forecaster.store.files import check_free, replace_link
from forecaster.store.json_files import read_object
from forecaster.store.manifest import Manifest
from forecaster.store.objects.bundles import upload
from forecaster.store.regular_files import read_regular_file
from forecaster.workflows.manifest import FittedModel, Origin, fingerprint
from forecaster.workflows.reading import read_data, refuse_foreign, refuse_short
from forecaster.workflows.results import Evaluation, default_folder, partial_of, shorten, write_bundle
from forecaster.workflows.scoring import HoldoutForecast, evaluate_holdout
from forecaster.workflows.source import Source
from forecaster.workflows.unused_columns import describe_unused

RUN = "run.json"
CHECKPOINT_FILES = (STATE, bundle.CONFIG, RUN)
_WHERE_TO_RESUME = "name the .partial folder of the interrupted run"
_SHORTENED = (
    "the time limit shortened the training: the saved config repeats the number of steps, but not their learning rates"
)


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    Attributes:
        folder: the bundle.
        address: where it was published as well; None if only the folder has it.
        config: resolved.
        metrics: the content of metrics.json.
        manifest: without the hashes of the files.
        is_latest: True if `runs/latest` points to the bundle.
        holdout: the forecast of the held-out steps; None if there is no holdout.
        missing_known: the known columns that lack values for the steps to forecast.
    """

    folder: Path
    config: Config
    metrics: dict[str, Any]
    manifest: Manifest
    is_latest: bool
    holdout: HoldoutForecast | None
    missing_known: tuple[str, ...] = ()
    address: str | None = None

    @property
    def place(self) -> str:
        """The address, or the folder without one."""
        return self.address or str(self.folder)


@dataclass(frozen=True)
class TrainingRun:
    """The facts of run.json, from which an interrupted training continues.

    Attributes:
        folder: the folder of the bundle.
        is_default: True if `latest` beside the folder will point to it.
        address: where the bundle is published as well; None for nowhere.
    """

    folder: Path
    is_default: bool
    origin: Origin
    address: str | None = None

    @classmethod
    def read(cls, path: Path) -> "TrainingRun":
        """Read run.json.

        Raises: InputError: the file is missing or damaged.
        """
        try:
            values = read_object(path, hint=_WHERE_TO_RESUME)
            origin = Origin(values["data"], values["fingerprint"], values["chosen"], values["told"].get("job"))
            return cls(
                shorten(_bundle_of(path.parent.absolute())), bool(values["is_default"]), origin, values.get("address")
            )
        except (InputError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path.parent}: no interrupted run here", hint=_WHERE_TO_RESUME) from error

    def to_dict(self) -> dict[str, Any]:
        """Return the content of run.json."""
        return {
            "out": str(self.folder.absolute()),
            "is_default": self.is_default,
            "fingerprint": self.origin.fingerprint,
            "data": self.origin.data,
            "chosen": self.origin.choice,
            "told": {} if self.origin.job is None else {"job": self.origin.job},
            **({} if self.address is None else {"address": self.address}),
        }


def train(
    config: Config, *, out: Path | str | None = None, stdin: BinaryIO | None = None, watch: Watch = ignore
) -> Trained:
    """Train on `config.data.path` and write a bundle.

    Args:
        out: the folder of the bundle; None chooses `runs/<name>-<model>-<time>` and moves `runs/latest`. An address, as
            text, chooses such a folder as well, and publishes the bundle there.
        stdin: the stream that `-` reads from.

    Raises:
        ForecastError: see the errors of `data.load`, `store.bundle.write`.
        LockError: another run is writing the same folder.
        Interrupted: a signal stopped the run; the hint is the command that continues it.
    """
    source = Source.of(config.data)
    folder = out if isinstance(out, Path) else default_folder(source, config.name)
    address = out if isinstance(out, str) else None
    with lock.lock_folder(folder):
        check_free(folder)
        check_free(partial_of(folder))
        loaded = read_data(source, config, stdin, watch, is_sample=True)
        if (unused := describe_unused(source, loaded)) is not None:
            watch(Note(unused))
        config, origin = _choose_config(config, loaded, data=source.absolute, watch=watch)
        return _train(config, loaded, TrainingRun(folder, out is None, origin, address), watch)


def train_on(
    loaded: LoadedData,
    config: Config,
    folder: Path,
    *,
    data: str,
    job: dict[str, Any] | None = None,
    watch: Watch = ignore,
) -> Trained:
    """Train on data that is in memory, and write a bundle.

    Args:
        folder: the folder of the bundle, which no other process may be writing.
        data: the path or URL of the data, for the manifest (see `Source.absolute`).
        job: the entry of the job in the manifest; None for other commands.

    Raises: ForecastError: as `train`.
    """
    config, origin = _choose_config(config, loaded, data=data, job=job, watch=watch)
    return _train(config, loaded, TrainingRun(folder, False, origin), watch)


def resume(partial: Path, *, data: str | None = None, query: str | None = None, watch: Watch = ignore) -> Trained:
    """Continue an interrupted run. The result has the same bytes as that of a run without interruption.

    Args:
        partial: the folder that the interrupted run named, with or without `.partial`.
        data: the data of the run; None for the place that the run names, if this user began it here.
        query: the SQL query of the data, if it is a database.

    Raises:
        InputError: there is no interrupted run.
        UsageError: somebody else began the run, or began it elsewhere, and `data` is None.
        LockError: the run is still at work.
        DataError: the data has changed since the run began.
    """
    if not (partial / RUN).exists():
        partial = partial_of(partial)
    run = TrainingRun.read(partial / RUN)
    with lock.lock_folder(run.folder):
        config = bundle.read_config(partial)
        contents = [read_regular_file(partial / name, hint=_WHERE_TO_RESUME) for name in (bundle.CONFIG, RUN)]
        if not origins.is_known(*contents):  # A stranger must not choose where this user publishes.
            run = replace(run, address=None)
        if data is None:
            refuse_foreign(partial, run.origin.data, *contents, command="train")
            data, query = run.origin.data, config.data.query
        loaded = read_data(Source.parse(data, query=query), config, None, watch, is_sample=True)
        if fingerprint(loaded.panel) != run.origin.fingerprint:
            raise DataError(f"{data}: has changed since the run began", hint="train anew, without --resume")
        return _train(config, loaded, run, watch, is_resumed=True)


def _bundle_of(partial: Path) -> Path:
    """Return the folder of the bundle beside the folder of its checkpoint.

    Raises: ValueError: the folder of the checkpoint has another name than `<bundle>.partial`.
    """
    if partial.suffix != ".partial":
        raise ValueError(f"{partial}: has another name than the training gave it")
    return partial.with_suffix("")


def _choose_config(
    config: Config, loaded: LoadedData, *, data: str, job: dict[str, Any] | None = None, watch: Watch
) -> tuple[Config, Origin]:
    """Resolve a config by the data without its holdout, and describe the origin of the training."""
    visible = loaded.panel.cut(split(loaded.panel, loaded.config.resolved_horizon, is_calibrated=False).holdout)
    choice = choose_model(config.model_copy(update={"data": loaded.config, "job": None}), visible, watch=watch)
    origin = Origin(data, fingerprint(loaded.panel), choice.summary, job)
    return resolve(choice.config, visible), origin


def _train(config: Config, loaded: LoadedData, run: TrainingRun, watch: Watch, *, is_resumed: bool = False) -> Trained:
    panel, horizon, folder = loaded.panel, config.horizon, run.folder
    refuse_short(config.data.path or "-", panel, horizon)
    parts = split(panel, horizon, is_calibrated=config.conformal.is_on)
    config = choose_scales(config, panel.cut(parts.holdout + parts.calibration), parts.validation, watch=watch)
    files = {bundle.CONFIG: dump(config).encode(), RUN: bundle.json_bytes(run.to_dict())}
    origins.record(*files.values())
    owner = (run.origin.job or {}).get("id")
    checkpoint = FolderCheckpoint(partial_of(folder), files=files, watch=watch, is_resumed=is_resumed, owner=owner)
    stages: list[TrainingEnded] = []

    def record_stages(event: Event) -> None:
        if isinstance(event, TrainingEnded):
            stages.append(event)
        watch(event)

    try:
        forecaster = build(config)
        with as_input_error(f"{checkpoint.folder}: cannot be continued", START_AGAIN) if is_resumed else nullcontext():
            forecaster.fit(panel.cut(parts.holdout), parts.tail, watch=record_stages, checkpoint=checkpoint)
        combination = combination_of(forecaster)
        origin = _describe_choice(config, combination, run.origin, watch)
        metrics, holdout = evaluate_holdout(forecaster, panel, parts, horizon)
        if config.training.refit:
            forecaster.fit(panel, None, watch=record_stages, checkpoint=checkpoint)
        if not all(stage.is_exact for stage in stages):
            watch(Note(_SHORTENED))
        if combination is not None:
            config, stages = retain_members(config, stages, combination.members)
        model = FittedModel(config, forecaster, stages)
        table = partial(_write_holdout, holdout) if holdout else b"\n"
        manifest = write_bundle(folder, model, loaded, origin, Evaluation(metrics, table), watch=watch)
        config = replace_budget_by_steps(config, stages)
    except Interrupted as error:
        if not checkpoint.exists():
            raise
        raise Interrupted(error.signum, hint=f"continue with `{_resume_command(checkpoint)}`") from error
    except OutputError as error:
        if not checkpoint.exists():
            raise
        goal = "run the job again" if run.origin.job else f"continue with `{_resume_command(checkpoint)}`"
        raise OutputError(
            f"{error.message}; the training is saved in {checkpoint.folder}",
            hint=f"free some space, or permit writing there, then {goal}",
        ) from error
    checkpoint.remove()
    origins.forget(*files.values())
    if run.is_default:
        replace_link(folder.with_name(bundle.LATEST.name), folder)
    watch(BundleWritten(folder))
    if run.address is not None:
        upload(folder, run.address)
    known = config.data.known if find_missing(panel, horizon).any() else ()
    return Trained(folder, config, metrics, manifest, run.is_default, holdout, known, run.address)


def _describe_choice(config: Config, combination: Combination | None, origin: Origin, watch: Watch) -> Origin:
    """Note the members of an ensemble, and add a choice of them to the origin unless it has another choice."""
    if combination is None:
        if config.ensemble.name is not None:  # The name of one member stands for all.
            watch(Note(describe_members(config)))
        return origin
    choice = summarise(config, combination)
    watch(Note(choice["why"]))
    return replace(origin, choice=choice) if origin.choice is None else origin


def _write_holdout(holdout: HoldoutForecast, path: Path) -> None:
    size = max(ROWS_PER_FRAME // holdout.forecast.horizon, 1)
    write_csv(path, holdout.forecast.frames(size, actual=holdout.actual))


def _resume_command(checkpoint: FolderCheckpoint) -> str:
    return shlex.join(["forecast", "train", "--resume", str(checkpoint.folder)])
