"""How uncertain the forecasts of a fitted exponential smoothing are.

`statsforecast` has formulas of its own for this. They take the seasons of the longest step for those of every step, so
that what they give one step depends on how many are asked for; and with multiplicative seasons the first step's level
for all.
"""

from typing import Any

import numpy as np

from forecaster.models.local import Rows


def spread_of(fit: dict[str, Any], horizon: int) -> Rows:
    """[H] standard deviations of the next steps, from how each of them answers an error of one deviation before it.

    Exact where errors, trend and season add; to the first order in the errors where they multiply.

    Args:
        fit: `components` (error, trend, season, damping), `par` (alpha, beta, gamma, phi; NaN where absent),
            `states` [T + 1, K] (level, slope, last m seasonal terms, the newest first), `sigma2`, `m`.

    Source: Hyndman, Koehler, Ord & Snyder 2008, "Forecasting with Exponential Smoothing", table 2.1 (recursion), ch. 6.
    """
    error, trend, season, _ = fit["components"]
    alpha, beta, gamma = np.nan_to_num(fit["par"][:3])
    phi = 1.0 if np.isnan(fit["par"][3]) else fit["par"][3]
    state = fit["states"][-1]
    errors = np.zeros((horizon, horizon + 1))  # the last future has none: what the others are compared with
    np.fill_diagonal(errors, np.sqrt(fit["sigma2"]))
    level = np.full(horizon + 1, state[0])
    slope = np.full(horizon + 1, state[1] if trend != "N" else 0.0)
    neutral = 1.0 if season == "M" else 0.0
    terms = list(reversed(state[-fit["m"] :])) if season != "N" else [neutral]
    seasons = [np.full(horizon + 1, term) for term in terms]  # the next step's first
    futures = np.empty((horizon, horizon + 1))
    for step in range(horizon):
        base, term = level + phi * slope, seasons.pop(0)
        expected = base * term if season == "M" else base + term
        futures[step] = expected * (1 + errors[step]) if error == "M" else expected + errors[step]
        seen = futures[step]
        surprise = (seen / term if season == "M" else seen - term) - base
        level, slope = base + alpha * surprise, phi * slope + beta * surprise
        rest = seen / base if season == "M" else seen - base
        seasons.append(term + gamma * (rest - term) if season != "N" else term)
    responses = futures[:, :-1] - futures[:, -1:]  # [H, H], 0 before the error
    spread: Rows = np.sqrt(np.sum(responses**2, axis=1))
    return spread
