"""Comparisons of the champion with a challenger or its own update, on recent cutoffs whose actuals neither has seen."""

import math
from dataclasses import dataclass

import numpy as np

from forecaster.config import Config
from forecaster.config.job import ChallengerConfig
from forecaster.data.load import LoadedData
from forecaster.evaluation.backtest import Backtest, Fit, Plan, backtest, count_fitting, find_participants
from forecaster.evaluation.breakdown import Array, add_up, score_groups
from forecaster.evaluation.score import score
from forecaster.events import Note, Watch
from forecaster.forecast import Forecaster, Updatable
from forecaster.models.build import adapt_to_machine
from forecaster.models.naive import SeasonalNaive
from forecaster.models.restore import restore_forecaster
from forecaster.panel import Panel
from forecaster.selection.fold_fits import make_fit
from forecaster.store.bundle import Bundle
from forecaster.store.manifest import Columns
from forecaster.workflows.backtest import resolve_from_data
from forecaster.workflows.job.policy import Evidence
from forecaster.workflows.job.summary import ComparisonSummary


@dataclass(frozen=True)
class Comparison:
    """The errors of two models on the same folds.

    Attributes:
        champion, challenger: mean absolute scaled errors; mean absolute errors if no series has a scale.
        folds: number of cutoffs per series.
        horizon: number of steps of each forecast.
        champion_as: `it is`, or `fitted anew` if its weights have seen the actuals of a fold.
    """

    champion: float
    challenger: float
    folds: int
    horizon: int
    champion_as: str

    def is_challenger_better(self, margin: float) -> bool:
        """Return True if the challenger's error is lower by more than the share `margin`."""
        return self.challenger < self.champion * (1 - margin)

    def to_summary(self, margin: float) -> ComparisonSummary:
        """Return the comparison for the run's summary."""
        return ComparisonSummary(**vars(self), has_won=self.is_challenger_better(margin))


@dataclass(frozen=True)
class ChallengerBacktest:
    """The backtest of a new model that was fitted before some recent cutoffs.

    Attributes:
        plan: the cutoffs.
        error: as in `Comparison`.
        evidence: errors per fold, for the gate.
    """

    plan: Plan
    error: float
    evidence: Evidence


def backtest_challenger(config: Config, loaded: LoadedData, folds: int, *, watch: Watch) -> ChallengerBacktest | None:
    """Fit a new model before the last horizons, and forecast them.

    Args:
        config: the job's config, not resolved.
        folds: maximum number of cutoffs, a horizon apart.

    Returns: None if every series is too short for one fold.
    """
    panel, horizon = loaded.panel, loaded.config.resolved_horizon
    count = count_fitting(panel, Plan(horizon, folds=folds, refit=0))
    if not count:
        return None
    plan = Plan(horizon, folds=count, refit=0)
    oldest = plan.visible_rows(panel, np.flatnonzero(find_participants(panel, plan)[:, 0]), 0)
    resolved = resolve_from_data(config.model_copy(update={"data": loaded.config}), oldest, horizon, watch=watch)
    watch(Note(f"testing the new model on {count} cutoffs"))
    result = backtest(make_fit(resolved, watch), panel, plan)
    naive = backtest(lambda _: SeasonalNaive(), panel, plan)
    coverage = score(result.forecast, result.actual, result.scale)["coverage80"]
    pairs = np.stack([_measure_folds(result, plan), _measure_folds(naive, plan)])
    errors = pairs[:, ~np.isnan(pairs).any(axis=0)].tolist()
    evidence = Evidence(tuple(errors[0]), tuple(errors[1]), coverage, "backtest")
    return ChallengerBacktest(plan, _measure(result), evidence)


