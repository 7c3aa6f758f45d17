"""`forecast compare`: models on the same cutoffs, ranked, and held against chance."""

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from forecaster.config import AutoConfig, Config, NetworkModel
from forecaster.config.tree import validate
from forecaster.errors import DataError, ForecastError, Interrupted
from forecaster.evaluation import significance
from forecaster.evaluation.backtest import Backtest, Plan, backtest, count_fitting
from forecaster.evaluation.compare import BASELINES, Comparison, ModelResult, Place, Units, choose_fold_count
from forecaster.evaluation.compare import compare as rank
from forecaster.evaluation.score import without_nan
from forecaster.events import ModelCompared, Note, Watch, ignore
from forecaster.models.variants import max_workers
from forecaster.panel import Panel
from forecaster.selection.fold_fits import make_fit, make_parallel_fits
from forecaster.settings import dump
from forecaster.store import bundle
from forecaster.store.files import new_folder, write_through
from forecaster.workflows.backtest import cut_at_first_cutoff, resolve_from_data
from forecaster.workflows.reading import read_data
from forecaster.workflows.results import choose_folder
from forecaster.workflows.source import Source

LEADERBOARD = "leaderboard.csv"

_THETA = "auto_theta"
_THETAS = 300  # forecasts that it is asked for unasked: about a minute's


@dataclass(frozen=True)
class CompareResult:
    """What came of a comparison.

    Attributes:
        folder: where `leaderboard.csv`, `metrics.json` and `config.yaml` lie.
        metrics: the content of metrics.json.
    """

    folder: Path
    metrics: dict[str, Any]


def compare(
    config: Config,
    models: Mapping[str, Config] | None = None,
    *,
    by: str = "mase",
    out: Path | None = None,
    stdin: BinaryIO | None = None,
    watch: Watch = ignore,
) -> CompareResult:
    """Backtest models on the same cutoffs of `config.data.path`, the naive forecasts among them, and rank them.

    What the data decides of a model is decided by what precedes the first cutoff. `config.yaml` is that of the model
    to use: the first of the leaderboard that beats both naive forecasts by more than chance, else the better naive one.

    Args:
        config: its sections `data` and `evaluation` hold for all models; folds that it does not set follow from the
            length of the series.
        models: a config each, by the name that the leaderboard gives it; None for the config's own and Theta.
        by: the metric that ranks.
        out: the folder of the results; None chooses `runs/<name>-compare-<time>`.
        stdin: what `-` reads.

    Raises:
        ForecastError: see the errors of `data.load` and `store.files`; a model's own error names it.
        DataError: the series are too short for the folds.
        Interrupted: a signal stopped the run; nothing was written.
    """
    source = Source.of(config.data)
    folder = choose_folder(source, out, command="compare")
    loaded = read_data(source, config, stdin, watch, is_sample=True)
    panel = loaded.panel
    config = _with_folds(config.model_copy(update={"data": loaded.config}), panel, watch)
    plan = Plan(config.horizon, **config.evaluation.model_dump())
    oldest = cut_at_first_cutoff(panel, plan, source.place)
    configs = _with_baselines(config, models or _usual(config, panel, plan, watch))
    entries: dict[str, ModelResult] = {}
    for number, name in enumerate(sorted(configs, key=lambda name: _learns(configs[name]))):  # what may lack first
        watch(ModelCompared(name, number, len(configs)))
        with _named(name):
            most = max_workers(configs[name])
            configs[name] = resolve_from_data(configs[name], oldest, plan.horizon, watch=watch)
            test = _backtest(configs[name], panel, plan, most, source.place, watch)
        entries[name] = ModelResult.of(test)
        forecasts, fallbacks = len(test.series), entries[name].fallbacks
        if fallbacks:
            watch(Note(f"{name}: {fallbacks} of {forecasts} forecasts are a fallback's"))
    found = rank(entries, test.series, Units.of(test, plan), by=by)
    chosen = found.best or found.baseline
    metrics = _metrics(found, chosen, test, panel, plan)
    with new_folder(folder) as temporary:
        write_through(temporary / LEADERBOARD, _leaderboard(metrics["compare"]["models"]))
        write_through(temporary / bundle.METRICS, bundle.json_bytes(metrics))
        write_through(temporary / bundle.CONFIG, dump(configs[chosen.model]).encode())
    return CompareResult(folder, metrics)


def _usual(config: Config, panel: Panel, plan: Plan, watch: Watch) -> dict[str, Config]:
    """The config's own model, and Theta where it is there and does not take too long."""
    usual = {config.name: config}
    forecasts = len(panel) * plan.folds
    if importlib.util.find_spec("statsforecast") is None:
        watch(Note(f"{_THETA} is left out: the package `statsforecast` is not installed"))
    elif forecasts > _THETAS:
        watch(
            Note(f"{_THETA} is left out, for {forecasts} forecasts would take it long; --models names what to compare")
        )
    else:
        usual[_THETA] = _alone(_THETA, config)
    return usual


