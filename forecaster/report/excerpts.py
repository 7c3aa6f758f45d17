"""The few steps, units and lags that stand for all of them in a view."""

import numpy as np

from forecaster.explain.explanation import Array, Attribution, Flow, Gradients, Importance


def quartile_steps(horizon: int) -> list[int]:
    """Return the first step, the quartiles and the last step of a horizon."""
    return sorted({1, *(round(horizon * part) for part in (0.25, 0.5, 0.75, 1))} - {0})


def liveliest_units(states: Array, count: int) -> list[int]:
    """Return the numbers of the `count` units that vary most over the steps of [S, D], ascending."""
    order = np.argsort(-states.std(axis=0), kind="stable")
    return sorted(order[:count].tolist())


def gradient_rows(gradients: Gradients) -> tuple[Flow, ...]:
    """Return the gradients to show: those of the whole state first, if it has several parts or layers."""
    whole, parts = gradients.directions, gradients.flows
    return parts if len(parts) == len(whole) else (*whole, *parts)


def memory_ends(gradients: Gradients) -> list[int]:
    """Return the lag at which the memory of each direction ends; a backward memory begins at the oldest step."""
    ends = [gradients.memory]
    if gradients.backward:
        ends.append(gradients.context - gradients.backward.memory + gradients.step)
    return ends


def lag_blocks(attribution: Attribution, importance: Importance | None) -> list[tuple[int, int]]:
    """Return the first and last lag of each row of an attribution: the blocks of the importance, or one block."""
    reach = len(attribution.lags)
    influences = importance.influences if importance else ()
    blocks = [
        (each.first, min(each.last, reach)) for each in influences if each.first and each.last and each.first <= reach
    ]
    return blocks or [(1, reach)]
