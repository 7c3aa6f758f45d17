"""`forecast tune`: search settings on the past, and evaluate the best ones and the default on later folds."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from forecaster import runtime
from forecaster.config import Config, NetworkModel
from forecaster.config.tree import merge, validate
from forecaster.data.load import LoadedData
from forecaster.errors import ConfigError, DataError, Interrupted, UsageError
from forecaster.evaluation.backtest import Plan
from forecaster.evaluation.score import without_nan
from forecaster.evaluation.split import split
from forecaster.events import Note, Watch, ignore
from forecaster.models.variants import max_workers, members_of, workers_of
from forecaster.panel import Panel
from forecaster.parallel.factory import count_places
from forecaster.parallel.pool import MIN_STEPS_PER_WORKER
from forecaster.report.words import plural
from forecaster.selection.resolve import resolve
from forecaster.selection.search.limits import Limits
from forecaster.selection.search.optuna import TRIALS_PER_ROUND, load_optuna
from forecaster.selection.search.search import search
from forecaster.selection.search.space import (
    apply_values,
    dump_space,
    extract_values,
    find_space,
    list_fixed_keys,
    load_space,
    make_variant,
)
from forecaster.selection.search.study import DATABASE, Study, Trial
from forecaster.settings import dump
from forecaster.store import bundle, origins
from forecaster.store.files import as_output_error, atomic_write
from forecaster.workflows.backtest import FOLDS, cut_at_first_cutoff
from forecaster.workflows.editor_schema import MODELINE, place_schema
from forecaster.workflows.manifest import fingerprint
from forecaster.workflows.reading import read_data, refuse_foreign
from forecaster.workflows.results import choose_folder
from forecaster.workflows.source import Source
from forecaster.workflows.tune_scores import evaluate_settings, summarize_study

TRIALS = 30
_MIN_HORIZONS = 5  # Validation tails of fewer horizons, over all series, get a note.
_MAX_FOLD_SHARE = 1 / 4  # Folds take at most this share of the longest series, if it is long enough for one.


@dataclass(frozen=True)
class TuneResult:
    """The result of a study.

    Attributes:
        folder: the folder with `study.db`, `config.yaml` and `metrics.json`.
        source: the data, as the user named it.
        metrics: the content of metrics.json; None if another process still runs trials and will evaluate the study.
    """

    folder: Path
    source: str
    metrics: dict[str, Any] | None


@dataclass(frozen=True)
class _Task:
    """The settings that a study varies, and its data.

    Attributes:
        default: the resolved config to improve.
        base: one network of the default, which trials vary.
        visible: the part of the panel that trials use.
        max_workers: the most networks that may train at the same time.
    """

    default: Config
    base: Config
    panel: Panel
    visible: Panel
    plan: Plan
    max_workers: int


def tune(
    config: Config,
    *,
    trials: int | None = None,
    seconds: float | None = None,
    out: Path | None = None,
    stdin: BinaryIO | None = None,
    watch: Watch = ignore,
) -> TuneResult:
    """Search the settings that a config leaves open, on `config.data.path`.

    Args:
        trials: number of trials; None for 30, or for any number if there is a time limit.
        seconds: time for the trials and their evaluation; None for no limit.
        out: the folder of the study; None for `runs/<name>-tune-<time>`.
        stdin: the stream that the path `-` stands for.

    Raises:
        ForecastError: see the errors of `data.load` and `store.files`.
        DependencyError: optuna is not installed.
        UsageError: the model is a baseline, which has no settings to tune.
        ConfigError: the config leaves no setting open.
        DataError: the series are too short for a search and a fold after it.
        Interrupted: a signal stopped the study; the hint says how to resume it.
    """
    load_optuna()
    if not isinstance(config.model, NetworkModel):
        raise UsageError(
            f"{config.model.kind} has nothing to tune", hint="name a network, such as --model gru, or leave --model out"
        )
    source = Source.of(config.data)
    folder = choose_folder(source, out, command="tune")
    loaded = read_data(source, config, stdin, watch, is_sample=True)
    config = _set_folds(config.model_copy(update={"data": loaded.config}), loaded.panel, source.place, watch)
    runtime.resolve_device(config.training.device)  # A missing device is refused before anything is written.
    visible = cut_at_first_cutoff(loaded.panel, _make_plan(config), source.place)
    default = resolve(_replace_auto_scale(config), visible)
    task = _make_task(default, loaded, source.place, config.ensemble.workers)
    space = find_space(task.base, visible, list_fixed_keys(config))
    if not space:
        raise ConfigError(
            "every setting has a value, so nothing is left to tune",
            hint="leave some settings out of --config and --set",
        )
    metadata: dict[str, Any] = {
        "schema_version": 1,
        "config": default.model_dump(mode="json"),
        "space": dump_space(space),
        "data": source.absolute,
        "fingerprint": fingerprint(loaded.panel),
        "workers": config.ensemble.workers,
        "trials": TRIALS if trials is None and seconds is None else trials,
        "seconds": seconds,
    }
    with as_output_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
    origins.record(_identify(metadata))
    study = Study.create(folder, metadata, extract_values(task.base, space))
    return _tune(study, task, metadata["trials"], seconds, watch)


def resume(
    folder: Path,
    *,
    data: str | None = None,
    query: str | None = None,
    trials: int | None = None,
    seconds: float | None = None,
    watch: Watch = ignore,
) -> TuneResult:
    """Continue a study, whether it was interrupted, has ended, or runs in another process.

    Args:
        data: the data of the study; None for the place that the study names, if this user began it here.
        query: the SQL query of the data, if it is a database.
        trials, seconds: new limits; if both are None, the rest of the old limits.

    Raises:
        InputError: the folder contains no study.
        UsageError: somebody else began the study, or began it elsewhere, and `data` is None.
        DataError: the data has changed.
    """
    study = Study.open(folder)
    metadata = study.metadata
    default = validate(metadata["config"], str(folder / DATABASE))
    if data is None:
        refuse_foreign(folder, str(metadata["data"]), _identify(metadata), command="tune")
        data, query = str(metadata["data"]), default.data.query
    loaded = read_data(Source.parse(data, query=query), default, None, watch, is_sample=True)
    if fingerprint(loaded.panel) != metadata["fingerprint"]:
        raise DataError(
            f"{metadata['data']}: has changed since the study began", hint="start a new study without --resume"
        )
    if trials is None and seconds is None:
        trials, seconds = metadata["trials"], metadata["seconds"]
        if seconds is not None:
            seconds = max(seconds - study.seconds, 0.0)
    return _tune(study, _make_task(default, loaded, metadata["data"], metadata.get("workers")), trials, seconds, watch)


def _identify(metadata: dict[str, Any]) -> bytes:
    """Return bytes that identify a study, the same before it is written and after it is read."""
    return json.dumps(metadata, sort_keys=True).encode()


def _tune(study: Study, task: _Task, trials: int | None, seconds: float | None, watch: Watch) -> TuneResult:
    from forecaster.selection.search.trial import TrialContext, make_objective

    default, source = task.default, task.default.data.path or ""
    validation = split(task.visible, task.plan.horizon, is_calibrated=False, has_holdout=False).validation

    missing = (trials or TRIALS) - len(study.trials())
    places = count_places(task.max_workers, task.base.training.threads)
    workers = min(TRIALS_PER_ROUND, places, missing * task.base.training.steps // MIN_STEPS_PER_WORKER)
    objective = make_objective(TrialContext(task.base, task.visible, validation), workers=workers, watch=watch)
    space = load_space(study.metadata["space"])
    limits = Limits(trials, seconds, reserve=_evaluation_cost(default))
    try:
        search(study, objective, space, seed=default.training.seed, limits=limits, watch=watch)
        if study.has_running_trials:
            return TuneResult(study.folder, source, None)
        leaders = study.leaders()
        if not leaders:
            raise DataError(
                f"{source}: no trial reached a finite loss",
                hint="try other settings, or look for unusual values with `forecast inspect`",
            )
        tuned = _combine_leaders(task, leaders)
        evaluation = evaluate_settings({"tuned": tuned, "default": default}, task.panel, task.plan, watch)
        metrics = without_nan({"schema_version": 1, "tune": summarize_study(study, leaders) | evaluation})
    except Interrupted as stop:
        command = shlex.join(["forecast", "tune", "--resume", str(study.folder)])
        raise Interrupted(stop.signum, hint=f"resume with `{command}`") from stop
    first_line = MODELINE if place_schema(study.folder) else ""
    atomic_write(study.folder / bundle.CONFIG, (first_line + dump(tuned)).encode())
    atomic_write(study.folder / bundle.METRICS, bundle.json_bytes(metrics))
    return TuneResult(study.folder, source, metrics)


def _make_task(default: Config, loaded: LoadedData, place: str, workers: int | None) -> _Task:
    """Return the task of a study.

    Args:
        default: the resolved config to improve.
        place: the name of the data in errors.
        workers: `ensemble.workers` before the config was resolved.
    """
    plan = _make_plan(default)
    unresolved = default.model_copy(update={"ensemble": default.ensemble.model_copy(update={"workers": workers})})
    single_fit = {"training": {"refit": False, "budget": None}}
    base = validate(merge(members_of(default)[0].model_dump(), single_fit), "settings")
    visible = cut_at_first_cutoff(loaded.panel, plan, place)
    return _Task(default, base, loaded.panel, visible, plan, max_workers(unresolved))


def _make_plan(config: Config) -> Plan:
    """Return folds with a single fit before the first one; trials use only the data before it."""
    return replace(Plan(config.horizon, **config.evaluation.model_dump()), refit=0)


def _set_folds(config: Config, panel: Panel, place: str, watch: Watch) -> Config:
    """Set the number of folds, if the config does not, so that most of the data is left for the trials.

    Raises: DataError: the series are too short.
    """
    horizon, stride = config.horizon, config.evaluation.stride or config.horizon
    fitting = (int(panel.lengths.max() * _MAX_FOLD_SHARE) - horizon) // stride + 1
    folds = config.evaluation.folds or min(FOLDS, max(fitting, 1))
    config = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"folds": folds, "refit": 0})})
    visible = cut_at_first_cutoff(panel, _make_plan(config), place)
    validation = split(visible, horizon, is_calibrated=False, has_holdout=False).validation
    if not validation.any():
        raise DataError(
            f"{place}: {int(visible.lengths.max())} steps before the last {plural(folds, 'fold')} of {horizon} steps"
            f" are too few for a search, which needs {2 * horizon + 1}",
            hint="pass a shorter --horizon, or fewer --folds" if folds > 1 else "pass a shorter --horizon",
        )
    steps = int(_make_plan(config).steps_back[0])
    watch(Note(f"trials do not use the last {steps} steps; the result is evaluated on {plural(folds, 'fold')} there"))
    if (horizons := int((validation // horizon).sum())) < _MIN_HORIZONS:
        scope = f"{plural(horizons, 'horizon')} of data"
        watch(Note(f"the trials are compared on only {scope}, so the best may be best by chance"))
    return config


def _replace_auto_scale(config: Config) -> Config:
    """Return the config with the usual scale if its scale is `auto`, which the trials choose."""
    if config.scale.kind != "auto":
        return config
    return config.model_copy(update={"scale": config.scale.model_copy(update={"kind": "last"})})


def _evaluation_cost(config: Config) -> float:
    """Return the time to train a config as `train` does, as a multiple of the time to train one of its networks."""
    networks = len(members_of(config)) / workers_of(config)
    return networks * (2 if config.training.refit else 1)


def _combine_leaders(task: _Task, leaders: Sequence[Trial]) -> Config:
    """Return a config with as many networks as the default, each with the settings of one of the best trials."""
    count = max(len(task.default.ensemble.variants), 1)
    variants = [make_variant(task.base, trial.values) for trial in leaders[:count]]
    training = task.default.training.model_dump(include={"refit", "budget"})
    ensemble = {"seeds": task.default.ensemble.seeds, "workers": task.default.ensemble.workers}
    best = apply_values(task.base, leaders[0].values).model_dump()
    changes = {"training": training, "ensemble": ensemble | {"variants": variants if count > 1 else []}}
    return validate(merge(best, changes), "settings")
