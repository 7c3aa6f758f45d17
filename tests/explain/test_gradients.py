"""Gradients through time where they can be worked out by hand."""

import numpy as np
import pytest
import torch

from forecaster.batches.window_spec import WindowSpec
from forecaster.batches.windows import Windows
from forecaster.config import Config
from forecaster.explain.explanation import Flow, Gradients, memory_of
from forecaster.explain.gradients import measure_gradients
from forecaster.forecast import PROBABILITIES
from forecaster.network.build import Dimensions, build
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from tests.conftest import MakePanel

CONTEXT, HORIZON = 20, 2


def windows_of(make_panel: MakePanel, context: int = CONTEXT) -> Windows:
    values = 10 + np.random.default_rng(0).random(60)
    return Windows.for_validation(make_panel([values]), np.array([30]), WindowSpec(context, HORIZON))


def network_of(kind: str, *, context: int = CONTEXT, **sections: object) -> Network:
    torch.manual_seed(0)
    model = {"kind": kind, "hidden": 3, "context": context} | dict(sections.pop("model", {}))  # type: ignore[call-overload]
    tree = {"model": model, "scale": {"kind": "none"}, "embed": {"width": 1}, "decode": {"kind": "direct"}}
    config = Config.model_validate(tree | sections)
    return build(config, Dimensions(horizon=HORIZON), probabilities=PROBABILITIES).eval()


def linear_network(factor: float) -> Network:
    """One unit, h_t = factor * h_{t-1} + x_t with x_t > 0, so that relu does nothing."""
    network = network_of("rnn", model={"activation": "relu", "hidden": 1}, head={"kind": "point", "loss": "mse"})
    with torch.no_grad():
        weights = dict(network.recur.layers[0].kernel.named_parameters())
        weights["weight_ih_l0"].copy_(torch.tensor([[1.0, 0.0]]))
        weights["weight_hh_l0"].fill_(factor)
        weights["bias_ih_l0"].zero_()
        weights["bias_hh_l0"].zero_()
    return network


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.2])
def test_the_gradient_of_a_linear_recurrence_is_a_power_of_its_weight(factor: float, make_panel: MakePanel) -> None:
    flow = measure_gradients(linear_network(factor), windows_of(make_panel)).total
    assert flow.lags == list(range(1, CONTEXT + 1))
    np.testing.assert_allclose(flow.norm / flow.norm[0], factor ** np.arange(CONTEXT), rtol=1e-4)
    assert flow.fate == pytest.approx(factor ** (CONTEXT - 1), rel=1e-4)


def test_the_newest_gradient_is_that_of_the_loss_by_the_decoder(make_panel: MakePanel) -> None:
    network, windows = linear_network(0.5), windows_of(make_panel)
    gradients = measure_gradients(network, windows, max_windows=4)
    batch = Inputs.of(windows.gather(windows.pick_spaced(4)))
    raw, target, _ = network.outputs(batch)
    slopes = 2 * (raw[..., 0] - target) / HORIZON  # of each window's mean squared error
    expected = (slopes @ network.decode.project.weight).norm(dim=1).detach()
    assert gradients.windows == 4
    assert gradients.total.norm[0] == pytest.approx(float(expected.mean()), rel=1e-4)


def test_the_memory_of_a_linear_recurrence_follows_from_its_weight(make_panel: MakePanel) -> None:
    # 1 - 0.5^k >= 0.9 of 1 - 0.5^20 from k = 4 on
    halved = measure_gradients(linear_network(0.5), windows_of(make_panel))
    assert (halved.memory, halved.fate) == (4, "vanishes")
    assert halved.advice == "The context is 5.0 times the memory: a shorter one may do, --set model.context=8."
    constant = measure_gradients(linear_network(1.0), windows_of(make_panel))
    assert (constant.memory, constant.fate) == (18, "lasts")
    assert constant.advice == "The memory fills the context: a longer one may help, --set model.context=40."
    assert measure_gradients(linear_network(1.0), windows_of(make_panel), room=39).advice == ""
    assert measure_gradients(linear_network(0.8), windows_of(make_panel)).fate == "fades"  # 0.8^19 = 1.4 %
    exploding = measure_gradients(linear_network(1.3), windows_of(make_panel))
    assert exploding.fate == "explodes"


def test_a_network_whose_memory_suits_its_context_gets_no_advice(make_panel: MakePanel) -> None:
    suited = measure_gradients(linear_network(0.8), windows_of(make_panel))
    assert suited.memory == 10
    assert suited.advice == ""


def test_the_memory_is_the_first_lag_that_reaches_the_share() -> None:
    assert memory_of(np.array([9.0, 1.0, 0.0]), [1, 2, 3]) == 1
    assert memory_of(np.array([8.0, 1.0, 1.0]), [1, 2, 3]) == 2
    assert memory_of(np.array([0.0, 0.0, 1.0]), [7, 14, 20]) == 20
    assert memory_of(np.zeros(3), [1, 2, 3]) == 1


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru", "mingru", "minlstm", "slstm"])
def test_every_cell_in_a_stack_that_reads_both_ways_is_measured(kind: str, make_panel: MakePanel) -> None:
    network = network_of(kind, model={"layers": 2, "bidirectional": True, "dilation": (1, 2)})
    gradients = measure_gradients(network, windows_of(make_panel), max_windows=8)
    parts = ["hidden", "cell"] if kind == "lstm" else ["hidden"]
    expected = [(layer, way, part) for layer in (1, 2) for way in ("forward", "backward") for part in parts]
    assert [(flow.layer, flow.direction, flow.part) for flow in gradients.flows] == expected
    for flow in gradients.flows:
        assert flow.norm.shape == (CONTEXT,)
        assert flow.norm.max() > 0
        assert (flow.low <= flow.high).all()
    assert [flow.direction for flow in gradients.directions] == ["forward", "backward"]
    for whole in gradients.directions:
        hidden = [flow for flow in gradients.flows if (flow.direction, flow.part) == (whole.direction, "hidden")]
        assert (whole.norm >= np.max([flow.norm for flow in hidden], axis=0) * (1 - 1e-6)).all()


