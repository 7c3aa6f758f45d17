"""The expectation of a distribution that is known by some of its quantiles."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

_ROWS_AT_ONCE = 4096


def expectation(
    quantiles: Floats, probabilities: Sequence[float], limits: tuple[float, float] = (-math.inf, math.inf)
) -> Floats:
    """Return the integral of the quantile function over all probabilities, which is the expectation.

    Between two quantiles the function is a straight line. Beyond the outermost one it is that of an exponential
    distribution through the two outermost quantiles. Such a tail is heavier than that of a normal distribution, so the
    expectation of a skewed distribution lies on the safe side of its long tail; yet it never lies beyond the outermost
    quantile. A symmetric distribution has its median as expectation.

    Args:
        quantiles: [..., Q] at `probabilities`, not decreasing along Q.
        probabilities: [Q], rising, each in (0, 1), 0.5 among them.
        limits: the lowest and the highest value that the variable can have.

    Returns: [...] of the type of the quantiles.
    """
    result = np.empty(quantiles.shape[:-1], quantiles.dtype)
    flat, rows = result.reshape(-1), quantiles.reshape(-1, quantiles.shape[-1])
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[first : first + _ROWS_AT_ONCE].astype(np.float64)
        flat[first : first + _ROWS_AT_ONCE] = _integrate(part, np.array(probabilities), *limits)
    return flat.reshape(result.shape)


def _integrate(quantiles: Floats, probabilities: Floats, minimum: float, maximum: float) -> Floats:
    """Return the [R] expectations of [R, Q]; distances from the median keep a constant exact."""
    median = quantiles[:, np.flatnonzero(probabilities == 0.5)[0]]
    lower = quantiles[:, 0] - _tail_excess(quantiles[:, 0], quantiles[:, 1], probabilities[1] / probabilities[0])
    share = (1 - probabilities[-2]) / (1 - probabilities[-1])
    upper = quantiles[:, -1] + _tail_excess(quantiles[:, -2], quantiles[:, -1], share)
    distances = quantiles - median[:, None]
    inner = (distances[:, 1:] + distances[:, :-1]) @ (np.diff(probabilities) / 2)
    below = probabilities[0] * (np.maximum(lower, minimum) - median)
    above = (1 - probabilities[-1]) * (np.minimum(upper, maximum) - median)
    result: Floats = np.clip(median + below + inner + above, quantiles[:, 0], quantiles[:, -1])
    return result


def _tail_excess(inner: Floats, outer: Floats, ratio: float) -> Floats:
    """Return the mean distance of the values of an exponential tail from its outermost quantile.

    Args:
        inner, outer: the two quantiles, in the order of their size.
        ratio: the quotient of the probabilities beyond them.
    """
    excess: Floats = (outer - inner) / math.log(ratio)
    return excess
