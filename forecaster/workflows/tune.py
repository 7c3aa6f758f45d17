"""`forecast tune`: search settings on the past, and judge the best beside the default on later folds."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from forecaster import runtime
from forecaster.config import Config, NetworkModel
from forecaster.config.tree import merge, validate
from forecaster.data.load import LoadedData
from forecaster.errors import ConfigError, DataError, InputError, Interrupted, UsageError
from forecaster.evaluation.backtest import Backtest, Plan
from forecaster.evaluation.backtest import backtest as forecast_folds
from forecaster.evaluation.score import Score, score, without_nan
from forecaster.evaluation.split import split
from forecaster.events import Note, Watch, ignore
from forecaster.models.naive import SeasonalNaive
from forecaster.models.variants import max_workers, members_of, workers_of
from forecaster.panel import Panel
from forecaster.parallel.pool import MIN_STEPS_PER_WORKER
from forecaster.selection.fold_fits import make_fit
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
from forecaster.store import bundle
from forecaster.store.files import as_output_error, atomic_write
from forecaster.workflows.backtest import FOLDS, cut_at_first_cutoff
from forecaster.workflows.manifest import fingerprint
from forecaster.workflows.reading import read_data
from forecaster.workflows.results import choose_folder
from forecaster.workflows.source import Source

TRIALS = 30
_LISTED = 5
_FEW_HORIZONS = 5  # of the validation tails together
_KEPT_BACK = 4  # folds take at most a quarter of a long series


@dataclass(frozen=True)
class TuneResult:
    """What came of a search.

    Attributes:
        folder: where `study.db`, `config.yaml` and `metrics.json` lie.
        source: the data, as given.
        metrics: the content of metrics.json; None where another process is still at work and will judge.
    """

    folder: Path
    source: str
    metrics: dict[str, Any] | None


@dataclass(frozen=True)
class _Task:
    """What is searched, and on what.

    Attributes:
        default: the resolved config to beat.
        base: one network of it, which trials vary.
        seen: what the search sees of the panel.
        most: networks that may train at a time.
    """

    default: Config
    base: Config
    panel: Panel
    seen: Panel
    plan: Plan
    most: int


def tune(
    config: Config,
    *,
    trials: int | None = None,
    seconds: float | None = None,
    out: Path | None = None,
    stdin: BinaryIO | None = None,
    watch: Watch = ignore,
) -> TuneResult:
    """Search what nobody decided of a config, on `config.data.path`.

    Args:
        trials: to take in all; None for 30, or where there is a time, for any number.
        seconds: time for all; None for any.
        out: the folder of the study; None chooses `runs/<name>-tune-<time>`.
        stdin: what `-` reads.

    Raises:
        ForecastError: see the errors of `data.load` and `store.files`.
        DependencyError: the library that searches is not installed.
        UsageError: a baseline is named, which has nothing to search.
        ConfigError: every setting is decided.
        DataError: the series are too short for a search and a fold besides.
        Interrupted: a signal stopped the search; its hint says how to go on.
    """
    load_optuna()
    if not isinstance(config.model, NetworkModel):
        raise UsageError(
            f"{config.model.kind} has nothing to tune", hint="name a network, such as --model gru, or leave --model out"
        )
    source = Source.of(config.data)
    folder = choose_folder(source, out, command="tune")
    loaded = read_data(source, config, stdin, watch, is_sample=True)
    config = _keep_folds_back(config.model_copy(update={"data": loaded.config}), loaded.panel, source.place, watch)
    runtime.resolve_device(config.training.device)  # refused before anything is written
    seen = cut_at_first_cutoff(loaded.panel, _plan(config), source.place)
    default = resolve(_without_auto(config), seen)
    task = _task(default, loaded, source.place, config.ensemble.workers)
    space = find_space(task.base, seen, list_fixed_keys(config))
    if not space:
        raise ConfigError("every setting is decided, so nothing is left to search", hint="leave some out of --config")
    facts: dict[str, Any] = {
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
    study = Study.create(folder, facts, extract_values(task.base, space))
    return _tune(study, task, facts["trials"], seconds, watch)


def resume(
    folder: Path, *, trials: int | None = None, seconds: float | None = None, watch: Watch = ignore
) -> TuneResult:
    """Go on with a study, whether it was interrupted, is over, or is at work in another process.

    Args:
        trials, seconds: new limits; None of both for what is left of the old ones.

    Raises:
        InputError: no study lies there.
        DataError: the data is no longer what it was.
    """
    study = Study.open(folder)
    facts = study.metadata
    if facts["data"] == "-":
        raise InputError("standard input cannot be read again", hint="tune on a file to be able to resume")
    default = validate(facts["config"], str(folder / DATABASE))
    loaded = read_data(Source.parse(facts["data"], query=default.data.query), default, None, watch, is_sample=True)
    if fingerprint(loaded.panel) != facts["fingerprint"]:
        raise DataError(f"{facts['data']}: has changed since the study began", hint="tune anew, without --resume")
    if trials is None and seconds is None:
        trials, seconds = facts["trials"], facts["seconds"]
        if seconds is not None:
            seconds = max(seconds - study.seconds, 0.0)
    return _tune(study, _task(default, loaded, facts["data"], facts.get("workers")), trials, seconds, watch)


def _tune(study: Study, task: _Task, trials: int | None, seconds: float | None, watch: Watch) -> TuneResult:
    from forecaster.selection.search.trial import TrialContext, make_objective

    default, source = task.default, task.default.data.path or ""
    validation = split(task.seen, task.plan.horizon, is_calibrated=False, has_holdout=False).validation

    missing = (trials or TRIALS) - len(study.trials())
    workers = min(TRIALS_PER_ROUND, task.most, missing * task.base.training.steps // MIN_STEPS_PER_WORKER)
    objective = make_objective(TrialContext(task.base, task.seen, validation), workers=workers, watch=watch)
    space = load_space(study.metadata["space"])
    limits = Limits(trials, seconds, reserve=_cost_of_judging(default))
    try:
        search(study, objective, space, seed=default.training.seed, limits=limits, watch=watch)
        if study.has_running_trials:
            return TuneResult(study.folder, source, None)
        leaders = study.leaders()
        if not leaders:
            raise DataError(f"{source}: no trial came to a loss", hint="try other settings, or look at the data")
        tuned = _compose(task, leaders)
        metrics = {"schema_version": 1, "tune": _tell_search(study, leaders) | _judge(task, tuned, watch)}
    except Interrupted as stop:
        again = shlex.join(["forecast", "tune", "--resume", str(study.folder)])
        raise Interrupted(stop.signum, hint=f"go on with `{again}`") from stop
    atomic_write(study.folder / bundle.CONFIG, dump(tuned).encode())
    atomic_write(study.folder / bundle.METRICS, bundle.json_bytes(without_nan(metrics)))
    return TuneResult(study.folder, source, without_nan(metrics))


def _task(default: Config, loaded: LoadedData, source: str, workers: int | None) -> _Task:
    """What a resolved config asks for; `workers` is what it said before."""
    plan = _plan(default)
    asked = default.model_copy(update={"ensemble": default.ensemble.model_copy(update={"workers": workers})})
    alone = {"training": {"refit": False, "budget": None}}
    base = validate(merge(members_of(default)[0].model_dump(), alone), "settings")
    seen = cut_at_first_cutoff(loaded.panel, plan, source)
    return _Task(default, base, loaded.panel, seen, plan, max_workers(asked))


def _plan(config: Config) -> Plan:
    """Folds by one fit before the first of them: what precedes that is what the search sees."""
    return replace(Plan(config.horizon, **config.evaluation.model_dump()), refit=0)


def _keep_folds_back(config: Config, panel: Panel, source: str, watch: Watch) -> Config:
    """Settle how many folds judge: where nobody said it, as many as leave most of the data to the search.

    Raises: DataError: the series are too short.
    """
    horizon, stride = config.horizon, config.evaluation.stride or config.horizon
    spared = (int(panel.lengths.max()) // _KEPT_BACK - horizon) // stride + 1
    folds = config.evaluation.folds or min(FOLDS, max(spared, 1))
    kept = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"folds": folds, "refit": 0})})
    seen = cut_at_first_cutoff(panel, _plan(kept), source)
    validation = split(seen, horizon, is_calibrated=False, has_holdout=False).validation
    if not validation.any():
        raise DataError(
            f"{source}: {int(seen.lengths.max())} steps before the last {folds} folds of {horizon} are too few for a"
            f" search; it takes {2 * horizon + 1}",
            hint="pass a shorter --horizon, or fewer --folds" if folds > 1 else "pass a shorter --horizon",
        )
    steps = int(_plan(kept).steps_back[0])
    watch(Note(f"the search sees all but the last {steps} steps; {folds} fold{'s' * (folds > 1)} there will judge it"))
    if (horizons := int((validation // horizon).sum())) < _FEW_HORIZONS:
        watch(
            Note(f"only {horizons} horizon{'s' * (horizons > 1)} choose among trials: the best of many may be chance")
        )
    return kept


def _without_auto(config: Config) -> Config:
    """A scale of `auto` is what the search chooses; the default to beat has the usual one."""
    if config.scale.kind != "auto":
        return config
    return config.model_copy(update={"scale": config.scale.model_copy(update={"kind": "last"})})


def _cost_of_judging(config: Config) -> float:
    """How many times the time of one network it takes to train an ensemble of such as `train` does."""
    networks = len(members_of(config)) / workers_of(config)
    return networks * (2 if config.training.refit else 1)


def _compose(task: _Task, leaders: Sequence[Trial]) -> Config:
    """As many networks as the default has, each a variant with the settings of one of the best trials."""
    wanted = max(len(task.default.ensemble.variants), 1)
    variants = [make_variant(task.base, each.values) for each in leaders[:wanted]]
    training = task.default.training.model_dump(include={"refit", "budget"})
    ensemble = {"seeds": task.default.ensemble.seeds, "workers": task.default.ensemble.workers}
    best = apply_values(task.base, leaders[0].values).model_dump()
    own = {"training": training, "ensemble": ensemble | {"variants": variants if wanted > 1 else []}}
    return validate(merge(best, own), "settings")


def _judge(task: _Task, tuned: Config, watch: Watch) -> dict[str, Any]:
    """Backtest the tuned config, the default and seasonal naive on the folds that the search did not see."""
    tests: dict[str, Backtest] = {}
    for name, config in (("tuned", tuned), ("default", task.default)):
        watch(Note(f"judging the {name} settings on {task.plan.folds} folds"))
        tests[name] = forecast_folds(make_fit(config, watch), task.panel, task.plan, watch=watch)
    tests["seasonal_naive"] = forecast_folds(lambda _: SeasonalNaive(), task.panel, task.plan)
    scores = {name: score(each.forecast, each.actual, each.scale) for name, each in tests.items()}
    gain = {name: _gain(scores["tuned"], scores["default"], name) for name in ("mase", "wql")}
    cutoff = tests["tuned"].forecast.cutoff
    stamps = task.panel.frequency.format(np.array([cutoff.min(), cutoff.max()]), task.panel.zone).tolist()
    return {
        "unseen": {
            "cutoff": dict(zip(("first", "last"), stamps, strict=True)),
            "horizon": task.plan.horizon,
            "season": task.panel.season,
            "folds": task.plan.folds,
            "stride": task.plan.stride or task.plan.horizon,
            "series": len(np.unique(tests["tuned"].series)),
            "models": scores,
        },
        "gain": gain,
        "verdict": "better" if all(value > 0 for value in gain.values()) else "no better",
    }


def _gain(tuned: Score, default: Score, name: str) -> float:
    """1 - tuned / default: above 0 is better; NaN where there is no default's."""
    return 1 - tuned[name] / default[name] if default[name] else float("nan")


def _tell_search(study: Study, leaders: Sequence[Trial]) -> dict[str, Any]:
    trials = study.trials()
    return {
        "trials": len(trials),
        "pruned": sum(each.state == "pruned" for each in trials),
        "failed": sum(each.state == "failed" for each in trials),
        "seconds": round(study.seconds, 3),
        "default": {"trial": 1, "loss": trials[0].loss},
        "best": _tell(leaders[0]),
        "leaders": [_tell(each) for each in leaders[:_LISTED]],
    }


def _tell(trial: Trial) -> dict[str, Any]:
    return {"trial": trial.number, "loss": trial.loss, "settings": trial.values}
