"""Past seasons copied ahead, against a plain loop."""

import math

import pytest
import torch
from torch import Tensor

from forecaster.network.skip import SeasonalSkip

ROWS, CONTEXT, FEATURES = 5, 12, 3


def skip_of(lags: tuple[int, ...], horizon: int) -> SeasonalSkip:
    torch.manual_seed(0)
    return SeasonalSkip(lags, FEATURES, horizon)


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Values [5, 12] with zeros where missing, their mask, and a summary of each window."""
    generator = torch.Generator().manual_seed(1)
    mask = (torch.rand(ROWS, CONTEXT, generator=generator) > 0.3).float()
    mask[0] = 1
    values = torch.randn(ROWS, CONTEXT, generator=generator) * mask
    return values, mask, torch.randn(ROWS, FEATURES, generator=generator)


def plain(skip: SeasonalSkip, lags: tuple[int, ...], horizon: int, inputs: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """exp(logit) of each candidate that was observed, and of the one that is always 0, by loops."""
    values, mask, summary = (part.tolist() for part in inputs)
    weight, bias = skip.gate.weight.tolist(), skip.gate.bias.tolist()
    rows = []
    for row in range(len(values)):
        pairs = zip(weight, bias, strict=True)
        logits = [sum(w * s for w, s in zip(each, summary[row], strict=True)) + b for each, b in pairs]
        copied = []
        for step in range(horizon):
            top, total = 0.0, math.exp(logits[-1])
            for logit, lag in zip(logits[:-1], lags, strict=True):
                place = len(values[row]) + step - lag
                while place >= len(values[row]):  # a lag shorter than the step repeats
                    place -= lag
                if place >= 0 and mask[row][place]:
                    top += math.exp(logit) * values[row][place]
                    total += math.exp(logit)
            copied.append(top / total)
        rows.append(copied)
    return torch.tensor(rows)


@pytest.mark.parametrize("lags", [(3,), (3, 6), (1, 12), (9, 12, 2)])
@pytest.mark.parametrize("horizon", [1, 4, 14])
def test_each_step_is_the_weighted_mean_of_what_was_observed_some_seasons_ago(
    lags: tuple[int, ...], horizon: int
) -> None:
    skip = skip_of(lags, horizon)
    torch.testing.assert_close(skip(*inputs()), plain(skip, lags, horizon, inputs()))


def test_a_lag_beyond_the_context_gets_no_weight() -> None:
    skip, (values, mask, summary) = skip_of((4, 14), 3), inputs()
    copied = skip(values, mask, summary)
    within = values[:, [8, 9, 10]] * mask[:, [8, 9, 10]]
    share = torch.exp(skip.gate(summary))  # [B, 3]
    # at steps 1 and 2 the second candidate lies before the context, at step 3 on its first value
    expected = share[:, :1] * within[:, :2] / (share[:, :1] * mask[:, 8:10] + share[:, 2:])
    torch.testing.assert_close(copied[:, :2], expected)
    assert not torch.equal(copied[:, 2], skip(values.index_fill(1, torch.tensor(0), 9.0), mask, summary)[:, 2])


def test_what_was_not_observed_gets_no_weight_whatever_stands_there() -> None:
    skip, (values, mask, summary) = skip_of((3, 6), 4), inputs()
    torch.testing.assert_close(skip(values.where(mask > 0, 1e6), mask, summary), skip(values, mask, summary))
    assert not skip(values, torch.zeros_like(mask), summary).any()


@pytest.mark.parametrize("size", [-1e4, 1e4])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_gate_that_is_sure_copies_that_candidate_and_nothing_overflows(size: float, place: int) -> None:
    skip, (values, mask, summary) = skip_of((3, 6), 3), inputs()
    with torch.no_grad():
        skip.gate.bias[place] = size
    values.requires_grad_()
    copied = skip(values, mask, summary)
    copied.sum().backward()
    assert copied.isfinite().all()
    assert values.grad.isfinite().all()
    assert skip.gate.weight.grad.isfinite().all()
    sure = [values[:1, 9:12], values[:1, 6:9], torch.zeros(1, 3)]  # of the window that lacks nothing
    if size > 0:
        torch.testing.assert_close(copied[:1], sure[place])
