"""Scores of forecasts and actual values in rows of a table, as holdouts, backtests and ledgers store them.

A row has `unique_id, ds, cutoff, step, y, mean, q0.1 ... q0.9`, and NaN in `y` where nothing was observed. It
also has `scale`, the divisor of MASE, and the forecasts `seasonal_naive` and `naive`; NaN where they are unknown.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.evaluation.score import observed_share
from forecaster.forecast import DECILES

Array = npt.NDArray[np.float64]

QUANTILES = {probability: f"q{probability:g}" for probability in DECILES}
BASELINES = ("seasonal_naive", "naive")
MEDIAN = "q0.5"


def series_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Score each series, in the order of the rows.

    Returns: by `unique_id`: mase, seasonal_naive (its MASE), smape, mae, bias (mean of the forecast mean - actual) and
        coverage80; NaN where they are unknown.
    """
    y, median = rows["y"].to_numpy(np.float64), rows[MEDIAN].to_numpy(np.float64)
    error = np.abs(median - y)
    size = np.abs(y) + np.abs(median)
    inside = (y >= rows["q0.1"]) & (y <= rows["q0.9"])
    points = pd.DataFrame(
        {
            "unique_id": rows["unique_id"].to_numpy(),
            "mase": scaled_errors(rows, MEDIAN),
            "seasonal_naive": scaled_errors(rows, "seasonal_naive"),
            "smape": 200 * error / np.where(size == 0, 1, size),
            "mae": error,
            "bias": rows["mean"].to_numpy(np.float64) - y,
            "coverage80": np.where(np.isnan(y), np.nan, inside),
        }
    )
    return points.groupby("unique_id", sort=False).mean()


def step_errors(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the errors of the model and the naive forecasts at each step of the horizon.

    Returns: by `step`: `model`, `seasonal_naive`, `naive`: mean |error| / `scale`, or the mean |error| itself if no
        row has a scale; `low`, `middle`, `high`: the deciles 1, 5 and 9 of forecast - actual in the same units.
    """
    names = (MEDIAN, *BASELINES)
    points = pd.DataFrame({"step": rows["step"].to_numpy(), **{name: scaled_errors(rows, name) for name in names}})
    signed = (rows[MEDIAN] - rows["y"]).to_numpy(np.float64) / divisor(rows)
    result = points.groupby("step").mean().rename(columns={MEDIAN: "model"})
    residuals = pd.Series(signed).groupby(points["step"])
    return result.assign(low=residuals.quantile(0.1), middle=residuals.median(), high=residuals.quantile(0.9))


def reliability(rows: pd.DataFrame) -> dict[float, float]:
    """Return the share of actual values below each decile (see `observed_share`); empty if there are none."""
    known = rows[rows["y"].notna()]
    if not len(known):
        return {}
    return {
        p: observed_share(p, float((known["y"] < known[name]).mean()), float((known["y"] <= known[name]).mean()))
        for p, name in QUANTILES.items()
    }


def has_scale(rows: pd.DataFrame) -> bool:
    """Return True if errors can be given in units of the usual change of a series in a season."""
    return bool((rows["scale"] > 0).any())


def divisor(rows: pd.DataFrame) -> Array:
    """Return the [R] divisors of errors: the scale, or 1 if no row has a scale."""
    if not has_scale(rows):
        return np.ones(len(rows))
    scale = rows["scale"].to_numpy(np.float64)
    return np.where(scale > 0, scale, np.nan)


def scaled_errors(rows: pd.DataFrame, name: str) -> Array:
    """Return the [R] absolute errors of a forecast, each over its divisor."""
    error = rows[name].to_numpy(np.float64) - rows["y"].to_numpy(np.float64)
    result: Array = np.abs(error) / divisor(rows)
    return result
