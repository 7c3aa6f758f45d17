"""Gated recurrent unit."""

import torch
from torch import Tensor, nn

from forecaster.network.recurrent.cell import Cell, Gates, KernelWeights, Step, kernel_weights
from forecaster.network.recurrent.layer import Layer, State, gate_products, store_by_column, to_time_major

_MEANINGS = {"update": "1 keeps the state, 0 replaces it", "reset": "0 ignores the state in the candidate"}


class Gru(Layer):
    """A layer with one hidden state and two gates, which control the use of the past and its replacement.

        r_t = sigmoid(W_xr x_t + W_hr h_{t-1} + b_r)                    reset gate
        z_t = sigmoid(W_xz x_t + W_hz h_{t-1} + b_z)                    update gate
        n_t = tanh(W_xn x_t + b_xn + r_t * (W_hn h_{t-1} + b_hn))       candidate
        h_t = (1 - z_t) * n_t + z_t * h_{t-1}                           hidden state

    The reset gate acts after the product with W_hn, as in cuDNN and torch; in the paper it acts on h_{t-1} before it.

    State: (h,). torch stacks the gates as r, z, n.
    Source: Cho et al. 2014, arXiv:1406.1078, eqs. 5 to 8.
    """

    def __init__(self, inputs: int, hidden: int, *, bidirectional: bool = False) -> None:
        super().__init__()
        self.features = hidden * (2 if bidirectional else 1)
        self.kernel = nn.GRU(inputs, hidden, bidirectional=bidirectional)
        store_by_column(self.kernel)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        y, h = self.kernel(to_time_major(x), state[0] if state else None)  # [S, B, D]
        return y.transpose(0, 1), (h,)  # [B, S, D]

    def branch(self, x: Tensor, state: State) -> Tensor:
        if self.kernel.bidirectional:
            return super().branch(x, state)
        h = state[0].transpose(0, 1)  # [B, 1, D]
        from_input, from_state = gate_products(self.kernel, x, h)
        (x_r, x_z, x_n), (h_r, h_z, h_n) = from_input.chunk(3, dim=2), from_state.chunk(3, dim=2)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        return torch.lerp(n, h.expand_as(n), z)  # [B, M, D]

    def cells(self) -> tuple[Cell, ...]:
        return tuple(
            Cell("gru", self.kernel.hidden_size, each.project, _step(each), meanings=_MEANINGS)
            for each in kernel_weights(self.kernel)
        )


def _step(weights: KernelWeights) -> Step:
    def step(from_input: Tensor, state: State) -> tuple[State, Gates]:
        (h,) = state
        (x_r, x_z, x_n), (h_r, h_z, h_n) = from_input.chunk(3, dim=1), weights.recur(h).chunk(3, dim=1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        return ((1 - z) * n + z * h,), {"update": z, "reset": r, "candidate": n}

    return step
