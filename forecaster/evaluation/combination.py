"""The choice of an ensemble's members by their forecasts of held-out steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.forecast import PROBABILITIES
from forecaster.panel import Floats

Array = npt.NDArray[np.floating]

# A further member has to lower the loss by this share, or it is not worth the time of its forecasts.
MIN_GAIN = 0.002
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Combination:
    """The members of an ensemble that were chosen from several candidates.

    Attributes:
        members: the numbers of the chosen candidates, rising.
        losses: the loss of each candidate alone.
        loss: the loss of the chosen candidates together.
    """

    members: tuple[int, ...]
    losses: tuple[float, ...]
    loss: float


def choose_members(
    forecasts: Sequence[Floats], actual: Floats, units: Array, *, leaders: Sequence[int], most: int
) -> Combination:
    """Choose the candidates that together forecast held-out steps best.

    The best of the `leaders` comes first. Then the candidate that lowers the loss most is added, again and again, until
    none lowers it by `MIN_GAIN`, or `most` are chosen.

    Args:
        forecasts: the quantiles [R, H, Q] of each candidate, for the same R series and cutoffs.
        actual: [R, H] actual values; NaN where nothing was observed.
        units: [R] as for `scaled_loss`.
        leaders: the numbers of the candidates of which at least one has to be a member.
        most: largest number of members.

    Source: Caruana, Niculescu-Mizil, Crew & Ksikes 2004, "Ensemble selection from libraries of models".
    """
    losses = [scaled_loss(each, actual, units) for each in forecasts]
    members = [min(leaders, key=losses.__getitem__)]
    loss = losses[members[0]]
    while len(members) < most:
        others = [number for number in range(len(forecasts)) if number not in members]
        together = {
            number: scaled_loss(combine([forecasts[each] for each in (*members, number)]), actual, units)
            for number in others
        }
        if not together or min(together.values()) > loss * (1 - MIN_GAIN):
            break
        best = min(together, key=together.__getitem__)
        members.append(best)
        loss = together[best]
    return Combination(tuple(sorted(members)), tuple(losses), loss)


def combine(parts: Sequence[Floats]) -> Floats:
    """Compute the median of arrays [N, ...] in blocks of rows; all at once would take several times their memory."""
    result = np.empty_like(parts[0])
    for first in range(0, len(result), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        result[rows] = np.median([part[rows] for part in parts], axis=0)
    return result


def scaled_loss(quantiles: Floats, actual: Floats, units: Array) -> float:
    """Return the pinball loss of quantiles [R, H, Q], in units of each row, averaged over rows; infinite if unknown.

    Args:
        quantiles: at `PROBABILITIES`.
        actual: [R, H] actual values; NaN where nothing was observed.
        units: [R] the size of a row's changes, in data units. Rows whose units are 0 or unknown are left out, unless
            all are.
    """
    levels = np.array(PROBABILITIES)
    errors = actual[:, :, None] - quantiles  # [R, H, Q]
    losses = np.maximum(levels * errors, (levels - 1) * errors).mean(axis=2)
    is_known = np.isfinite(units) & (units > 0)
    divisor = np.where(is_known, units, np.nan) if is_known.any() else np.ones(len(units))
    ratios = losses / divisor[:, None]
    count = np.isfinite(ratios).sum(axis=1)
    rows = np.nansum(ratios, axis=1)[count > 0] / count[count > 0]
    return float(rows.mean()) if len(rows) else np.inf
