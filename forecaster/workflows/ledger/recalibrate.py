"""`forecast ledger recalibrate`: the widths of intervals follow what came true, without training anything."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from forecaster.errors import DataError
from forecaster.evaluation.adaptive import GAMMA, AdaptiveFactors, Outcomes, apply_factors, recalibrate
from forecaster.evaluation.calibration import COVERAGES, Array, nonconformity_scores
from forecaster.evaluation.score import without_nan
from forecaster.forecast import Forecast
from forecaster.panel import Panel
from forecaster.store.ledger.queries import pairs
from forecaster.store.ledger.recent import Extent, find_extent
from forecaster.store.ledger.tables import QUANTILES
from forecaster.store.ledger.widths import Adjustment, adjust, list_adjustments, newest_adjustment
from forecaster.workflows.ledger.scope import LedgerScope, format_time, parse_since

PERIODS = 200  # that are learnt from where no other time is named
_ROWS = 200_000  # forecasts that are read at most


def recalibrate_job(
    scope: LedgerScope, *, since: str | None = None, gamma: float = GAMMA, is_dry: bool = False
) -> dict[str, Any]:
    """Learn from a job's scored forecasts how much wider or narrower its intervals have to be, and keep that.

    Running it twice on the same scores changes nothing.

    Args:
        since: first actual that is learnt from, see `scope.parse_since`.
        gamma: see `evaluation.adaptive.recalibrate`.
        is_dry: keep nothing.

    Returns: a document for JSON.
    Raises: DataError: nothing is scored.
    """
    ledger, name = scope.ledger, scope.job_name
    extent = find_extent(ledger, name)
    if extent is None:
        raise DataError(
            f"{ledger.place}: no forecast of job {name!r} is scored yet",
            hint="wait for actuals, then type `forecast ledger score` before this",
        )
    bound = extent.back(PERIODS) if since is None else parse_since(since, extent)
    rows = pairs(ledger, name, since=bound, most=_ROWS)
    made = list_adjustments(ledger, name)
    published = _misses(rows)
    outcomes = Outcomes(
        period=extent.period(rows["at"].to_numpy(np.int64)),
        known=extent.known(rows["cutoff_at"].to_numpy(np.int64)),
        step=rows["step"].to_numpy(np.int64),
        scores=published * _factors(rows, made),
    )
    found = recalibrate(outcomes, extent.horizon, gamma=gamma)
    last_steps, factors = found.widths.last_steps, found.widths.factors.round(4)
    number: int | None = made[-1].number if made else None
    if not is_dry:
        until = int(rows["at"].max())
        number = adjust(ledger, name, last_steps, factors, made=datetime.now(UTC), until_at=until)
    before = widths_of(made[-1]) if made else AdaptiveFactors.unchanged(extent.horizon)
    held = _held(published, found.widths.groups(outcomes.step), len(last_steps))
    return without_nan(
        _describe(scope, extent, rows, outcomes)
        | {"adjustment": number, "is_dry": is_dry}
        | {"intervals": _intervals(last_steps, held, found.adapted_coverage, before.at(np.array(last_steps)), factors)}
    )


def reset(scope: LedgerScope, *, is_dry: bool = False) -> dict[str, Any]:
    """Go back to the intervals as the model makes them.

    Returns: a document for JSON.
    """
    ledger, name = scope.ledger, scope.job_name
    newest = newest_adjustment(ledger, name)
    number = newest.number if newest else None
    if newest and not is_dry:
        plain = np.ones_like(newest.factors)
        until = newest.until_at
        number = adjust(ledger, name, newest.last_steps, plain, made=datetime.now(UTC), until_at=until)
    return {"job": name, "ledger": ledger.place, "adjustment": number, "is_dry": is_dry, "intervals": []}


def stretch_intervals(adjustment: Adjustment | None, forecast: Forecast, panel: Panel) -> Forecast:
    """Stretch a new forecast by an adjustment; as it was where there is none.

    Args:
        adjustment: whose number `record.Run` is to be given.
        panel: what was forecast.
    """
    return forecast if adjustment is None else apply_factors(widths_of(adjustment), forecast, panel)


def widths_of(adjustment: Adjustment) -> AdaptiveFactors:
    """The factors of an adjustment."""
    return AdaptiveFactors(adjustment.last_steps, adjustment.factors)


def _misses(rows: pd.DataFrame) -> Array:
    """[R, K] misses of forecasts as they were published."""
    quantiles = rows[list(QUANTILES)].to_numpy(np.float64)[:, None, :]
    misses: Array = nonconformity_scores(quantiles, rows["y"].to_numpy(np.float64)[:, None])[:, 0]
    return misses


def _factors(rows: pd.DataFrame, made: list[Adjustment]) -> Array:
    """[R, K] what each forecast's intervals had been stretched by already: the model's own are what is learnt for."""
    factors = np.ones((len(rows), len(COVERAGES)))
    number, step = rows["adjustment"].fillna(0).to_numpy(np.int64), rows["step"].to_numpy(np.int64)
    for each in made:
        own = number == each.number
        factors[own] = widths_of(each).at(step[own])
    return factors


def _held(misses: Array, groups: np.ndarray[Any, Any], count: int) -> Array:
    """[G, K] the share of actuals within the intervals that were published; NaN where nothing is known."""
    frame = pd.DataFrame(np.where(np.isnan(misses), np.nan, misses <= 1))
    return frame.groupby(groups).mean().reindex(range(count)).to_numpy(np.float64)


def _describe(scope: LedgerScope, extent: Extent, rows: pd.DataFrame, outcomes: Outcomes) -> dict[str, Any]:
    return {
        "job": scope.job_name,
        "ledger": scope.ledger.place,
        "since": format_time(extent, int(rows["at"].min())),
        "until": format_time(extent, int(rows["at"].max())),
        "forecasts": len(rows),
        "periods": len(np.unique(outcomes.period)),
    }


def _intervals(
    last_steps: tuple[int, ...], held: Array, would_have_held: Array, before: Array, after: Array
) -> list[dict[str, Any]]:
    first = [1, *(last + 1 for last in last_steps[:-1])]
    return [
        without_nan(
            {
                "first_step": first[group],
                "last_step": last_steps[group],
                "level": round(100 * float(coverage)),
                "held": float(held[group, k]),
                "would_have_held": float(would_have_held[group, k]),
                "factor_before": float(before[group, k]),
                "factor": float(after[group, k]),
            }
        )
        for group in range(len(last_steps))
        for k, coverage in enumerate(COVERAGES)
    ]
