"""A layer whose steps depend on a step further back."""

import torch
from torch import Tensor

from forecaster.network.recurrent.cell import Cell
from forecaster.network.recurrent.layer import Layer, State


class Dilated(Layer):
    """A layer in which the predecessor of step t is step t - k: k interleaved sequences ("phases"), read separately.

    The k phases become rows of one batch, so the recurrence has k times fewer steps. No step is padded: if k does not
    divide S, the first S mod k phases have one step more and are read as a separate batch.

    State: as for the layer, with k B rows. The B rows of each phase are together, and the phase of the next step is
    first.
    Source: Chang et al. 2017, "Dilated recurrent neural networks", arXiv:1710.02224, eq. 2; Smyl 2020 (ES-RNN).
    """

    def __init__(self, layer: Layer, dilation: int) -> None:
        super().__init__()
        self.layer = layer
        self.dilation = dilation
        self.features = layer.features

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        batch, steps, width = x.shape[0], int(x.shape[1]), x.shape[2]  # an int also while a graph is traced
        rounds, longer = divmod(steps, self.dilation)  # the first `longer` phases have one step more
        full_rounds = x[:, : steps - longer].reshape(batch, rounds, self.dilation, width)  # [B, R, k, E]
        head, tail = _split(state, longer * batch) if state else (None, None)
        ends: list[State] = []
        outputs: list[Tensor] = []
        if longer:
            first = torch.cat(
                (full_rounds[:, :, :longer], x[:, None, steps - longer :]), dim=1
            )  # [B, R + 1, longer, E]
            y, end = self._read(first, head)
            outputs.append(y)
            ends.append(end)
        if rounds:
            y, end = self._read(full_rounds[:, :, longer:], tail)
            outputs.append(y)
            ends.insert(0, end)  # the next step belongs to the first of the shorter phases
        else:
            waiting = (self.dilation - longer) * batch
            ends.insert(0, tail or tuple(part.new_zeros(part.shape[0], waiting, part.shape[2]) for part in ends[0]))
        y = torch.cat([y[:, :rounds] for y in outputs], dim=2).flatten(1, 2)  # [B, R k, D]
        if longer:
            y = torch.cat((y, outputs[0][:, rounds]), dim=1)  # [B, S, D]
        return y, tuple(torch.cat(parts, dim=1) for parts in zip(*ends, strict=True))

    def branch(self, x: Tensor, state: State) -> Tensor:
        rows = state[0].shape[1] // self.dilation  # the phase of the next step comes first
        return self.layer.branch(x, tuple(part[:, :rows] for part in state))

    def cells(self) -> tuple[Cell, ...]:
        return self.layer.cells()

    def _read(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Read phases of equal length, [B, R, phases, E] -> [B, R, phases, D]."""
        batch, rounds, phases, _ = x.shape
        y, state = self.layer(x.permute(2, 0, 1, 3).reshape(phases * batch, rounds, -1), state)  # [phases B, R, D]
        return y.reshape(phases, batch, rounds, -1).permute(1, 2, 0, 3), state


def _split(state: State, rows: int) -> tuple[State, State]:
    return tuple(part[:, :rows] for part in state), tuple(part[:, rows:] for part in state)
