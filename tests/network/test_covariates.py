"""Covariates as the network reads them."""

import math

import pytest
import torch

from forecaster.network.covariates import Covariates, Identity, Standard
from tests.network.windows import windows_of

NAN = math.nan


def learnt(rows: list[list[float]]) -> Standard:
    standard = Standard(len(rows[0]))
    standard.learn(torch.tensor(rows))
    return standard


def test_columns_are_brought_to_mean_0_and_deviation_1_by_what_training_saw() -> None:
    standard = learnt([[1.0, -5.0], [3.0, NAN], [NAN, -1.0], [5.0, NAN]])
    deviation = math.sqrt(8 / 3)
    scaled = standard(torch.tensor([[[1.0, -5.0], [7.0, 1.0]]]))
    torch.testing.assert_close(scaled, torch.tensor([[[-2 / deviation, -1.0], [4 / deviation, 2.0]]]))


def test_a_missing_value_becomes_the_mean() -> None:
    assert learnt([[1.0], [3.0]])(torch.tensor([[NAN], [2.0]])).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("column", [[7.0] * 3, [1e6, 1e6, NAN], [NAN] * 3, [0.0] * 3])
def test_a_column_that_never_changed_in_training_is_left_out(column: list[float]) -> None:
    standard = learnt([[value] for value in column])
    assert standard(torch.tensor([[7.0], [-1e30], [0.0], [NAN]])).tolist() == [[0.0]] * 4


def test_a_value_typed_wrong_does_not_drown_the_rest() -> None:
    standard = learnt([[1.0], [3.0]])
    assert standard(torch.tensor([[1e30], [-1e30], [math.inf], [-math.inf]])).tolist() == [[10], [-10], [10], [-10]]


def test_a_level_far_from_zero_loses_no_digits() -> None:
    standard = learnt([[1e6 + 4.0 * step] for step in range(5)])
    assert standard(torch.tensor([[1e6 + 8.0], [1e6 + 16.0]]))[:, 0].tolist() == pytest.approx([0, math.sqrt(2)])


def test_the_three_kinds_are_standardised_apart_and_the_identity_joins_the_static_ones() -> None:
    torch.manual_seed(0)
    covariates = Covariates(past=1, known=2, static=1, identity=Identity(3, 4)).eval()
    batch = windows_of(
        torch.randn(5, 6),
        horizon=2,
        past=torch.randn(5, 6, 1) * 3 + 7,
        known=torch.randn(5, 8, 2) * 5 - 1,
        static=torch.arange(5.0)[:, None],
        series=torch.tensor([0, 1, 2, 3, 0]),
    )
    covariates.learn(batch)
    standardised = covariates(batch)
    assert (covariates.channels, covariates.features) == (3, 5)
    for part in (standardised.past.flatten(0, 1), standardised.known.flatten(0, 1), standardised.static[:, :1]):
        torch.testing.assert_close(part.mean(0), torch.zeros(part.shape[1]), rtol=0, atol=1e-6)
        torch.testing.assert_close(part.std(0, correction=0), torch.ones(part.shape[1]))
    torch.testing.assert_close(standardised.static[:, 1:], covariates.identity.vectors.weight[[0, 1, 2, 3, 0]])
    windows = standardised.take(torch.tensor([4, 1]))
    assert torch.equal(windows.past, standardised.past[[4, 1]])
    assert torch.equal(windows.known, standardised.known[[4, 1]])
    assert torch.equal(windows.static, standardised.static[[4, 1]])


def test_the_vector_of_unseen_series_is_trained_by_windows_that_do_not_tell_whose_they_are() -> None:
    torch.manual_seed(0)
    identity = Identity(3, 2)
    identity(torch.arange(3).repeat(100)).sum().backward()
    windows = identity.vectors.weight.grad[:, 0]  # a gradient of 1 for each window that used the row
    assert windows.sum() == 300
    assert 10 <= windows[3] <= 60
    assert (windows[:3] > 60).all()


def test_a_forecast_tells_every_series_and_gives_an_unseen_one_the_vector_of_all_such() -> None:
    identity = Identity(3, 2).eval()
    assert torch.equal(identity(torch.arange(4).repeat(100)), identity.vectors.weight.repeat(100, 1))
