"""Minimal gated recurrent unit."""

import torch
from torch import Tensor, nn

from forecaster.network.recurrent.cell import Cell, Gates
from forecaster.network.recurrent.directions import Directed
from forecaster.network.recurrent.layer import State
from forecaster.network.recurrent.scan import scan

_MEANINGS = {"update": "1 replaces the state, 0 keeps it"}


class MinGru(Directed):
    """A GRU whose gate and candidate depend on the input only, so that all steps are computed at once.

        z_t = sigmoid(W_z x_t + b_z)                update gate
        c_t = W_c x_t + b_c                         candidate, without an activation
        h_t = (1 - z_t) * h_{t-1} + z_t * c_t       hidden state

    A second layer makes up for the missing state in the gates of the first. b_z starts at -1, since a state that is
    halved at every step would remember little of the past.

    State: (h,). Weights are stacked as z, c.
    Source: Feng et al. 2024, arXiv:2410.01201, section 3.1.
    """

    def __init__(self, inputs: int, hidden: int, *, bidirectional: bool = False) -> None:
        super().__init__(hidden, bidirectional=bidirectional)
        gates = [nn.Linear(inputs, 2 * hidden) for _ in range(self.directions)]
        for linear in gates:
            nn.init.constant_(linear.bias[:hidden], -1.0)
        self.gates = nn.ModuleList(gates)

    def read(self, direction: int, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        gate, candidate = self.gates[direction](x).chunk(2, dim=2)  # [S, B, D]
        h = scan(torch.sigmoid(gate), candidate, state[0] if state else torch.zeros_like(candidate[0]))
        return h, (h[-1],)

    def cells(self) -> tuple[Cell, ...]:
        hidden = self.features // self.directions
        return tuple(Cell("mingru", hidden, linear, _step, meanings=_MEANINGS) for linear in self.gates)


def _step(from_input: Tensor, state: State) -> tuple[State, Gates]:
    gate, candidate = from_input.chunk(2, dim=1)
    z = torch.sigmoid(gate)
    return ((1 - z) * state[0] + z * candidate,), {"update": z, "candidate": candidate}