def compare_with_champion(
    champion: Bundle, challenger: ChallengerBacktest, loaded: LoadedData, *, steps: int, watch: Watch
) -> Comparison | None:
    """Forecast with the champion from the cutoffs of the challenger's backtest.

    The champion's own weights are used if its data ends before the first fold. Otherwise they have seen actuals of some
    folds, and its settings are fitted again, on data that ends as many steps before the first fold as its own data ends
    before the end. The comparison then measures what training again after so many steps is worth.

    Args:
        loaded: the data, read as the champion's was.
        steps: number of steps that are new since the champion's data.

    Returns: None if the champion cannot read the data.
    """
    if not can_read(champion, loaded):
        return None
    plan = challenger.plan
    has_seen_actuals = champion.config.is_trained and steps < int(plan.steps_back[0])
    fit = _fit_earlier(champion.config, steps, watch) if has_seen_actuals else _without_fitting(champion)
    watch(Note(f"comparing the new model with the one in use on {plan.folds} cutoffs"))
    error = _measure(backtest(fit, loaded.panel, plan))
    champion_as = "fitted anew" if has_seen_actuals else "it is"
    return Comparison(error, challenger.error, plan.folds, plan.horizon, champion_as)


def compare_update(
    champion: Bundle, loaded: LoadedData, policy: ChallengerConfig, *, since: int, steps: int, watch: Watch
) -> Comparison | None:
    """Forecast the newer half of the new steps with the champion, and with its update on the older half.

    Args:
        since: newest cutoff of the champion's data.
        steps: number of steps that are new since then.

    Returns: None if there are too few new steps, or the champion cannot read the data.
    """
    panel = loaded.panel
    plan = _longest_plan(loaded.config.resolved_horizon, policy.folds, steps // 2)
    if plan is None or not can_read(champion, loaded):
        return None
    new_steps = panel.lengths - 1 - panel.frequency.index(panel.start, np.full(len(panel), since))  # [N]
    panel = panel.select(
        new_steps >= plan.steps_back[0]
    )  # the champion has seen all actuals of series that ended earlier
    if count_fitting(panel, plan) < plan.folds:
        return None
    watch(Note(f"comparing the model in use with an update of it on {plan.folds} cutoffs"))
    error = _measure(backtest(_without_fitting(champion), panel, plan))
    updated = backtest(lambda history: update_champion(champion, history, since, watch=watch), panel, plan)
    return Comparison(error, _measure(updated), plan.folds, plan.horizon, "it is")


def update_champion(champion: Bundle, panel: Panel, since: int, *, watch: Watch) -> Forecaster:
    """Continue the training of a champion on data that is new since a cutoff."""
    forecaster = _restore(champion)
    if isinstance(forecaster, Updatable):
        forecaster.update(panel, since, watch=watch)
    return forecaster


def _longest_plan(horizon: int, folds: int, max_steps: int) -> Plan | None:
    """Plan as many folds as fit into the last steps, and then as long a horizon as fits."""
    for count in range(folds, 0, -1):
        for steps in range(horizon, 0, -1):
            plan = Plan(steps, folds=count, stride=max(steps // folds, 1), refit=0)
            if plan.steps_back[0] <= max_steps:
                return plan
    return None


def can_read(champion: Bundle, loaded: LoadedData) -> bool:
    """Return True if a champion can forecast data as it was read: same columns, frequency, season and horizon."""
    trained = champion.manifest.data
    return bool(
        trained.columns == Columns.of(loaded.config)
        and loaded.panel.frequency == trained.frequency
        and loaded.panel.season == trained.season
        and loaded.config.horizon == champion.config.data.horizon
        and loaded.config.categories == champion.config.data.categories
    )


def _without_fitting(champion: Bundle) -> Fit:
    forecaster = _restore(champion)
    return lambda _: forecaster


def _restore(champion: Bundle) -> Forecaster:
    config = adapt_to_machine(champion.config)
    return restore_forecaster(config, champion.state, device=config.training.device)


def _fit_earlier(config: Config, steps: int, watch: Watch) -> Fit:
    fit = make_fit(config, watch)

    def fit_shortened(panel: Panel) -> Forecaster:
        rows = np.flatnonzero(panel.lengths > steps + 1)
        return fit(panel.select(rows).cut(steps) if len(rows) else panel)

    return fit_shortened


def _measure(result: Backtest) -> float:
    scores = score(result.forecast, result.actual, result.scale)
    return scores["mae"] if math.isnan(scores["mase"]) else scores["mase"]


def _measure_folds(result: Backtest, plan: Plan) -> Array:
    """Return the [folds] errors; NaN if no actual of a fold is known."""
    rows, _ = add_up(result)
    scores = score_groups(rows, result.fold, plan.folds)
    return scores["mae"] if np.isnan(scores["mase"]).all() else scores["mase"]
