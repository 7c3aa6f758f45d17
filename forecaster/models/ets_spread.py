"""The standard deviations of forecasts by a fitted exponential smoothing model.

They replace the formulas of `statsforecast`, which use the seasons of the last step for every step, so that the
deviation of a step depends on the horizon; and, with multiplicative seasons, the level of the first step for all.
"""

from typing import Any

import numpy as np

from forecaster.models.local import Rows


def spread_of(fit: dict[str, Any], horizon: int) -> Rows:
    """Return the [H] standard deviations of the next steps, from their response to an error of one deviation.

    The result is exact if errors, trend and season are additive, and of first order in the errors if multiplicative.

    Args:
        fit: `components` (error, trend, season, damping), `par` (alpha, beta, gamma, phi; NaN where absent),
            `states` [T + 1, K] (level, slope, last m seasonal terms, the newest first), `sigma2`, `m`.

    Source: Hyndman, Koehler, Ord & Snyder 2008, "Forecasting with Exponential Smoothing", table 2.1 (recursion), ch. 6.
    """
    error, trend, season, _ = fit["components"]
    alpha, beta, gamma = np.nan_to_num(fit["par"][:3])
    phi = 1.0 if np.isnan(fit["par"][3]) else fit["par"][3]
    state = fit["states"][-1]
    errors = np.zeros((horizon, horizon + 1))  # the last future has none, as a reference
    np.fill_diagonal(errors, np.sqrt(fit["sigma2"]))
    level = np.full(horizon + 1, state[0])
    slope = np.full(horizon + 1, state[1] if trend != "N" else 0.0)
    neutral = 1.0 if season == "M" else 0.0
    terms = list(reversed(state[-fit["m"] :])) if season != "N" else [neutral]
    seasons = [np.full(horizon + 1, term) for term in terms]  # the season of the next step comes first
    futures = np.empty((horizon, horizon + 1))
    for step in range(horizon):
        base, term = level + phi * slope, seasons.pop(0)
        expected = base * term if season == "M" else base + term
        futures[step] = expected * (1 + errors[step]) if error == "M" else expected + errors[step]
        value = futures[step]
        surprise = (value / term if season == "M" else value - term) - base
        level, slope = base + alpha * surprise, phi * slope + beta * surprise
        rest = value / base if season == "M" else value - base
        seasons.append(term + gamma * (rest - term) if season != "N" else term)
    responses = futures[:, :-1] - futures[:, -1:]  # [H, H], 0 before the error
    spread: Rows = np.sqrt(np.sum(responses**2, axis=1))
    return spread
