"""Backpropagation through time: how much of the loss's gradient reaches each state of a network."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from forecaster.batches.windows import Windows
from forecaster.explain.explanation import Array, Flow, Gradients, memory_of
from forecaster.explain.unroll import Unrolled, unroll
from forecaster.frequency import Ints
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from forecaster.network.recursive import RecursiveNetwork

WINDOWS = 256
_MAX_VALUES_IN_MEMORY = 64_000_000  # values of states and gates, for all windows that are computed together
_TENSORS_PER_STEP = 12  # tensors that one step keeps in memory for its gradient, approximately
_TAIL = 0.1

Key = tuple[int, str, str]


def measure_gradients(
    network: Network,
    windows: Windows,
    *,
    series: Ints | None = None,
    room: int | None = None,
    max_windows: int = WINDOWS,
) -> Gradients:
    """Measure |d loss / d h_t| of every state, where the loss is the training loss over the horizon.

    A recursive network is also trained on the steps of the context; those are left out, since they would reach each
    state from the step right after it. Windows weigh as in training. Dropout is off.

    Args:
        network: a trained network; it is not changed.
        windows: windows with a target.
        series: [N] for series n of `windows`, its number in the training panel; None if `windows` comes from that
            panel.
        room: largest possible context; None if unknown.
        max_windows: largest number of windows to average over, evenly spaced.
    """
    twin, layers = unroll(network)
    numbers = windows.pick_spaced(max_windows)
    context, width = windows.gather(numbers[:1]).context.shape[1], network.embed.width
    lags = [min(width * (back + 1), context) for back in range(-(-context // width))]
    norms: dict[Key, list[Array]] = {}
    weights = 0.0
    rows = _rows_at_once(layers, len(lags))
    for part in (numbers[first : first + rows] for first in range(0, len(numbers), rows)):
        gradients, weight = _gradients(twin, layers, _inputs(windows, part, series), len(lags))
        for key, norm in gradients.items():
            norms.setdefault(key, []).append(norm)
        weights += weight
    unit = len(numbers) / weights if weights else 0.0
    flows = {key: _flow(key, lags, np.concatenate(parts) * unit) for key, parts in norms.items()}
    total, backward = flows.pop((0, "forward", "state")), flows.pop((0, "backward", "state"), None)
    return Gradients(len(numbers), tuple(flows.values()), total, width, context, room, backward)


def _gradients(network: Network, layers: list[Unrolled], batch: Inputs, steps: int) -> tuple[dict[Key, Array], float]:
    """Compute the norms [B, S] by layer, direction and part, the newest step first, and the weight of the losses."""
    ahead = -(-batch.target.shape[1] // network.embed.width) * network.embed.width
    loss, weight = network.weigh_losses(batch, last=ahead if isinstance(network, RecursiveNetwork) else None)
    states, passed = dict(_states(layers, steps)), dict(_states(layers, steps, is_passed=True))
    tensors = [state for each in (states, passed) for steps_of_part in each.values() for state in steps_of_part]
    gradients = torch.autograd.grad(loss, tensors, allow_unused=True)
    sizes: list[Array] = []
    for first in range(0, len(tensors), steps):
        part = gradients[first : first + steps]
        size = [torch.zeros(len(batch.context)) if each is None else each.norm(dim=1) for each in part]
        sizes.append(torch.stack(size[::-1], dim=1).double().numpy())
    norms = dict(zip(states, sizes, strict=False))
    of_passed = dict(zip(passed, sizes[len(states) :], strict=True))
    for direction in dict.fromkeys(direction for _, direction, _ in passed):
        squares = [norm**2 for (_, way, _), norm in of_passed.items() if way == direction]
        norms[0, direction, "state"] = np.sqrt(np.sum(squares, axis=0))
    return norms, float(weight)


def _inputs(windows: Windows, numbers: Ints, series: Ints | None) -> Inputs:
    batch = windows.gather(numbers)
    return Inputs.of(batch if series is None else replace(batch, series=series[batch.series]))


def _states(layers: list[Unrolled], steps: int, *, is_passed: bool = False) -> Iterator[tuple[Key, list[Tensor]]]:
    """Yield the states of the first `steps` steps; a recursive network also has states in the horizon."""
    for number, layer in enumerate(layers, start=1):
        traces = layer.passed if is_passed else layer.trace
        for direction, cell, trace in zip(("forward", "backward"), layer.cells(), traces, strict=False):
            for part in cell.carried:
                yield (number, direction, part), trace[part][:steps]


def _flow(key: Key, lags: list[int], norms: Array) -> Flow:
    layer, direction, part = key
    norm = norms.mean(axis=0)
    low, high = np.quantile(norms, (_TAIL, 1 - _TAIL), axis=0)
    from_end = norm if direction == "forward" else norm[::-1]  # [S] the state that was computed last comes first
    fate = float(from_end[-1] / from_end[0]) if from_end[0] > 0 else 0.0
    return Flow(layer, direction, part, lags, norm, low, high, memory_of(from_end, lags), fate)


def _rows_at_once(layers: list[Unrolled], steps: int) -> int:
    values_per_row = steps * _TENSORS_PER_STEP * sum(cell.hidden for layer in layers for cell in layer.cells())
    return max(1, _MAX_VALUES_IN_MEMORY // values_per_row)
