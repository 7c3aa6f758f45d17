"""Long short-term memory with exponential gates."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from forecaster.network.recurrent.cell import Cell, Gates, Step
from forecaster.network.recurrent.directions import Directed
from forecaster.network.recurrent.layer import State

_MEANINGS = {
    "input": "share of the cell that is new",
    "forget": "share of the cell that is retained",
    "output": "1 outputs the cell",
}


class Slstm(Directed):
    """An LSTM that can overwrite stored values: its input gate is unbounded, and a normaliser sums the weights.

        i_t = exp(W_i x_t + R_i h_{t-1} + b_i)          input gate (13)
        f_t = sigmoid(W_f x_t + R_f h_{t-1} + b_f)      forget gate (14), the bounded one of the two in the paper
        o_t = sigmoid(W_o x_t + R_o h_{t-1} + b_o)      output gate (12)
        g_t = tanh(W_g x_t + R_g h_{t-1} + b_g)         candidate (11), z in the paper
        c_t = f_t * c_{t-1} + i_t * g_t                 cell state (8)
        n_t = f_t * n_{t-1} + i_t                       normaliser (9)
        h_t = o_t * c_t / n_t                           hidden state (10)

    c and n are stored divided by exp(m), where m is the largest logarithm of a weight so far. Then nothing overflows, n
    is at least 1, and c / n does not change. Its gradient does not change either, so m is a constant. b_f starts at 1.

    State: (h, c, n, m); n = 0 before the first step. Weights are stacked as i, f, g, o. There is one head: R is full.
    Source: Beck et al. 2024, "xLSTM: extended long short-term memory", arXiv:2405.04517, eqs. 8 to 17.
    """

    def __init__(self, inputs: int, hidden: int, *, bidirectional: bool = False) -> None:
        super().__init__(hidden, bidirectional=bidirectional)
        self.hidden = hidden
        gates = [nn.Linear(inputs, 4 * hidden) for _ in range(self.directions)]
        for linear in gates:
            nn.init.constant_(linear.bias[hidden : 2 * hidden], 1.0)
        self.gates = nn.ModuleList(gates)
        bound = 1 / math.sqrt(hidden)
        self.recurrent = nn.ParameterList(
            nn.init.uniform_(torch.empty(hidden, 4 * hidden), -bound, bound) for _ in range(self.directions)
        )

    def read(self, direction: int, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        from_input = self.gates[direction](x)  # [S, B, 4 D]
        recurrent = self.recurrent[direction]
        h, c, n, m = state or (x.new_zeros(x.shape[1], self.hidden),) * 4  # [B, D]
        m = torch.where(n == 0, -torch.inf, m).detach()  # log 0: the initial state has no weight
        outputs = []
        for step in from_input.unbind():
            i, f, g, o = torch.addmm(step, h, recurrent).chunk(4, dim=1)  # [B, D]
            log_decay = logsigmoid(f) + m
            m = torch.maximum(log_decay, i).detach()  # (15)
            entering = torch.exp(i - m)  # (16)
            decay = torch.exp(log_decay - m)  # (17)
            c = torch.addcmul(entering * torch.tanh(g), decay, c)
            n = torch.addcmul(entering, decay, n)
            h = torch.sigmoid(o) * c / n
            outputs.append(h)
        return torch.stack(outputs), (h, c, n, m)

    def cells(self) -> tuple[Cell, ...]:
        return tuple(
            Cell("slstm", self.hidden, linear, _step(recurrent), size=4, meanings=_MEANINGS)
            for linear, recurrent in zip(self.gates, self.recurrent, strict=True)
        )


def _step(recurrent: Tensor) -> Step:
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
