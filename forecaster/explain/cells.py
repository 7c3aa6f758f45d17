"""Each cell by its published equations: one step at a time, with a name for each gate."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import logsigmoid

from forecaster.network.recurrent.directions import Directed
from forecaster.network.recurrent.gru import Gru
from forecaster.network.recurrent.layer import Layer, State
from forecaster.network.recurrent.lstm import Lstm
from forecaster.network.recurrent.mingru import MinGru
from forecaster.network.recurrent.minlstm import MinLstm
from forecaster.network.recurrent.rnn import Rnn
from forecaster.network.recurrent.slstm import Slstm

Gates = dict[str, Tensor]
Step = Callable[[Tensor, State], tuple[State, Gates]]


@dataclass(frozen=True)
class Cell:
    """The equations of one direction of a layer.

    Attributes:
        kind: name of the cell, such as `gru`.
        hidden: units, D.
        carried: names of the first parts of the state, whose gradients are of interest: `hidden`, then `cell`.
        size: number of parts of the state.
        project: computes the input's part of the gates for all steps at once, [..., E] -> [..., G].
        step: computes one step from the input's part of its gates [B, G] and the state before it, each part [B, D].
            Returns the state after the step, and the gates by name, each [B, D].
    """

    kind: str
    hidden: int
    carried: tuple[str, ...]
    size: int
    project: Callable[[Tensor], Tensor]
    step: Step


def cells_of(layer: Layer) -> tuple[Cell, ...]:
    """Return the forward cell of a layer and, if it reads both ways, the backward cell."""
    match layer:
        case Rnn():
            both = 1 + layer.kernel.bidirectional
            return tuple(_kernel_cell("rnn", layer.kernel, number, _rnn, ("hidden",)) for number in range(both))
        case Lstm():
            both = 1 + layer.kernel.bidirectional
            return tuple(
                _kernel_cell("lstm", layer.kernel, number, _lstm, ("hidden", "cell")) for number in range(both)
            )
        case Gru():
            both = 1 + layer.kernel.bidirectional
            return tuple(_kernel_cell("gru", layer.kernel, number, _gru, ("hidden",)) for number in range(both))
        case MinGru():
            return tuple(_plain_cell("mingru", layer, linear, _mingru) for linear in layer.gates)
        case MinLstm():
            return tuple(_plain_cell("minlstm", layer, linear, _minlstm) for linear in layer.gates)
        case Slstm():
            return tuple(
                _plain_cell("slstm", layer, linear, _slstm(recurrent), size=4)
                for linear, recurrent in zip(layer.gates, layer.recurrent, strict=True)
            )
    raise TypeError(f"{type(layer).__name__} has no plain form")


KernelStep = Callable[[Tensor, State, Tensor, Tensor, str], tuple[State, Gates]]


def _kernel_cell(kind: str, kernel: nn.RNNBase, direction: int, step: KernelStep, carried: tuple[str, ...]) -> Cell:
    """Create a cell from the weights of a torch kernel; the recurrent bias belongs to the recurrent product."""
    weights = dict(kernel.named_parameters())
    suffix = "_l0_reverse" if direction else "_l0"
    w_x, w_h, b_x, b_h = (weights[name + suffix] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    activation = getattr(kernel, "nonlinearity", "tanh")
    return Cell(
        kind,
        kernel.hidden_size,
        carried,
        len(carried),
        lambda x: functional.linear(x, w_x, b_x),
        lambda from_input, state: step(from_input, state, w_h, b_h, activation),
    )


def _plain_cell(kind: str, layer: Directed, linear: nn.Module, step: Step, *, size: int = 1) -> Cell:
    return Cell(kind, layer.features // layer.directions, ("hidden",), size, linear, step)


def _rnn(from_input: Tensor, state: State, w_h: Tensor, b_h: Tensor, activation: str) -> tuple[State, Gates]:
    total = from_input + functional.linear(state[0], w_h, b_h)
    return (torch.tanh(total) if activation == "tanh" else torch.relu(total),), {}


def _lstm(from_input: Tensor, state: State, w_h: Tensor, b_h: Tensor, _: str) -> tuple[State, Gates]:
    h, c = state
    i, f, g, o = (from_input + functional.linear(h, w_h, b_h)).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c = f * c + i * g
    return (o * torch.tanh(c), c), {"input": i, "forget": f, "output": o, "candidate": g}


def _gru(from_input: Tensor, state: State, w_h: Tensor, b_h: Tensor, _: str) -> tuple[State, Gates]:
    (h,) = state
    (x_r, x_z, x_n), (h_r, h_z, h_n) = from_input.chunk(3, dim=1), functional.linear(h, w_h, b_h).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return ((1 - z) * n + z * h,), {"update": z, "reset": r, "candidate": n}


def _mingru(from_input: Tensor, state: State) -> tuple[State, Gates]:
    gate, candidate = from_input.chunk(2, dim=1)
    z = torch.sigmoid(gate)
    return ((1 - z) * state[0] + z * candidate,), {"update": z, "candidate": candidate}


def _minlstm(from_input: Tensor, state: State) -> tuple[State, Gates]:
    i, f, candidate = from_input.chunk(3, dim=1)
    share = torch.sigmoid(logsigmoid(i) - logsigmoid(f))
    gates = {"input": torch.sigmoid(i), "forget": torch.sigmoid(f), "candidate": candidate}
    return ((1 - share) * state[0] + share * candidate,), gates


def _slstm(recurrent: Tensor) -> Step:
    """Return the step of an sLSTM, whose gates are shares of the normaliser and whose cell state is divided by it."""

    def step(from_input: Tensor, state: State) -> tuple[State, Gates]:
        h, c, n, m = state
        m = torch.where(n == 0, -torch.inf, m).detach()  # n = 0 before the first step
        i, f, g, o = torch.addmm(from_input, h, recurrent).chunk(4, dim=1)
        log_decay, g, o = logsigmoid(f) + m, torch.tanh(g), torch.sigmoid(o)
        m = torch.maximum(log_decay, i).detach()
        entering, decay = torch.exp(i - m), torch.exp(log_decay - m)
        c, n, before = decay * c + entering * g, decay * n + entering, decay * n
        gates = {"input": entering / n, "forget": before / n, "output": o, "candidate": g, "cell": c / n}
        return (o * c / n, c, n, m), gates

    return step


def describe_gate(kind: str, gate: str) -> str:
    """Describe the effect of a gate near 1 in a few words; empty if the name of the gate is enough."""
    return _MEANINGS.get((kind, gate), "")


_MEANINGS = {
    ("gru", "update"): "1 keeps the state, 0 replaces it",
    ("gru", "reset"): "0 ignores the state in the candidate",
    ("mingru", "update"): "1 replaces the state, 0 keeps it",
    ("lstm", "input"): "1 lets the candidate in",
    ("lstm", "forget"): "1 keeps the cell, 0 empties it",
    ("lstm", "output"): "1 outputs the cell",
    ("minlstm", "input"): "share of both gates: replaced part of the state",
    ("minlstm", "forget"): "share of both gates: retained part of the state",
    ("slstm", "input"): "share of the cell that is new",
    ("slstm", "forget"): "share of the cell that is retained",
    ("slstm", "output"): "1 outputs the cell",
}
