"""Backpropagation through time, laid open: how much of the loss's gradient reaches each state."""

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
_VALUES = 64_000_000  # of states and gates that a part of the windows keeps at once
_KEPT = 12  # tensors a step keeps for its gradient, about
_TAIL = 0.1

Key = tuple[int, str, str]


def measure_gradients(
    network: Network,
    windows: Windows,
    *,
    series: Ints | None = None,
    room: int | None = None,
    most: int = WINDOWS,
) -> Gradients:
    """Measure |d loss / d h_t| of every state, for the loss that the network was trained with.

    The loss is that of the horizon: a recursive network's own, also about steps of the context, would reach each state
    from the step right after it. A window's share in the mean is that of its loss in training. Dropout is off.

    Args:
        windows: with a target.
        series: [N] number of each series of the windows among those trained on; None where they are these.
        room: steps that a context could have at most; None for any number.
        most: windows to average over, evenly spaced.
    """
    twin, layers = unroll(network)
    numbers = windows.pick_spaced(most)
    context, width = windows.gather(numbers[:1]).context.shape[1], network.embed.width
    lags = [min(width * (back + 1), context) for back in range(-(-context // width))]
    found: dict[Key, list[Array]] = {}
    weights = 0.0
    rows = _rows_at_once(layers, len(lags))
    for part in (numbers[first : first + rows] for first in range(0, len(numbers), rows)):
        gradients, weight = _gradients(twin, layers, _inputs(windows, part, series), len(lags))
        for key, norms in gradients.items():
            found.setdefault(key, []).append(norms)
        weights += weight
    unit = len(numbers) / weights if weights else 0.0
    flows = {key: _flow(key, lags, np.concatenate(parts) * unit) for key, parts in found.items()}
    total = flows.pop((0, "forward", "hidden"))
    return Gradients(len(numbers), tuple(flows.values()), total, width, context, room)


def _gradients(network: Network, layers: list[Unrolled], batch: Inputs, steps: int) -> tuple[dict[Key, Array], float]:
    """Norms [B, S] of each layer, direction and part, the newest step first, and the weight of the losses."""
    ahead = -(-batch.target.shape[1] // network.embed.width) * network.embed.width
    loss, weight = network.weigh_losses(batch, last=ahead if isinstance(network, RecursiveNetwork) else None)
    states = dict(_states(layers, steps))
    every = [state for each in states.values() for state in each]
    gradients = torch.autograd.grad(loss, every, allow_unused=True)
    norms: dict[Key, Array] = {}
    for place, key in enumerate(states):
        own = gradients[place * steps : (place + 1) * steps]
        size = [torch.zeros(len(batch.context)) if each is None else each.norm(dim=1) for each in own]
        norms[key] = torch.stack(size[::-1], dim=1).double().numpy()
    together = [own**2 for (_, direction, part), own in norms.items() if (direction, part) == ("forward", "hidden")]
    return {(0, "forward", "hidden"): np.sqrt(np.sum(together, axis=0)), **norms}, float(weight)


def _inputs(windows: Windows, numbers: Ints, series: Ints | None) -> Inputs:
    batch = windows.gather(numbers)
    return Inputs.of(batch if series is None else replace(batch, series=series[batch.series]))


def _states(layers: list[Unrolled], steps: int) -> Iterator[tuple[Key, list[Tensor]]]:
    """The states of the first `steps` steps; a recursive network goes on into the horizon."""
    for number, layer in enumerate(layers, start=1):
        for direction, cell, trace in zip(("forward", "backward"), layer.cells, layer.trace, strict=False):
            for part in cell.carried:
                yield (number, direction, part), trace[part][:steps]


def _flow(key: Key, lags: list[int], norms: Array) -> Flow:
    layer, direction, part = key
    norm = norms.mean(axis=0)
    low, high = np.quantile(norms, (_TAIL, 1 - _TAIL), axis=0)
    read = norm if direction == "forward" else norm[::-1]  # from the end of its reading on
    fate = float(read[-1] / read[0]) if read[0] > 0 else 0.0
    return Flow(layer, direction, part, lags, norm, low, high, memory_of(read, lags), fate)


def _rows_at_once(layers: list[Unrolled], steps: int) -> int:
    a_row = steps * _KEPT * sum(cell.hidden for layer in layers for cell in layer.cells)
    return max(1, _VALUES // a_row)
