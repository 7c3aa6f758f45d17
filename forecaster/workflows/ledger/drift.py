"""Whether a job's forecasts have become worse than the holdout of their bundle promised."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from forecaster.config.job import AlarmConfig
from forecaster.evaluation.drift import find_drift
from forecaster.store.bundle import METRICS
from forecaster.store.database import Database
from forecaster.store.ledger.recent import Extent, errors_of_periods
from forecaster.workflows.ledger.scope import format_time

PERIODS = 90  # that are looked at, the last: a rise that matters shows within a third of them


def describe_drift(ledger: Database, extent: Extent, alarm: AlarmConfig, bundles: Path) -> dict[str, Any] | None:
    """Say whether the errors of the newest run's bundle are above what its holdout promised; None where none is known.

    Args:
        bundles: see `find_promise`.

    Returns: is_alarm, statistic, threshold, since and alarmed (times, or None), promised, error (their mean), periods.
    """
    promised = find_promise(extent.run, bundles)
    if promised is None:
        return None
    at, errors = errors_of_periods(ledger, extent.run["job"], extent, since=extent.back(PERIODS))
    found = find_drift(errors, promised, delta=alarm.delta, threshold=alarm.threshold)
    return {
        "is_alarm": found.is_alarm,
        "statistic": found.statistic,
        "threshold": found.threshold,
        "since": None if found.rise_start is None else format_time(extent, int(at[found.rise_start])),
        "alarmed": None if found.alarm_start is None else format_time(extent, int(at[found.alarm_start])),
        "promised": promised,
        "error": float(np.nanmean(errors)) if np.isfinite(errors).any() else math.nan,
        "periods": int(np.isfinite(errors).sum()),
    }


def find_promise(run: Mapping[str, Any], bundles: Path) -> float | None:
    """The scaled error that a run's bundle showed on its holdout: from the run's details, else from the bundle.

    Args:
        run: a row of `runs`; its details may hold `promised`.
        bundles: the folder that a bundle's name or relative path starts from.

    Returns: above 0; None where nobody knows.
    """
    promised = json.loads(run["details"]).get("promised")
    if promised is None and run["bundle"] is not None:
        try:
            metrics = json.loads((bundles / run["bundle"] / METRICS).read_text("utf-8"))
            promised = metrics["holdout"]["models"][run["model"]]["mase"]
        except (OSError, ValueError, KeyError):
            return None
    return float(promised) if promised else None
