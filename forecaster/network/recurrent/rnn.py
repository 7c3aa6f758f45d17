"""Elman's recurrent network."""

from typing import Literal

import torch
from torch import Tensor, nn

from forecaster.network.recurrent.cell import Cell, Gates, KernelWeights, Step, kernel_weights
from forecaster.network.recurrent.layer import Layer, State, gate_products, store_by_column, to_time_major


class Rnn(Layer):
    """The basic recurrence: one hidden state, replaced at every step.

        h_t = f(W_x x_t + W_h h_{t-1} + b),    f = tanh or relu

    The gradient that reaches step t - k passes k times through W_h and f', so it vanishes or grows as the k-th power.
    This is the reason for the gates of LSTM and GRU. With relu, W_h starts as the identity and b as 0, so that the
    initial network preserves its state (Le et al. 2015).

    State: (h,). torch stores b as two vectors, b_ih + b_hh.
    Source: Elman 1990, "Finding structure in time"; Le, Jaitly & Hinton 2015, arXiv:1504.00941.
    """

    def __init__(
        self, inputs: int, hidden: int, *, activation: Literal["tanh", "relu"] = "tanh", bidirectional: bool = False
    ) -> None:
        super().__init__()
        self.features = hidden * (2 if bidirectional else 1)
        self.kernel = nn.RNN(inputs, hidden, nonlinearity=activation, bidirectional=bidirectional)
        store_by_column(self.kernel)
        if activation == "relu":
            self._start_as_identity()

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        y, h = self.kernel(to_time_major(x), state[0] if state else None)  # [S, B, D]
        return y.transpose(0, 1), (h,)  # [B, S, D]

    def branch(self, x: Tensor, state: State) -> Tensor:
        if self.kernel.bidirectional:
            return super().branch(x, state)
        h = state[0].transpose(0, 1)  # [B, 1, D]
        from_input, from_state = gate_products(self.kernel, x, h)
        activate = torch.tanh if self.kernel.nonlinearity == "tanh" else torch.relu
        return activate(from_input + from_state)  # [B, M, D]

    def cells(self) -> tuple[Cell, ...]:
        hidden = self.kernel.hidden_size
        return tuple(Cell("rnn", hidden, each.project, self._step(each)) for each in kernel_weights(self.kernel))

    def _step(self, weights: KernelWeights) -> Step:
        activate = torch.tanh if self.kernel.nonlinearity == "tanh" else torch.relu

        def step(from_input: Tensor, state: State) -> tuple[State, Gates]:
            return (activate(from_input + weights.recur(state[0])),), {}

        return step

    @torch.no_grad()
    def _start_as_identity(self) -> None:
        for name, parameter in self.kernel.named_parameters():
            if name.startswith("weight_hh"):
                nn.init.eye_(parameter)
            elif name.startswith("bias"):
                nn.init.zeros_(parameter)
