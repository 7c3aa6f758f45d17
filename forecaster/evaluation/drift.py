"""A test of whether forecast errors have risen above the error expected of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.evaluation.metrics import Array


@dataclass(frozen=True)
class Drift:
    """The result of Page-Hinkley's test after the last error.

    Attributes:
        statistic: the cumulated rise of the errors, in units of the expected error; 0 if they are as low as expected.
        threshold: an alarm is raised while the statistic exceeds it.
        rise_start: index of the first error of the present rise; None if there is no rise.
        alarm_start: index of the error at which the present rise first exceeded the threshold; None if it has not.
    """

    statistic: float
    threshold: float
    rise_start: int | None
    alarm_start: int | None

    @property
    def is_alarm(self) -> bool:
        """True while the errors are too high; an alarm ends when the statistic falls to the threshold."""
        return self.statistic > self.threshold


def find_drift(errors: Array | Sequence[float], expected: float, *, delta: float, threshold: float) -> Drift:
    """Test whether the mean of errors has risen above the expected error (Page-Hinkley, one-sided).

        m_t = m_{t-1} + x_t / expected - 1 - delta,    statistic = m_T - min(m_0 .. m_T),    m_0 = 0

    The original compares with the running mean. The expected error in its place also detects errors that were too high
    from the start.

    With independent normal errors of one series (x the size of a normal deviate), delta 0.25 and threshold 8 give
    1 false alarm in 3,700 errors on average, and detect doubled errors after 12, in 99 of 100 cases within 32. The mean
    of several series varies less, so the same threshold gives fewer false alarms there.

    Args:
        errors: scaled errors in the order of time, one a period; NaN if unknown.
        expected: mean of such errors on the holdout, above 0.
        delta: tolerated rise, as a share of the expected error.
        threshold: in units of the expected error.

    Source: Page 1954, "Continuous inspection schemes"; Hinkley 1971, "Inference about the change-point from
        cumulative sum tests".
    """
    statistic, rise_start, alarm_start = 0.0, None, None
    for index, error in enumerate(np.asarray(errors, np.float64)):
        if np.isnan(error):
            continue
        statistic = max(0.0, statistic + error / expected - 1 - delta)
        if statistic == 0:
            rise_start, alarm_start = None, None
            continue
        rise_start = index if rise_start is None else rise_start
        if alarm_start is None and statistic > threshold:
            alarm_start = index
    return Drift(float(statistic), threshold, rise_start, alarm_start)
