"""`forecast compare`: backtest models on the same cutoffs, rank them, and test which differences are significant."""

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from forecaster.config import Config
from forecaster.errors import ForecastError, Interrupted
from forecaster.evaluation import significance
from forecaster.evaluation.backtest import Backtest, Plan, count_fitting
from forecaster.evaluation.compare import Comparison, ModelResult, Place, choose_fold_count
from forecaster.evaluation.compare import compare as rank
from forecaster.evaluation.score import without_nan
from forecaster.evaluation.verdict import BASELINES, MOSTLY_ZEROS, Loss, choose_loss, describe_evidence
from forecaster.events import ModelCompared, Note, Watch, ignore
from forecaster.models.variants import max_workers
from forecaster.panel import Panel
from forecaster.report.words import plural
from forecaster.settings import dump
from forecaster.store import bundle, pretrained
from forecaster.store.files import new_folder, write_through
from forecaster.workflows.backtest import (
    backtest_model,
    cut_at_first_cutoff,
    default_config,
    is_trained,
    resolve_from_data,
    with_shared_sections,
)
from forecaster.workflows.reading import read_data
from forecaster.workflows.results import choose_folder
from forecaster.workflows.scoring import units_of
from forecaster.workflows.source import Source

LEADERBOARD = "leaderboard.csv"

_INTERMITTENT = ("croston", "tsb")
_MAX_FOLDS = 200  # the most that a comparison suggests
_PRETRAINED, _THETA = "pretrained", "auto_theta"
_MAX_DEFAULT_THETA = 300  # Theta joins by default up to this many forecasts, which take about a minute.


@dataclass(frozen=True)
class CompareResult:
    """The result of a comparison.

    Attributes:
        folder: the folder with `leaderboard.csv`, `metrics.json` and `config.yaml`.
        metrics: the content of metrics.json.
    """

    folder: Path
    metrics: dict[str, Any]


def compare(
    config: Config,
    models: Mapping[str, Config] | None = None,
    *,
    by: str | None = None,
    out: Path | None = None,
    stdin: BinaryIO | None = None,
    watch: Watch = ignore,
) -> CompareResult:
    """Backtest models and the naive forecasts on the same cutoffs of `config.data.path`, and rank them.

    Settings that depend on the data are resolved on the data before the first cutoff. `config.yaml` is that of the
    model to use, which has the lowest loss.

    Args:
        config: its sections `data` and `evaluation` apply to all models. If it does not set the number of folds, the
            length of the series does.
        models: the config of each model, by its name in the leaderboard; None for the config's own model,
            the pretrained network and Theta.
        by: the metric that the leaderboard is sorted by; None for MASE, or for WQL if most values are 0.
        out: the folder of the results; None for `runs/<name>-compare-<time>`.
        stdin: the stream that the path `-` stands for.

    Raises:
        ForecastError: see the errors of `data.load` and `store.files`; an error of a model names the model.
        DataError: the series are too short for the folds.
        Interrupted: a signal stopped the comparison; nothing was written.
    """
    source = Source.of(config.data)
    folder = choose_folder(source, out, command="compare")
    loaded = read_data(source, config, stdin, watch, is_sample=True)
    panel = loaded.panel
    config = _set_folds(config.model_copy(update={"data": loaded.config}), panel, watch)
    plan = Plan(config.horizon, **config.evaluation.model_dump())
    loss = _choose_loss(panel, by, watch)
    visible = cut_at_first_cutoff(panel, plan, source.place)
    configs = _with_baselines(config, models or _choose_default_models(config, panel, plan, watch))
    entries: dict[str, ModelResult] = {}
    # Models without networks come first: they are fast, and an optional package may be missing.
    for number, name in enumerate(sorted(configs, key=lambda name: is_trained(configs[name]))):
        watch(ModelCompared(name, number, len(configs)))
        with _name_in_errors(name):
            most_workers = max_workers(configs[name])
            configs[name] = resolve_from_data(configs[name], visible, plan.horizon, watch=watch)
            test = backtest_model(configs[name], panel, plan, source.place, most_workers=most_workers, watch=watch)
        entries[name] = ModelResult.of(test, loss)
        forecasts, fallbacks = len(test.series), entries[name].fallbacks
        if fallbacks:
            watch(Note(f"{name}: {fallbacks} of {forecasts} forecasts failed and were replaced by a fallback"))
    comparison = rank(entries, test.series, units_of(test, plan), by=by or loss)
    recommended = comparison.recommended
    metrics = _compile_metrics(comparison, loss, test, panel, plan)
    with new_folder(folder) as temporary:
        write_through(temporary / LEADERBOARD, _leaderboard(metrics["compare"]["models"]))
        write_through(temporary / bundle.METRICS, bundle.json_bytes(metrics))
        write_through(temporary / bundle.CONFIG, dump(configs[recommended.model]).encode())
    return CompareResult(folder, metrics)


