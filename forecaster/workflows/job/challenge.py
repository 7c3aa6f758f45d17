"""A new model, or an update of the one in use, against that on the same recent cutoffs; none has seen what follows."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from forecaster.config import Config, NetworkModel
from forecaster.config.job import ChallengerConfig
from forecaster.data.load import LoadedData
from forecaster.evaluation.backtest import Backtest, Fit, Plan, backtest, count_fitting, find_participants
from forecaster.evaluation.breakdown import Array, add_up, score_groups
from forecaster.evaluation.score import score
from forecaster.events import Note, Watch
from forecaster.forecast import Forecaster, Updatable
from forecaster.models.build import adapt_to_machine, build
from forecaster.models.naive import SeasonalNaive
from forecaster.panel import Panel
from forecaster.selection.fold_fits import make_fit
from forecaster.store.bundle import Bundle
from forecaster.workflows.backtest import resolve_before
from forecaster.workflows.job.policy import Evidence
from forecaster.workflows.manifest import COLUMNS


@dataclass(frozen=True)
class Contest:
    """Two models on the same folds.

    Attributes:
        champion, challenger: mean absolute scaled errors; of series without a scale, mean absolute errors.
        folds: cutoffs that both forecast from.
        horizon: steps of each forecast.
        champion_as: `it is`, or `fitted anew` where its weights had seen some folds.
    """

    champion: float
    challenger: float
    folds: int
    horizon: int
    champion_as: str

    def is_won(self, margin: float) -> bool:
        """Whether the challenger is better by a share of more than `margin`."""
        return self.challenger < self.champion * (1 - margin)

    def to_dict(self, margin: float) -> dict[str, Any]:
        return {**asdict(self), "has_won": self.is_won(margin)}


@dataclass(frozen=True)
class Proof:
    """What a model showed that was fitted on what precedes some recent cutoffs.

    Attributes:
        plan: the cutoffs.
        error: see `Contest`.
    """

    plan: Plan
    error: float
    evidence: Evidence


def prove(config: Config, loaded: LoadedData, folds: int, *, watch: Watch) -> Proof | None:
    """Forecast the last horizons by a model that has seen none of them.

    Args:
        config: the job's, not resolved.
        folds: cutoffs, a horizon apart; as many as fit.

    Returns: None where the series are too short for one.
    """
    panel, horizon = loaded.panel, loaded.config.resolved_horizon
    count = count_fitting(panel, Plan(horizon, folds=folds, refit=0))
    if not count:
        return None
    plan = Plan(horizon, folds=count, refit=0)
    oldest = plan.visible_rows(panel, np.flatnonzero(find_participants(panel, plan)[:, 0]), 0)
    resolved = resolve_before(config.model_copy(update={"data": loaded.config}), oldest, horizon, watch=watch)
    watch(Note(f"trying the new model on {count} cutoffs"))
    test = backtest(make_fit(resolved, watch), panel, plan)
    naive = backtest(lambda _: SeasonalNaive(), panel, plan)
    coverage = score(test.forecast, test.actual, test.scale)["coverage80"]
    pairs = np.stack([_by_fold(test, plan), _by_fold(naive, plan)])
    errors = pairs[:, ~np.isnan(pairs).any(axis=0)].tolist()
    return Proof(plan, _error_of(test), Evidence(tuple(errors[0]), tuple(errors[1]), coverage, "backtest"))


def contest(champion: Bundle, proof: Proof, loaded: LoadedData, *, steps: int, watch: Watch) -> Contest | None:
    """Forecast by the champion what the challenger has forecast.

    The champion forecasts as it is where its data ends before the first fold. Else its weights have seen some folds,
    and a stand-in takes its place: its settings, fitted on data that ends as many steps before the first fold as its
    own does before the end. What is compared is then what training anew after so many steps is worth.

    Args:
        proof: of the challenger.
        loaded: the data, read as the champion's was.
        steps: that the data has gone on since the champion's.

    Returns: None where the champion cannot read the data.
    """
    if not _can_read(champion, loaded):
        return None
    plan = proof.plan
    has_seen = isinstance(champion.config.model, NetworkModel) and steps < int(plan.steps_back[0])
    fit = _delayed(champion.config, steps, watch) if has_seen else _as_it_is(champion)
    watch(Note(f"the new model against the one in use, on {plan.folds} cutoffs"))
    error = _error(fit, loaded.panel, plan)
    return Contest(error, proof.error, plan.folds, plan.horizon, "fitted anew" if has_seen else "it is")


def contest_update(
    champion: Bundle, loaded: LoadedData, policy: ChallengerConfig, *, since: int, steps: int, watch: Watch
) -> Contest | None:
    """Forecast the newer half of the new steps by the champion, and by what an update on the older half makes of it.

    Args:
        since: newest cutoff of the champion's data.
        steps: that the data has gone on since then.

    Returns: None where there are too few new steps, or the champion cannot read the data.
    """
    panel = loaded.panel
    plan = _longest(loaded.config.resolved_horizon, policy.folds, steps // 2)
    if plan is None or not _can_read(champion, loaded):
        return None
    own = panel.lengths - 1 - panel.frequency.index(panel.start, np.full(len(panel), since))  # [N] new steps
    panel = panel.select(
        own >= plan.steps_back[0]
    )  # of a series that ended earlier, the champion has seen what would test
    if count_fitting(panel, plan) < plan.folds:
        return None
    watch(Note(f"the model in use against an update of it, on {plan.folds} cutoffs"))
    error = _error(_as_it_is(champion), panel, plan)
    updated = _error(lambda seen: update(champion, seen, since, watch=watch), panel, plan)
    return Contest(error, updated, plan.folds, plan.horizon, "it is")


def update(champion: Bundle, panel: Panel, since: int, *, watch: Watch) -> Forecaster:
    """What a champion becomes when it goes on learning."""
    forecaster = _restore(champion)
    if isinstance(forecaster, Updatable):
        forecaster.update(panel, since, watch=watch)
    return forecaster


def _longest(horizon: int, folds: int, most: int) -> Plan | None:
    """As many folds as the last `most` steps hold, of as long a horizon as then fits."""
    for count in range(folds, 0, -1):
        for steps in range(horizon, 0, -1):
            plan = Plan(steps, folds=count, stride=max(steps // folds, 1), refit=0)
            if plan.steps_back[0] <= most:
                return plan
    return None


def _can_read(champion: Bundle, loaded: LoadedData) -> bool:
    trained: dict[str, Any] = champion.manifest["data"]
    columns = {name: trained["columns"].get(name) for name in COLUMNS}
    given = loaded.config.model_dump(mode="json", include=set(COLUMNS))
    return bool(
        columns == given
        and loaded.panel.frequency.to_dict() == trained["frequency"]
        and loaded.panel.season == trained["season"]
        and loaded.config.horizon == champion.config.data.horizon
        and loaded.config.categories == champion.config.data.categories
    )


def _as_it_is(champion: Bundle) -> Fit:
    forecaster = _restore(champion)
    return lambda _: forecaster


def _restore(champion: Bundle) -> Forecaster:
    forecaster = build(adapt_to_machine(champion.config))
    forecaster.restore(champion.state)
    return forecaster


def _delayed(config: Config, steps: int, watch: Watch) -> Fit:
    fit = make_fit(config, watch)

    def fit_earlier(panel: Panel) -> Forecaster:
        left = np.flatnonzero(panel.lengths > steps + 1)
        return fit(panel.select(left).cut(steps) if len(left) else panel)

    return fit_earlier


def _error(fit: Fit, panel: Panel, plan: Plan) -> float:
    return _error_of(backtest(fit, panel, plan))


def _error_of(test: Backtest) -> float:
    scores = score(test.forecast, test.actual, test.scale)
    return scores["mae"] if math.isnan(scores["mase"]) else scores["mase"]


def _by_fold(test: Backtest, plan: Plan) -> Array:
    """[folds] the error of each; NaN where nothing was observed."""
    rows, _ = add_up(test)
    scores = score_groups(rows, test.fold, plan.folds)
    return scores["mae"] if np.isnan(scores["mase"]).all() else scores["mase"]
