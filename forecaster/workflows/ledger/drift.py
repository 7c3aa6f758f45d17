"""The drift of a job's errors above those on the holdout of its model."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forecaster.config.job import AlarmConfig
from forecaster.evaluation.drift import find_drift
from forecaster.store.bundle import METRICS
from forecaster.store.database import Database
from forecaster.store.ledger.recent import Extent, errors_by_period
from forecaster.workflows.ledger.scope import format_time

_MAX_PERIODS = 90  # A rise that matters shows within a third of them.


@dataclass(frozen=True)
class DriftStatus:
    """The drift of recent errors, as JSON documents contain it.

    Attributes:
        is_alarm: True if the statistic is above the threshold now.
        since: start of the present rise, as text; None if there is none.
        alarmed: time at which the present rise first exceeded the threshold, as text; None if it has not.
        promised: mean scaled error on the holdout.
        error: mean scaled error of the periods; NaN if no series has a scale.
        periods: number of periods with a known error.
    """

    is_alarm: bool
    statistic: float
    threshold: float
    since: str | None
    alarmed: str | None
    promised: float
    error: float
    periods: int


def measure_drift(ledger: Database, extent: Extent, alarm: AlarmConfig, bundles: Path) -> DriftStatus | None:
    """Test whether the errors of the newest run's bundle have risen above its error on the holdout.

    Args:
        bundles: see `find_holdout_error`.

    Returns: None if the error on the holdout is unknown.
    """
    holdout_error = find_holdout_error(extent.run, bundles)
    if holdout_error is None:
        return None
    at, errors = errors_by_period(ledger, extent.run["job"], extent, since=extent.start_of_last(_MAX_PERIODS))
    drift = find_drift(errors, holdout_error, delta=alarm.delta, threshold=alarm.threshold)
    is_known = np.isfinite(errors)

    def format_period(position: int | None) -> str | None:
        return None if position is None else format_time(extent, int(at[position]))

    return DriftStatus(
        is_alarm=drift.is_alarm,
        statistic=drift.statistic,
        threshold=drift.threshold,
        since=format_period(drift.rise_start),
        alarmed=format_period(drift.alarm_start),
        promised=holdout_error,
        error=float(np.nanmean(errors)) if is_known.any() else math.nan,
        periods=int(is_known.sum()),
    )


def find_holdout_error(run: Mapping[str, Any], bundles: Path) -> float | None:
    """Find the scaled error of a run's bundle on its holdout: in the details of the run, else in the bundle.

    Args:
        run: a row of `runs`, whose details may contain `promised`.
        bundles: folder that contains the bundle.

    Returns: an error above 0; None if it is unknown.
    """
    error = json.loads(run["details"]).get("promised")
    if error is None and run["bundle"] is not None:
        try:
            metrics = json.loads((bundles / run["bundle"] / METRICS).read_text("utf-8"))
            error = metrics["holdout"]["models"][run["model"]]["mase"]
        except (OSError, ValueError, KeyError):
            return None
    return float(error) if error else None