def _with_folds(config: Config, panel: Panel, watch: Watch) -> Config:
    evaluation = config.evaluation
    if evaluation.folds is not None:
        return config
    folds = choose_fold_count(panel, config.horizon, evaluation.stride)
    watch(Note(f"{folds} fold{'s' * (folds > 1)}, by the length of the series; --folds overrides"))
    return config.model_copy(update={"evaluation": evaluation.model_copy(update={"folds": folds})})


def _with_baselines(config: Config, models: Mapping[str, Config]) -> dict[str, Config]:
    """The config of every model, and of the naive forecasts that were not named, all of the same data and folds."""
    missing = {name: _alone(name, config) for name in BASELINES if name not in models}
    shared = {"data": config.data, "evaluation": config.evaluation}
    return {name: each.model_copy(update=shared) for name, each in {**models, **missing}.items()}


def _alone(kind: str, config: Config) -> Config:
    """A model that nobody set anything of, its intervals calibrated if the config's are."""
    return validate({"model": {"kind": kind}, "conformal": config.conformal.model_dump()}, "settings")


def _learns(config: Config) -> bool:
    return isinstance(config.model, NetworkModel | AutoConfig)


def _backtest(config: Config, panel: Panel, plan: Plan, most: int, source: str, watch: Watch) -> Backtest:
    """Forecast every fold; what learns nothing needs no fit of its own for each, and is asked for all at once."""
    if not _learns(config) and not config.conformal.is_on:
        plan = replace(plan, refit=0)
    try:
        run_groups = make_parallel_fits(config, plan, max_workers=most, watch=watch)
        return backtest(make_fit(config, watch), panel, plan, watch=watch, run_groups=run_groups)
    except DataError as error:
        raise DataError(f"{source}: {error.message}", hint=error.hint) from error


@contextmanager
def _named(model: str) -> Iterator[None]:
    """Say which model it was that failed."""
    try:
        yield
    except Interrupted:
        raise
    except ForecastError as error:
        raise type(error)(f"{model}: {error.message}", hint=error.hint) from error
    except Exception as error:
        error.add_note(f"while {model} was compared")
        raise


def _metrics(found: Comparison, chosen: Place, test: Backtest, panel: Panel, plan: Plan) -> dict[str, Any]:
    series = len(np.unique(test.series))
    cutoffs = np.array([test.forecast.cutoff.min(), test.forecast.cutoff.max()])
    fewest = significance.minimum_differences(found.units.overlap)
    first, last = panel.frequency.format(cutoffs, panel.zone).tolist()
    leader = found.best or next((place for place in found.places if place.model not in BASELINES), found.baseline)
    block = {
        "cutoff": {"first": first, "last": last},
        "horizon": plan.horizon,
        "season": panel.season,
        "folds": plan.folds,
        "stride": plan.stride or plan.horizon,
        "refit": plan.refit,
        "window": plan.window,
        "series": series,
        "unscored": len(panel) - series,
        "forecasts": len(test.series),
        "by": found.by,
        "test": {
            "name": "Diebold-Mariano, corrected for small samples (Harvey, Leybourne & Newbold), of scaled errors",
            "units": found.units.kind,
            "count": found.unit_count,
            "fewest": fewest,
            "possible": count_fitting(panel, replace(plan, folds=fewest)) >= fewest,
            "overlap": found.units.overlap,
            "level": significance.LEVEL,
            "adjusted": "Holm",
        },
        "models": {place.model: _row(place, found) for place in found.places},
        "steps_won": list(found.steps_won),
        "unbeaten": found.unbeaten,
        "leader": leader.model,
        "chosen": chosen.model,
    }
    return without_nan(
        {
            "schema_version": 1,
            "compare": block,
            **_skills(leader),
            "verdict": _verdict(found.best is not None),
        }
    )


def _row(place: Place, found: Comparison) -> dict[str, Any]:
    """A row of the leaderboard."""
    against = place.tests
    return {
        **place.result.score,
        **_skills(place),
        **{f"p_{name}": against[name].p if name in against else None for name in BASELINES},
        "beats": [name for name in BASELINES if name in against and against[name].is_better],
        "verdict": _verdict(place.is_better),
        "series_won": place.series_won,
        "steps_won": found.steps_won.count(place.model),
        "fallbacks": place.result.fallbacks,
        "train_seconds": round(place.result.fit_seconds, 3),
        "predict_seconds": round(place.result.predict_seconds, 3),
    }


def _skills(place: Place) -> dict[str, float | None]:
    names = {"skill": "seasonal_naive", "skill_naive": "naive"}
    return {key: place.tests[name].skill if name in place.tests else None for key, name in names.items()}


def _verdict(is_better: bool) -> str:
    return "better" if is_better else "no better"


def _leaderboard(models: Mapping[str, Mapping[str, Any]]) -> bytes:
    rows = [{"model": name, **row, "beats": " ".join(row["beats"])} for name, row in models.items()]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode()
