"""A newly fitted model against the one in use, on the same recent cutoffs, neither having seen what follows them."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from forecaster.config import Config, NetworkModel
from forecaster.data.load import Loaded
from forecaster.evaluation.backtest import Fit, Plan, backtest, count_fitting, participants
from forecaster.evaluation.score import score
from forecaster.events import Note, Watch
from forecaster.forecast import Forecaster
from forecaster.job import ChallengerConfig
from forecaster.models.build import build
from forecaster.panel import Panel
from forecaster.store.bundle import Bundle
from forecaster.workflows.backtest import fit_of, resolve_before
from forecaster.workflows.manifest import COLUMNS


@dataclass(frozen=True)
class Contest:
    """Two models on the same folds.

    Attributes:
        champion, challenger: mean absolute scaled errors; of series without a scale, mean absolute errors.
        folds: cutoffs that both forecast from.
        champion_as: `it is`, or `fitted anew` where its weights had seen some folds.
    """

    champion: float
    challenger: float
    folds: int
    champion_as: str

    def is_won(self, margin: float) -> bool:
        """Whether the challenger is better by a share of more than `margin`."""
        return self.challenger < self.champion * (1 - margin)

    def to_dict(self, margin: float) -> dict[str, Any]:
        return {**asdict(self), "has_won": self.is_won(margin)}


def contest(
    champion: Bundle, config: Config, loaded: Loaded, policy: ChallengerConfig, *, steps: int, watch: Watch
) -> Contest | None:
    """Forecast the last horizons by both.

    The challenger is fitted on what precedes the first fold. The champion forecasts as it is where its data ends there
    or before. Else its weights have seen some folds, and a stand-in takes its place: its settings, fitted on data
    that ends as many steps before the first fold as its own does before the end. What is compared is then what
    training anew after so many steps is worth.

    Args:
        config: the job's, not resolved.
        loaded: the data, read as the champion's was.
        steps: that the data has gone on since the champion's.

    Returns: None where the series are too short for a fold, or the champion cannot read the data.
    """
    panel, horizon = loaded.panel, loaded.config.horizon or 1
    plan = Plan(horizon, folds=policy.folds, stride=max(horizon // policy.folds, 1), refit=0)
    folds = count_fitting(panel, plan)
    if not folds or not _can_read(champion, loaded):
        return None
    plan = Plan(horizon, folds=folds, stride=plan.stride, refit=0)
    oldest = plan.before(panel, np.flatnonzero(participants(panel, plan)[:, 0]), 0)
    challenger = resolve_before(config.model_copy(update={"data": loaded.config}), oldest, horizon, watch=watch)
    has_seen = isinstance(champion.config.model, NetworkModel) and steps < int(plan.back[0])
    fit = _delayed(champion.config, steps, watch) if has_seen else _as_it_is(champion)
    watch(Note(f"the new model against the one in use, on {folds} cutoffs"))
    return Contest(
        _error(fit, panel, plan),
        _error(fit_of(challenger, watch), panel, plan),
        folds,
        "fitted anew" if has_seen else "it is",
    )


def _can_read(champion: Bundle, loaded: Loaded) -> bool:
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
    forecaster = build(champion.config)
    forecaster.restore(champion.state)
    return lambda _: forecaster


def _delayed(config: Config, steps: int, watch: Watch) -> Fit:
    fit = fit_of(config, watch)

    def fit_earlier(panel: Panel) -> Forecaster:
        left = np.flatnonzero(panel.lengths > steps + 1)
        return fit(panel.select(left).cut(steps) if len(left) else panel)

    return fit_earlier


def _error(fit: Fit, panel: Panel, plan: Plan) -> float:
    test = backtest(fit, panel, plan)
    scores = score(test.forecast, test.actual, test.scale)
    return scores["mae"] if math.isnan(scores["mase"]) else scores["mase"]