def _choose_default_models(config: Config, panel: Panel, plan: Plan, watch: Watch) -> dict[str, Config]:
    """Return the config's own model and the pretrained network, and Theta if it is installed and fast enough."""
    models = {config.name: config}
    if pretrained.is_available():
        models.setdefault(_PRETRAINED, default_config(_PRETRAINED, config))
    forecasts = len(panel) * plan.folds
    if importlib.util.find_spec("statsforecast") is None:
        watch(Note(f"{_THETA} is left out: the package `statsforecast` is not installed"))
    elif forecasts > _MAX_DEFAULT_THETA:
        watch(
            Note(
                f"{_THETA} is left out, because {forecasts} forecasts would take too long; to compare it, pass --models"
            )
        )
    else:
        models[_THETA] = default_config(_THETA, config)
    return models | (_choose_intermittent_models(config) if choose_loss(panel) == "wql" else {})


def _choose_loss(panel: Panel, by: str | None, watch: Watch) -> Loss:
    """Return the loss of the tests: the metric that ranks the models if it is one, else by the share of zeros."""
    losses: dict[str | None, Loss] = {"mase": "mase", "wql": "wql"}
    loss = losses.get(by) or choose_loss(panel)
    if loss == "wql" and by is None:
        watch(Note(f"{MOSTLY_ZEROS}: ranked by WQL; --by overrides"))
    return loss


def _choose_intermittent_models(config: Config) -> dict[str, Config]:
    """Return the models of intermittent demand, if their package is installed."""
    if importlib.util.find_spec("statsforecast") is None:
        return {}
    return {name: default_config(name, config) for name in _INTERMITTENT}


def _set_folds(config: Config, panel: Panel, watch: Watch) -> Config:
    """Set the number of folds by the length of the series if the config does not."""
    evaluation = config.evaluation
    if evaluation.folds is not None:
        return config
    folds = choose_fold_count(panel, config.horizon, evaluation.stride)
    watch(Note(f"{plural(folds, 'fold')}, by the length of the series; --folds overrides"))
    return config.model_copy(update={"evaluation": evaluation.model_copy(update={"folds": folds})})


def _with_baselines(config: Config, models: Mapping[str, Config]) -> dict[str, Config]:
    """Add the naive forecasts that are missing, and give every config the same data and folds."""
    missing = {name: default_config(name, config) for name in BASELINES if name not in models}
    return {name: with_shared_sections(each, config) for name, each in {**models, **missing}.items()}


@contextmanager
def _name_in_errors(model: str) -> Iterator[None]:
    """Add the name of the model to errors."""
    try:
        yield
    except Interrupted:
        raise
    except ForecastError as error:
        raise type(error)(f"{model}: {error.message}", hint=error.hint) from error
    except Exception as error:
        error.add_note(f"while comparing {model}")
        raise


def _compile_metrics(comparison: Comparison, loss: Loss, test: Backtest, panel: Panel, plan: Plan) -> dict[str, Any]:
    """Return the content of metrics.json.

    Args:
        loss: the loss of the significance tests.
        test: the backtest of any of the models.
    """
    series = len(np.unique(test.series))
    cutoffs = np.array([test.forecast.cutoff.min(), test.forecast.cutoff.max()])
    fewest = significance.minimum_differences(comparison.units.overlap)
    first, last = panel.frequency.format(cutoffs, panel.zone).tolist()
    leader = comparison.leader
    most_folds = count_fitting(panel, replace(plan, folds=_MAX_FOLDS))
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
        "by": comparison.by,
        "test": {
            "name": "Diebold-Mariano, corrected for small samples (Harvey, Leybourne & Newbold), of scaled errors",
            "units": comparison.units.kind,
            "count": comparison.unit_count,
            "fewest": fewest,
            "possible": most_folds >= fewest,
            "most_folds": most_folds,
            "overlap": comparison.units.overlap,
            "level": significance.LEVEL,
            "adjusted": "Holm",
        },
        "models": {place.model: _leaderboard_row(place, comparison) for place in comparison.places},
        "steps_won": list(comparison.steps_won),
        "leader": leader.model,
        "chosen": comparison.recommended.model,
    }
    return without_nan(
        {
            "schema_version": 1,
            "compare": block,
            **_skills(leader),
            "verdict": leader.verdict,
            "evidence": describe_evidence(leader.tests, comparison.units, loss),
        }
    )


def _leaderboard_row(place: Place, comparison: Comparison) -> dict[str, Any]:
    """Return the row of a model in the leaderboard."""
    tests = place.tests
    return {
        **place.result.score,
        **_skills(place),
        **{f"p_{name}": tests[name].p if name in tests else None for name in BASELINES},
        "beats": [name for name in BASELINES if name in tests and tests[name].is_better],
        "verdict": place.verdict,
        "series_won": place.series_won,
        "steps_won": comparison.steps_won.count(place.model),
        "fallbacks": place.result.fallbacks,
        "train_seconds": round(place.result.fit_seconds, 3),
        "predict_seconds": round(place.result.predict_seconds, 3),
    }


def _skills(place: Place) -> dict[str, float | None]:
    names = {"skill": "seasonal_naive", "skill_naive": "naive"}
    return {key: place.tests[name].skill if name in place.tests else None for key, name in names.items()}


def _leaderboard(models: Mapping[str, Mapping[str, Any]]) -> bytes:
    rows = [{"model": name, **row, "beats": " ".join(row["beats"])} for name, row in models.items()]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode()
