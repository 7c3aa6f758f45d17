"""Long short-term memory."""

import torch
from torch import Tensor, nn

from forecaster.network.recurrent.cell import Cell, Gates, KernelWeights, Step, kernel_weights
from forecaster.network.recurrent.layer import Layer, State, gate_products, to_time_major

_MEANINGS = {
    "input": "1 lets the candidate in",
    "forget": "1 keeps the cell, 0 empties it",
    "output": "1 outputs the cell",
}


class Lstm(Layer):
    """A layer with a cell state c, to which candidates are added, and three gates.

        i_t = sigmoid(W_xi x_t + W_hi h_{t-1} + b_i)    input gate: share of the candidate that is added
        f_t = sigmoid(W_xf x_t + W_hf h_{t-1} + b_f)    forget gate: share of the cell that remains
        o_t = sigmoid(W_xo x_t + W_ho h_{t-1} + b_o)    output gate: share of the cell that is output
        g_t = tanh(W_xg x_t + W_hg h_{t-1} + b_g)       candidate
        c_t = f_t * c_{t-1} + i_t * g_t                 cell state
        h_t = o_t * tanh(c_t)                           hidden state

    Along c the gradient is multiplied by f_t only. b_f starts at 1, so that the initial cell remembers.

    State: (h, c). torch stacks the gates as i, f, g, o and stores each b as two vectors, b_ih + b_hh.
    Source: Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000; its bias of 1: Jozefowicz,
    Zaremba & Sutskever 2015.
    """

    def __init__(self, inputs: int, hidden: int, *, bidirectional: bool = False) -> None:
        super().__init__()
        self.features = hidden * (2 if bidirectional else 1)
        self.kernel = nn.LSTM(inputs, hidden, bidirectional=bidirectional)
        self._start_remembering()

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        y, (h, c) = self.kernel(to_time_major(x), state)  # [S, B, D]
        return y.transpose(0, 1), (h, c)  # [B, S, D]

    def branch(self, x: Tensor, state: State) -> Tensor:
        if self.kernel.bidirectional:
            return super().branch(x, state)
        h, c = (part.transpose(0, 1) for part in state)  # [B, 1, D]
        from_input, from_state = gate_products(self.kernel, x, h)
        i, f, g, o = (from_input + from_state).chunk(4, dim=2)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)  # [B, M, D]
        return torch.sigmoid(o) * torch.tanh(c)

    def cells(self) -> tuple[Cell, ...]:
        return tuple(
            Cell("lstm", self.kernel.hidden_size, each.project, _step(each), ("hidden", "cell"), 2, _MEANINGS)
            for each in kernel_weights(self.kernel)
        )

    @torch.no_grad()
    def _start_remembering(self) -> None:
        for name, parameter in self.kernel.named_parameters():
            if name.startswith("bias"):
                forget = parameter.chunk(4)[1]
                forget.fill_(1.0 if name.startswith("bias_ih") else 0.0)


def _step(weights: KernelWeights) -> Step:
    def step(from_input: Tensor, state: State) -> tuple[State, Gates]:
        h, c = state
        i, f, g, o = (from_input + weights.recur(h)).chunk(4, dim=1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * c + i * g
        return (o * torch.tanh(c), c), {"input": i, "forget": f, "output": o, "candidate": g}

    return step
