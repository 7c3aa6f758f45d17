"""The few steps, units and lags that stand for all of them in a view."""

import numpy as np

from forecaster.explain.explanation import Array, Attribution, Importance


def quartile_steps(horizon: int) -> list[int]:
    """Return the first step, the quartiles and the last step of a horizon."""
    return sorted({1, *(round(horizon * part) for part in (0.25, 0.5, 0.75, 1))} - {0})


def liveliest_units(states: Array, count: int) -> list[int]:
    """Return the numbers of the `count` units that vary most over the steps of [S, D], ascending."""
    order = np.argsort(-states.std(axis=0), kind="stable")
    return sorted(order[:count].tolist())


def lag_blocks(attribution: Attribution, importance: Importance | None) -> list[tuple[int, int]]:
    """Return the first and last lag of each row of an attribution: the blocks of the importance, or one block."""
    reach = len(attribution.lags)
    influences = importance.influences if importance else ()
    blocks = [
        (each.first, min(each.last, reach)) for each in influences if each.first and each.last and each.first <= reach
    ]
    return blocks or [(1, reach)]