def test_a_backward_memory_is_counted_from_the_beginning_of_the_context(make_panel: MakePanel) -> None:
    network = network_of("rnn", model={"bidirectional": True})
    with torch.no_grad():
        for name, parameter in network.recur.layers[0].kernel.named_parameters():
            if name.startswith("weight_hh"):
                parameter.copy_(0.3 * torch.eye(3))
    backward = measure_gradients(network, windows_of(make_panel)).flows[1]
    assert backward.norm.argmax() == CONTEXT - 1
    assert backward.memory < 5


@pytest.mark.parametrize(
    ("forward", "backward", "fates"),
    [(1.0, 0.5, ("lasts", "vanishes")), (0.5, 1.0, ("vanishes", "lasts")), (0.5, 0.5, ("vanishes", "vanishes"))],
)
def test_both_directions_are_judged_by_the_gradient_along_their_own_reading(
    forward: float, backward: float, fates: tuple[str, str], make_panel: MakePanel
) -> None:
    network = network_of("rnn", model={"activation": "relu", "hidden": 1, "bidirectional": True})
    with torch.no_grad():
        for name, parameter in network.recur.layers[0].kernel.named_parameters():
            factor = backward if name.endswith("reverse") else forward
            parameter.fill_(factor if "weight_hh" in name else 0.0 if "bias" in name else 1.0)
    gradients = measure_gradients(network, windows_of(make_panel))
    assert tuple(flow.fate_in_words for flow in gradients.directions) == fates
    assert gradients.fate == ("lasts" if "lasts" in fates else "vanishes")
    assert gradients.advice == ""


def test_the_whole_state_of_an_lstm_is_the_hidden_and_the_cell_state_as_one_vector(make_panel: MakePanel) -> None:
    """By hand: where no weight reads h, it has no gradient before the newest step, and c is multiplied by f."""
    network = network_of("lstm", model={"hidden": 1})
    with torch.no_grad():
        weights = dict(network.recur.layers[0].kernel.named_parameters())
        weights["weight_hh_l0"].zero_()
        weights["weight_ih_l0"].zero_()
        weights["bias_ih_l0"].copy_(torch.tensor([0.0, 2.0, 0.5, 1.0]))  # input, forget, candidate, output
        weights["bias_hh_l0"].zero_()
    gradients = measure_gradients(network, windows_of(make_panel))
    hidden, cell = gradients.flows
    f, i, g, o = (
        float(each) for each in (*torch.sigmoid(torch.tensor([2.0, 0.0])), np.tanh(0.5), 1 / (1 + np.exp(-1)))
    )
    c = i * g * (1 - f**CONTEXT) / (1 - f)
    slope = o * (1 - np.tanh(c) ** 2)  # of h by c at the newest step
    np.testing.assert_allclose(cell.norm, hidden.norm[0] * slope * f ** np.arange(CONTEXT), rtol=1e-4)
    assert hidden.norm[1:].max() == 0
    np.testing.assert_allclose(gradients.total.norm, [hidden.norm[0], *cell.norm[1:]], rtol=1e-4)


def test_a_lag_of_a_segmented_network_is_that_of_the_segments_oldest_step(make_panel: MakePanel) -> None:
    network = network_of("gru", embed={"width": 6}, decode={"kind": "parallel"})
    gradients = measure_gradients(network, windows_of(make_panel))
    assert gradients.total.lags == [6, 12, 18, 20]
    assert gradients.step == 6


def test_a_recursive_network_is_measured_by_the_steps_ahead(make_panel: MakePanel) -> None:
    recursive = {"decode": {"kind": "recursive"}, "head": {"kind": "student_t"}, "scale": {"kind": "mean"}}
    network = network_of("gru", **recursive)
    with torch.no_grad():
        dict(network.recur.layers[0].kernel.named_parameters())["weight_hh_l0"].zero_()
        bias = dict(network.recur.layers[0].kernel.named_parameters())["bias_ih_l0"]
        bias[3:6] = -20.0  # the update gate is shut: no state reaches the next
    gradients = measure_gradients(network, windows_of(make_panel))
    assert gradients.total.lags == list(range(1, CONTEXT + 1))
    assert gradients.total.norm[0] > 0
    assert gradients.total.norm[1:].max() < 1e-6 * gradients.total.norm[0]


def test_the_fate_and_the_advice_of_a_single_step_are_silent() -> None:
    flow = Flow(1, "forward", "hidden", [7], np.ones(1), np.ones(1), np.ones(1), 7, 1.0)
    assert Gradients(1, (flow,), flow, 7, 7).advice == ""
