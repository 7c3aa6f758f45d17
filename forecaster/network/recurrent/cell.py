"""A recurrent cell by its published equations: one step at a time, with a name for each gate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

State = tuple[Tensor, ...]
Gates = dict[str, Tensor]
Step = Callable[[Tensor, State], tuple[State, Gates]]


@dataclass(frozen=True)
class Cell:
    """The equations of one direction of a layer.

    Attributes:
        kind: name of the cell, such as `gru`.
        hidden: units, D.
        project: computes the input's part of the gates for all steps at once, [..., E] -> [..., G].
        step: computes one step from the input's part of its gates [B, G] and the state before it, each part [B, D].
            Returns the state after the step, and the gates by name, each [B, D].
        carried: names of the first parts of the state, whose gradients are of interest: `hidden`, then `cell`.
        size: number of parts of the state.
        meanings: the effect of a gate near 1 in a few words, by the name of the gate; a gate whose name is enough is
            missing.
    """

    kind: str
    hidden: int
    project: Callable[[Tensor], Tensor]
    step: Step
    carried: tuple[str, ...] = ("hidden",)
    size: int = 1
    meanings: Mapping[str, str] | None = None


@dataclass(frozen=True)
class KernelWeights:
    """The weights of one direction of a torch kernel; the recurrent bias belongs to the recurrent product."""

    w_x: Tensor
    w_h: Tensor
    b_x: Tensor
    b_h: Tensor

    def project(self, x: Tensor) -> Tensor:
        """Return W_x x + b_x."""
        return functional.linear(x, self.w_x, self.b_x)

    def recur(self, h: Tensor) -> Tensor:
        """Return W_h h + b_h."""
        return functional.linear(h, self.w_h, self.b_h)


def kernel_weights(kernel: nn.RNNBase) -> list[KernelWeights]:
    """Return the weights of a kernel of one layer, forward first."""
    weights = dict(kernel.named_parameters())
    suffixes = ("_l0", "_l0_reverse") if kernel.bidirectional else ("_l0",)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [KernelWeights(*(weights[name + suffix] for name in names)) for suffix in suffixes]
