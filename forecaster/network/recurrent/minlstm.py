"""Minimal long short-term memory."""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from forecaster.network.recurrent.cell import Cell, Gates
from forecaster.network.recurrent.directions import Directed
from forecaster.network.recurrent.layer import State
from forecaster.network.recurrent.scan import scan

_MEANINGS = {
    "input": "share of both gates: replaced part of the state",
    "forget": "share of both gates: retained part of the state",
}


class MinLstm(Directed):
    """An LSTM whose gates and candidate depend on the input only, so that all steps are computed at once.

        i_t = sigmoid(W_i x_t + b_i)                                        input gate
        f_t = sigmoid(W_f x_t + b_f)                                        forget gate
        g_t = W_g x_t + b_g                                                 candidate, without an activation
        h_t = f_t / (f_t + i_t) * h_{t-1} + i_t / (f_t + i_t) * g_t         hidden state

    The shares sum to 1, so the state does not grow with the length of the sequence. b_f starts at 1, as in `Lstm`.

    State: (h,). Weights are stacked as i, f, g.
    Source: Feng et al. 2024, arXiv:2410.01201, section 3.2; in logarithms: its appendix B.
    """

    def __init__(self, inputs: int, hidden: int, *, bidirectional: bool = False) -> None:
        super().__init__(hidden, bidirectional=bidirectional)
        gates = [nn.Linear(inputs, 3 * hidden) for _ in range(self.directions)]
        for linear in gates:
            nn.init.constant_(linear.bias[hidden : 2 * hidden], 1.0)
        self.gates = nn.ModuleList(gates)

    def read(self, direction: int, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        i, f, candidate = self.gates[direction](x).chunk(3, dim=2)  # [S, B, D]
        # i / (f + i) = sigmoid(log i - log f): otherwise two closed gates would be 0 / 0
        share = torch.sigmoid(logsigmoid(i) - logsigmoid(f))
        h = scan(share, candidate, state[0] if state else torch.zeros_like(candidate[0]))
        return h, (h[-1],)

    def cells(self) -> tuple[Cell, ...]:
        hidden = self.features // self.directions
        return tuple(Cell("minlstm", hidden, linear, _step, meanings=_MEANINGS) for linear in self.gates)


def _step(from_input: Tensor, state: State) -> tuple[State, Gates]:
    i, f, candidate = from_input.chunk(3, dim=1)
    share = torch.sigmoid(logsigmoid(i) - logsigmoid(f))
    gates = {"input": torch.sigmoid(i), "forget": torch.sigmoid(f), "candidate": candidate}
    return ((1 - share) * state[0] + share * candidate,), gates
