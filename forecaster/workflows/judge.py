"""A fitted forecaster on the held-out tail, beside the naive forecasts."""

from typing import Any

import numpy as np
import pandas as pd

from forecaster.evaluation.metrics import seasonal_error
from forecaster.evaluation.score import Score, score, skill, verdict, without_nan
from forecaster.evaluation.split import Split
from forecaster.forecast import Forecast, Forecaster
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Panel


def judge(forecaster: Forecaster, panel: Panel, parts: Split, horizon: int) -> tuple[dict[str, Any], pd.DataFrame]:
    """Score the forecaster and the naive ones on the holdout of every series that has one."""
    whole = panel.select(parts.is_scored)
    metrics: dict[str, Any] = {"schema_version": 1}
    block: dict[str, Any] = {
        "horizon": horizon,
        "season": panel.season,
        "series": len(whole),
        "unscored": len(panel) - len(whole),
    }
    if not len(whole):
        empty: dict[str, Any] = {"holdout": {"cutoff": None, **block, "models": {}}, "skill": None, "skill_naive": None}
        return metrics | empty | {"verdict": "no better"}, pd.DataFrame()
    seen = whole.cut(horizon)
    actual = seen.actual(horizon, whole.end)
    scale = seasonal_error(seen, panel.season)
    forecasts: list[Forecast] = [each.predict(seen, horizon) for each in (forecaster, SeasonalNaive(), Naive())]
    scores: dict[str, Score] = {each.model: score(each, actual, scale) for each in forecasts}
    skills = [skill(scores[forecaster.name], scores[name]) for name in ("seasonal_naive", "naive")]
    cutoff = seen.cutoff
    cutoffs = panel.frequency.format(np.array([cutoff.min(), cutoff.max()]), panel.zone).tolist()
    metrics |= {
        "holdout": {"cutoff": dict(zip(("first", "last"), cutoffs, strict=True)), **block, "models": scores},
        "skill": skills[0],
        "skill_naive": skills[1],
        "verdict": verdict(*skills),
    }
    return without_nan(metrics), forecasts[0].to_frame(actual=actual)
