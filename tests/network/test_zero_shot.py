"""The network that forecasts series which it was not trained on."""

import numpy as np
import pytest
import torch

from forecaster.forecast import PROBABILITIES
from forecaster.network.candidates import COUNT
from forecaster.network.export import trace_zero_shot
from forecaster.network.zero_shot import Architecture, ZeroShotNetwork, pinball

SMALL = Architecture(PROBABILITIES, hidden=8, patch=4, contexts=(16, 32), history=48, horizon=12)
SEASONS = torch.tensor([4, 1, 7]), torch.tensor([28, 1, 7])


@pytest.fixture
def network() -> ZeroShotNetwork:
    torch.manual_seed(0)
    network = ZeroShotNetwork(SMALL)
    for parameter in network.decode.project.parameters():  # zeros would hide what the recurrence does
        torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


@pytest.fixture
def values() -> torch.Tensor:
    random = np.random.default_rng(0)
    values = torch.from_numpy(random.normal(size=(3, 60)).astype(np.float32))
    values[1, :40] = torch.nan
    values[2, 45] = torch.nan
    return values


def test_quantiles_are_finite_and_do_not_cross(network: ZeroShotNetwork, values: torch.Tensor) -> None:
    quantiles = network(values[:, :48], values[:, 16:48], *SEASONS)
    assert quantiles.shape == (3, 12, len(PROBABILITIES))
    assert torch.isfinite(quantiles).all()
    assert (quantiles.diff(dim=2) >= 0).all()


def test_a_forecast_does_not_depend_on_later_values(network: ZeroShotNetwork, values: torch.Tensor) -> None:
    later = values.clone()
    later[:, 40:] = 99.0
    before, after = (network.compress(each, *SEASONS, start=16, cutoffs=(32, 40)) for each in (values, later))
    assert torch.equal(before, after)
    assert not torch.equal(before, network.compress(later, *SEASONS, start=16, cutoffs=(32, 44))[:, :2])


def test_several_cutoffs_equal_separate_forecasts(network: ZeroShotNetwork, values: torch.Tensor) -> None:
    together = network.compress(values, *SEASONS, start=16, cutoffs=(32, 48))
    alone = torch.asinh(network(values[:, :48], values[:, 16:48], *SEASONS))
    torch.testing.assert_close(together[:, 1], alone, rtol=1e-4, atol=1e-5)


def test_rows_do_not_affect_each_other(network: ZeroShotNetwork, values: torch.Tensor) -> None:
    alone = network(values[1:2, :48], values[1:2, 16:48], *(season[1:2] for season in SEASONS))
    together = network(values[:, :48], values[:, 16:48], *SEASONS)
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


def test_an_untrained_network_averages_the_candidates() -> None:
    torch.manual_seed(0)
    network = ZeroShotNetwork(SMALL).eval()
    flat = torch.full((1, 48), 0.5)
    quantiles = network(flat, flat[:, 16:], torch.tensor([4]), torch.tensor([4]))
    shares = (COUNT - 2) / (COUNT - 1)  # the location is 0, and a window without a second season has one candidate less
    median = torch.sinh(torch.tensor(shares) * torch.asinh(torch.tensor(0.5)))
    torch.testing.assert_close(quantiles[0, :, 7], median.expand(12), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "mingru", "rnn"])
def test_cells_whose_output_is_their_state_can_be_chosen(cell: str, values: torch.Tensor) -> None:
    network = ZeroShotNetwork(Architecture(**{**vars(SMALL), "cell": cell}))
    assert torch.isfinite(network(values[:, :48], values[:, 16:48], *SEASONS)).all()


def test_an_architecture_survives_json() -> None:
    values = {**vars(SMALL), "contexts": [16, 32], "probabilities": list(PROBABILITIES)}
    assert Architecture.from_dict(values) == SMALL


def test_pinball_is_the_mean_over_the_probabilities() -> None:
    quantiles, target = torch.tensor([[0.0, 1.0]]), torch.tensor([2.0])
    assert float(pinball(quantiles, target, torch.tensor([0.5, 0.9]))) == pytest.approx((0.5 * 2 + 0.9 * 1) / 2)


@pytest.mark.graphs
@pytest.mark.parametrize("steps", [16, 32])
def test_a_graph_forecasts_any_number_of_windows_and_patches(
    network: ZeroShotNetwork, values: torch.Tensor, steps: int
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(trace_zero_shot(network))
    inputs = (values[:, :48], values[:, 48 - steps : 48], *SEASONS)
    names = ("history", "context", "season", "second_season")
    (quantiles,) = session.run(None, {name: part.numpy() for name, part in zip(names, inputs, strict=True)})
    np.testing.assert_allclose(quantiles, network(*inputs).detach().numpy(), rtol=1e-4, atol=1e-5)
