"""`forecast ledger recalibrate`: adapt the widths of intervals to the actuals, without training."""

import shlex
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
from forecaster.store.ledger.queries import read_scored_forecasts
from forecaster.store.ledger.recent import Extent, find_extent
from forecaster.store.ledger.tables import QUANTILES
from forecaster.store.ledger.widths import Adjustment, list_adjustments, newest_adjustment, record_adjustment
from forecaster.workflows.ledger.scope import LedgerScope, format_time, parse_since

_PERIODS = 200  # The default number of newest periods to use.
_MAX_FORECASTS_READ = 200_000


def recalibrate_job(
    scope: LedgerScope, *, since: str | None = None, gamma: float = GAMMA, is_dry: bool = False
) -> dict[str, Any]:
    """Adapt the widths of a job's intervals to its scored forecasts, and record the factors for future runs.

    Running it twice on the same scores changes nothing.

    Args:
        since: first actual to use (see `scope.parse_since`); None for the last 200 periods.
        gamma: see `evaluation.adaptive.recalibrate`.
        is_dry: if True, record nothing.

    Returns: a JSON document.
    Raises: DataError: no forecast is scored.
    """
    ledger, job = scope.ledger, scope.job_name
    extent = find_extent(ledger, job)
    if extent is None:
        job_file = shlex.quote(str(scope.job.path)) if scope.job else "JOB.yaml"
        raise DataError(
            f"{ledger.place}: no forecast of job {job!r} is scored yet",
            hint=f"wait for actuals, then type `forecast ledger score {job_file}` before this",
        )
    first = extent.start_of_last(_PERIODS) if since is None else parse_since(since, extent)
    rows = read_scored_forecasts(ledger, job, since=first, max_rows=_MAX_FORECASTS_READ)
    adjustments = list_adjustments(ledger, job)
    published_scores = _score_published(rows)
    outcomes = Outcomes(
        period=extent.number_periods(rows["at"].to_numpy(np.int64)),
        known=extent.last_known_period(rows["cutoff_at"].to_numpy(np.int64)),
        step=rows["step"].to_numpy(np.int64),
        scores=published_scores * _applied_factors(rows, adjustments),
    )
    result = recalibrate(outcomes, extent.horizon, gamma=gamma)
    last_steps, factors = result.widths.last_steps, result.widths.factors.round(4)
    number: int | None = adjustments[-1].number if adjustments else None
    if not is_dry:
        until = int(rows["at"].max())
        number = record_adjustment(ledger, job, last_steps, factors, created=datetime.now(UTC), until_at=until)
    before = factors_of(adjustments[-1]) if adjustments else AdaptiveFactors.unchanged(extent.horizon)
    columns = {
        "held": _measure_coverage(published_scores, result.widths.groups(outcomes.step), len(last_steps)),
        "would_have_held": result.adapted_coverage,
        "factor_before": before.at(np.array(last_steps)),
        "factor": factors,
    }
    return without_nan(
        _describe(scope, extent, rows, outcomes)
        | {"adjustment": number, "is_dry": is_dry, "intervals": _list_intervals(last_steps, columns)}
    )


def reset(scope: LedgerScope, *, is_dry: bool = False) -> dict[str, Any]:
    """Return to the model's own intervals.

    Args:
        is_dry: if True, record nothing.

    Returns: a JSON document.
    """
    ledger, job = scope.ledger, scope.job_name
    newest = newest_adjustment(ledger, job)
    number = newest.number if newest else None
    if newest and not is_dry:
        factors = np.ones_like(newest.factors)
        until = newest.until_at
        number = record_adjustment(ledger, job, newest.last_steps, factors, created=datetime.now(UTC), until_at=until)
    return {"job": job, "ledger": ledger.place, "adjustment": number, "is_dry": is_dry, "intervals": []}


def stretch_intervals(adjustment: Adjustment | None, forecast: Forecast, panel: Panel) -> Forecast:
    """Scale the intervals of a new forecast by an adjustment; None leaves it unchanged.

    Args:
        adjustment: its number must be recorded with the run (see `record.Run`).
        panel: the panel that was forecast.
    """
    return forecast if adjustment is None else apply_factors(factors_of(adjustment), forecast, panel)


def factors_of(adjustment: Adjustment) -> AdaptiveFactors:
    """Return the factors of an adjustment."""
    return AdaptiveFactors(adjustment.last_steps, adjustment.factors)


def _score_published(rows: pd.DataFrame) -> Array:
    """Return the [R, K] nonconformity scores of forecasts as published."""
    quantiles = rows[list(QUANTILES)].to_numpy(np.float64)[:, None, :]
    scores: Array = nonconformity_scores(quantiles, rows["y"].to_numpy(np.float64)[:, None])[:, 0]
    return scores


def _applied_factors(rows: pd.DataFrame, adjustments: list[Adjustment]) -> Array:
    """Return the [R, K] factors already applied to published intervals.

    Scores are relative to the published widths. Multiplied by these factors, they are relative to the model's own.
    """
    factors = np.ones((len(rows), len(COVERAGES)))
    number, step = rows["adjustment"].fillna(0).to_numpy(np.int64), rows["step"].to_numpy(np.int64)
    for adjustment in adjustments:
        is_adjusted = number == adjustment.number
        factors[is_adjusted] = factors_of(adjustment).at(step[is_adjusted])
    return factors


def _measure_coverage(scores: Array, groups: np.ndarray[Any, Any], count: int) -> Array:
    """Return the [G, K] shares of actuals that published intervals covered; NaN if no score is known."""
    is_covered = pd.DataFrame(np.where(np.isnan(scores), np.nan, scores <= 1))
    return is_covered.groupby(groups).mean().reindex(range(count)).to_numpy(np.float64)


def _describe(scope: LedgerScope, extent: Extent, rows: pd.DataFrame, outcomes: Outcomes) -> dict[str, Any]:
    return {
        "job": scope.job_name,
        "ledger": scope.ledger.place,
        "since": format_time(extent, int(rows["at"].min())),
        "until": format_time(extent, int(rows["at"].max())),
        "forecasts": len(rows),
        "periods": len(np.unique(outcomes.period)),
    }


def _list_intervals(last_steps: tuple[int, ...], columns: dict[str, Array]) -> list[dict[str, Any]]:
    """List every interval of every group of steps.

    Args:
        columns: [G, K] values by JSON key.
    """
    first_steps = [1, *(last + 1 for last in last_steps[:-1])]
    return [
        without_nan(
            {
                "first_step": first_steps[group],
                "last_step": last_steps[group],
                "level": round(100 * float(coverage)),
                **{name: float(values[group, k]) for name, values in columns.items()},
            }
        )
        for group in range(len(last_steps))
        for k, coverage in enumerate(COVERAGES)
    ]
