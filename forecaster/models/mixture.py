"""The quantiles of a mixture of forecasts."""

from collections.abc import Sequence

import numpy as np

from forecaster.batches.standardise import Values
from forecaster.forecast import PROBABILITIES


def shares_of(probabilities: Sequence[float]) -> Values:
    """Return the share of a distribution that is nearest to each of its quantiles; the shares add up to 1."""
    return np.diff(_edges(probabilities))


def mix_quantiles(quantiles: Values, weights: Values) -> Values:
    """Return the quantiles of the mixture of K forecasts.

    Each quantile represents the share of its distribution that is nearest to it. The quantiles of all forecasts are
    sorted together, and the mixture's are interpolated between them by the shares below each.

    Args:
        quantiles: [..., K, Q] of each forecast at `PROBABILITIES`.
        weights: [K] the probability of each forecast; they add up to 1.

    Returns: [..., Q] of the mixture at `PROBABILITIES`, never decreasing; equal to those of the forecasts if these are
        all the same.
    """
    shape = quantiles.shape[:-2]
    points = quantiles.reshape(*shape, -1)  # [..., K * Q]
    order = np.argsort(points, axis=-1, kind="stable")
    points = np.take_along_axis(points, order, axis=-1)
    shares = np.outer(weights, _SHARES).ravel()[order]
    below = np.cumsum(shares, axis=-1) - shares * np.tile(1 - _SHARES_BELOW, len(weights))[order]
    mixed = np.empty((*shape, len(PROBABILITIES)))
    for number, probability in enumerate(PROBABILITIES):
        after = np.clip((below < probability).sum(-1, keepdims=True), 1, points.shape[-1] - 1)
        left, right = (np.take_along_axis(below, each, -1)[..., 0] for each in (after - 1, after))
        low, high = (np.take_along_axis(points, each, -1)[..., 0] for each in (after - 1, after))
        weight = np.clip((probability - left) / (right - left), 0, 1)
        mixed[..., number] = np.where(low == high, low, low * (1 - weight) + high * weight)
    return np.maximum.accumulate(mixed, axis=-1)


def _edges(probabilities: Sequence[float]) -> Values:
    return np.concatenate([[0.0], (np.array(probabilities[1:]) + probabilities[:-1]) / 2, [1.0]])


_SHARES = shares_of(PROBABILITIES)
_SHARES_BELOW = (
    np.array(PROBABILITIES) - _edges(PROBABILITIES)[:-1]
) / _SHARES  # [Q] part of a share below its quantile
