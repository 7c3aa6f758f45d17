"""Both forms of the scan against a plain loop."""

import pytest
import torch
from torch import Tensor

from forecaster.network.recurrent.scan import scan

WIDTHS = {"by pairs": 3, "in one pass": 2048}  # of the state; a pass pays where a step is wide

every_form = pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())


def arguments(steps: int, width: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Shares [steps, 2, width], candidates [steps, 2, width] and a start [2, width]."""
    generator = torch.Generator().manual_seed(steps)
    z = torch.rand(steps, 2, width, generator=generator, dtype=dtype)
    candidate = torch.randn(steps, 2, width, generator=generator, dtype=dtype)
    start = torch.randn(2, width, generator=generator, dtype=dtype)
    return z.requires_grad_(), candidate.requires_grad_(), start.requires_grad_()


def loop(z: Tensor, candidate: Tensor, h: Tensor) -> Tensor:
    states = []
    for z_t, candidate_t in zip(z, candidate, strict=True):
        h = (1 - z_t) * h + z_t * candidate_t
        states.append(h)
    return torch.stack(states)


@every_form
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 8, 33])
def test_the_scan_and_its_gradient_are_those_of_a_plain_loop(steps: int, width: int) -> None:
    inputs = arguments(steps, width)
    weights = torch.randn(steps, 2, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    got, expected = scan(*inputs), loop(*inputs)
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(
        torch.autograd.grad((got * weights).sum(), inputs), torch.autograd.grad((expected * weights).sum(), inputs)
    )


@every_form
def test_views_are_scanned_like_copies(width: int) -> None:
    z, candidate, start = arguments(5, width)
    joined = torch.cat((z, candidate), dim=2)
    torch.testing.assert_close(scan(*joined.chunk(2, dim=2), start), scan(z, candidate, start), rtol=0, atol=0)


@every_form
@pytest.mark.parametrize("share", [0.0, 1e-30, 1e-4, 0.5, 1.0])
def test_a_long_scan_stays_finite_and_accurate(share: float, width: int) -> None:
    """Products of hundreds of shares vanish in float32, and must not take the sums along."""
    _, candidate, start = arguments(400, width, torch.float32)
    z = torch.full_like(candidate, share, requires_grad=True)
    states = scan(z, candidate, start)
    gradients = torch.autograd.grad(states[-1].sum(), (z, candidate, start))
    assert all(gradient.isfinite().all() for gradient in gradients)
    with torch.no_grad():
        exact = loop(z.double(), candidate.double(), start.double())
    torch.testing.assert_close(states.double(), exact, rtol=0, atol=1e-4)
