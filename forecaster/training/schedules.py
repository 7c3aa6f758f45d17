"""The course of the learning rate during a training."""

import math
from collections.abc import Callable

WARM_UP_SHARE = 0.2  # share of the schedule in which the learning rate rises


def one_cycle(passed: float) -> float:
    """Return the share of the peak learning rate at a share `passed` of the schedule.

    It rises linearly during `WARM_UP_SHARE` and then falls as half a cosine to 0.

    Source: Smith & Topin 2018, with the cosine of Loshchilov & Hutter 2017.
    """
    return passed / WARM_UP_SHARE if passed < WARM_UP_SHARE else cosine((passed - WARM_UP_SHARE) / (1 - WARM_UP_SHARE))


def cosine(passed: float) -> float:
    """Fall from 1 to 0 as half a cosine. Source: Loshchilov & Hutter 2017, "SGDR", eq. 5 without restarts."""
    return 0.5 * (1 + math.cos(math.pi * passed))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "constant": lambda passed: 1.0,
}
