"""Recurrent layers unrolled in time: the same numbers as from the fused kernels, with access to every step."""

import copy

import torch
from torch import Tensor
from torch.nn import functional

from forecaster.explain.explanation import Array, LayerTrace
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from forecaster.network.recurrent.cell import Cell
from forecaster.network.recurrent.dilation import Dilated
from forecaster.network.recurrent.layer import Layer, State

Trace = dict[str, list[Tensor]]


class Unrolled(Layer):
    """A layer that computes its steps one by one from the plain equations, and stores their states and gates.

    torch's kernels return the outputs of all steps, but gradients with respect to a state in between are not available.
    Here the state of each step is a tensor of the graph. In a dilated layer the predecessor of a step is k steps back.

    Attributes:
        trace: the states and gates from the latest sequence for each direction: a list of [B, D] in the order of time
            for each name. The carried parts of the state come first, then the gates.
        passed: the carried parts of the state as the next step receives them, in the same form. A gradient with respect
            to a passed cell state leaves out its path through the hidden state of the same step, so that the parts
            together are the whole state.
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        self.features = layer.features
        self.dilation = layer.dilation if isinstance(layer, Dilated) else 1
        self._cells = layer.cells()
        self.trace: tuple[Trace, ...] = ()
        self.passed: tuple[Trace, ...] = ()

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        results = [self._read(direction, x, state if direction == 0 else None) for direction in range(len(self._cells))]
        self.trace, self.passed = tuple(trace for trace, *_ in results), tuple(passed for _, passed, _ in results)
        y = torch.cat([torch.stack(trace["hidden"], dim=1) for trace in self.trace], dim=2)  # [B, S, features]
        return y, tuple(torch.stack(ends) for ends in zip(*(end for *_, end in results), strict=True))

    def cells(self) -> tuple[Cell, ...]:
        return self._cells

    def branch(self, x: Tensor, state: State) -> Tensor:
        result: Tensor = self.layer.branch(x, state)
        return result

    def _read(self, direction: int, x: Tensor, state: State | None) -> tuple[Trace, Trace, State]:
        """Read [B, S, E] in one direction; the final state has k B rows, in the order that `Dilated` uses."""
        cell, reach = self._cells[direction], self.dilation
        batch, steps, _ = x.shape
        nothing = (x.new_zeros(batch, cell.hidden),) * cell.size
        before = {  # states of the steps before the sequence
            turn - reach: tuple(part[0, turn * batch : (turn + 1) * batch] for part in state) if state else nothing
            for turn in range(reach)
        }
        from_input = cell.project(x)  # [B, S, G]
        states: dict[int, State] = {}  # as the next step receives them
        computed: dict[int, State] = {}
        gates: dict[int, dict[str, Tensor]] = {}
        order, back = (range(steps), -reach) if direction == 0 else (reversed(range(steps)), reach)
        for step in order:
            latest = states.get(step + back) or before.get(step + back, nothing)
            computed[step], gates[step] = cell.step(from_input[:, step], latest)
            states[step] = (computed[step][0], *(part.clone() for part in computed[step][1:]))
        trace, passed = (
            {name: [each[step][part] for step in range(steps)] for part, name in enumerate(cell.carried)}
            for each in (computed, states)
        )
        trace |= {name: [gates[step][name] for step in range(steps)] for name in gates[0]}
        phases = [(steps + turn) % reach for turn in range(reach)]  # that of the next step first
        last = [steps - reach + turn for turn in range(reach)] if direction == 0 else phases
        ends = [states.get(step) or before.get(step, nothing) for step in last]
        return trace, passed, tuple(torch.cat(parts) for parts in zip(*ends, strict=True))


def read_window(network: Network, batch: Inputs) -> tuple[Array, tuple[LayerTrace, ...]]:
    """Let a network read one window, and return its inputs [S] (see `Unrolling.input`) and a trace of each layer."""
    twin, layers = unroll(network)
    width = network.embed.width
    with torch.no_grad():
        scaled = twin.scale_windows(batch)
        twin.decode_ahead(scaled, twin.covariates(batch))
    pad = -scaled.values.shape[1] % width
    values, known = (functional.pad(part[0], (pad, 0)).view(-1, width) for part in (scaled.values, scaled.mask))
    inputs = (values * known).sum(1) / known.sum(1)  # NaN where nothing is known
    traces = []
    for number, layer in enumerate(layers, start=1):
        for direction, cell, trace in zip(("forward", "backward"), layer.cells(), layer.trace, strict=False):
            parts = {name: torch.cat(steps).double().numpy() for name, steps in trace.items()}  # [S, D]
            traces.append(LayerTrace(number, direction, cell.kind, parts, dict(cell.meanings or {})))
    return inputs.double().numpy(), tuple(traces)


def unroll(network: Network) -> tuple[Network, list[Unrolled]]:
    """Copy a network with unrolled recurrent layers, ready to forecast; return it and these layers, bottom up."""
    twin = copy.deepcopy(network).eval()
    layers = [Unrolled(layer) for layer in twin.recur.layers]  # type: ignore[arg-type]
    for number, layer in enumerate(layers):
        twin.recur.layers[number] = layer
    return twin, layers
