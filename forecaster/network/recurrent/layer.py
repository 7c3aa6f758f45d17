"""What every recurrent layer is: a sequence and a state in, a sequence and a state out."""

from torch import Tensor, nn

State = tuple[Tensor, ...]
"""What a layer hands from one chunk of a sequence to the next, each [directions, B, D]; the hidden state is first."""


class Layer(nn.Module):
    """One recurrent layer over whole sequences.

    Two chunks read in order, the state handed over, give what the one sequence gives, unless the layer also reads
    backward: its backward half then starts anew in each chunk.

    Attributes:
        features: width of its output, hidden units times directions.
    """

    features: int

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Read a sequence.

        Args:
            x: [B, S, E].
            state: what an earlier chunk ended in; None for zeros.

        Returns: [B, S, features], forward half before backward half, and the state after the last step.
        """
        raise NotImplementedError
