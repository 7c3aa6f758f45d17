"""Cutting a context into segments."""

import torch
from torch import Tensor

from forecaster.network.embed import Segments


def nothing(x: Tensor) -> Tensor:
    """Return static values of no width, which do not identify any series."""
    return x.new_empty(len(x), 0)


def test_width_1_hands_the_steps_on_as_they_are() -> None:
    embed, x = Segments(1, 8), torch.randn(3, 7, 2)
    assert embed.features == 2
    assert embed(x, nothing(x)) is x
    assert not list(embed.parameters())


def test_a_segment_is_a_linear_map_of_its_steps_cut_off_at_zero() -> None:
    embed, x = Segments(3, 4), torch.randn(2, 6, 2)
    y = embed(x, nothing(x))
    assert embed.features == 4
    assert y.shape == (2, 2, 4)
    weight, bias = embed.project.weight, embed.project.bias
    for window in range(2):
        for segment in range(2):
            steps = x[window, 3 * segment : 3 * segment + 3].reshape(6)
            torch.testing.assert_close(y[window, segment], (weight @ steps + bias).clamp(min=0))


def test_a_context_that_is_no_multiple_of_the_width_is_filled_from_the_left() -> None:
    embed, x = Segments(4, 5), torch.randn(2, 6, 2)
    filled = torch.cat((torch.zeros(2, 2, 2), x), dim=1)
    torch.testing.assert_close(embed(x, nothing(x)), embed(filled, nothing(filled)))
    assert embed(x, nothing(x)).shape == (2, 2, 5)
