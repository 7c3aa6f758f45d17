"""The plain form against the layers that forecast: the same numbers, whatever the cell."""

import pytest
import torch

from forecaster.config import Config
from forecaster.explain.unroll import Unrolled, read_window, unroll
from forecaster.forecast import PROBABILITIES
from forecaster.network.build import Dimensions, build
from forecaster.network.network import Network
from forecaster.network.recurrent.dilation import Dilated
from forecaster.network.recurrent.layer import Layer
from tests.network.recurrent.test_stack import MEMBERS, batch, every_member
from tests.network.windows import windows_of

CONTEXT, HORIZON = 12, 4
DECODERS = {
    "direct": {"decode": {"kind": "direct"}},
    "parallel": {"decode": {"kind": "parallel"}, "embed": {"width": 3}},
    "recursive": {"decode": {"kind": "recursive", "lags": (3,)}, "embed": {"width": 3}, "head": {"kind": "student_t"}},
}


def layer_of(kind: str, dilation: int, *, bidirectional: bool) -> Layer:
    torch.manual_seed(0)
    layer = MEMBERS[kind](2, bidirectional=bidirectional)
    return (layer if dilation == 1 else Dilated(layer, dilation)).double()


def network_of(decoder: str = "direct", kind: str = "gru", **model: object) -> Network:
    torch.manual_seed(0)
    tree = {
        "model": {"kind": kind, "hidden": 5, "layers": 2, "context": CONTEXT, **model},
        "scale": {"kind": "mean"},
        "embed": {"width": 1},
    }
    config = Config.model_validate(tree | DECODERS[decoder])
    return build(config, Dimensions(horizon=HORIZON), probabilities=PROBABILITIES).eval()


def walks(rows: int = 3) -> torch.Tensor:
    return torch.randn(rows, CONTEXT + HORIZON, generator=torch.Generator().manual_seed(1)).cumsum(1)


@pytest.mark.parametrize("steps", [2, 7])
@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@every_member
def test_an_unrolled_layer_gives_what_the_fused_one_gives(
    kind: str, bidirectional: bool, dilation: int, steps: int
) -> None:
    layer, x = layer_of(kind, dilation, bidirectional=bidirectional), batch(steps)
    torch.testing.assert_close(Unrolled(layer)(x), layer(x))


@pytest.mark.parametrize("dilation", [1, 3])
@every_member
def test_an_unrolled_layer_goes_on_from_a_state(kind: str, dilation: int) -> None:
    layer, x = layer_of(kind, dilation, bidirectional=False), batch(8)
    _, state = layer(x[:, :4])
    torch.testing.assert_close(Unrolled(layer)(x[:, 4:], state), layer(x[:, 4:], state))


@every_member
def test_gradients_of_the_weights_are_those_of_the_fused_layer(kind: str) -> None:
    layer, x = layer_of(kind, 1, bidirectional=False), batch(5)
    plain, fused = (
        torch.autograd.grad(each(x)[0].square().sum(), list(layer.parameters())) for each in (Unrolled(layer), layer)
    )
    torch.testing.assert_close(plain, fused)


@pytest.mark.parametrize("decoder", DECODERS)
def test_an_unrolled_network_has_the_loss_of_the_network(decoder: str) -> None:
    network, values = network_of(decoder), walks()
    windows = windows_of(values[:, :CONTEXT], values[:, CONTEXT:])
    twin, _ = unroll(network)
    torch.testing.assert_close(twin.loss(windows), network.loss(windows))
    assert not any(isinstance(layer, Unrolled) for layer in network.recur.layers)


def test_what_is_shown_of_a_gru_obeys_its_equation() -> None:
    _, layers = read_window(network_of(), windows_of(walks(1)[:, :CONTEXT], horizon=HORIZON))
    assert [(trace.layer, trace.direction, trace.cell) for trace in layers] == [
        (1, "forward", "gru"),
        (2, "forward", "gru"),
    ]
    for trace in layers:
        h, z, n = (torch.from_numpy(trace.parts[name]) for name in ("hidden", "update", "candidate"))
        assert h.shape == (CONTEXT, 5)
        torch.testing.assert_close(h[1:], (1 - z[1:]) * n[1:] + z[1:] * h[:-1])
        assert trace.meanings["update"] == "1 keeps the state, 0 replaces it"


def test_what_is_shown_of_an_lstm_obeys_its_equations() -> None:
    _, layers = read_window(network_of(kind="lstm", layers=1), windows_of(walks(1)[:, :CONTEXT], horizon=HORIZON))
    parts = {name: torch.from_numpy(part) for name, part in layers[0].parts.items()}
    assert list(parts) == ["hidden", "cell", "input", "forget", "output", "candidate"]
    expected = parts["forget"][1:] * parts["cell"][:-1] + parts["input"][1:] * parts["candidate"][1:]
    torch.testing.assert_close(parts["cell"][1:], expected)
    torch.testing.assert_close(parts["hidden"], parts["output"] * torch.tanh(parts["cell"]))


def test_the_gates_of_an_slstm_share_its_cell() -> None:
    _, layers = read_window(network_of(kind="slstm", layers=1), windows_of(walks(1)[:, :CONTEXT], horizon=HORIZON))
    parts = {name: torch.from_numpy(part) for name, part in layers[0].parts.items()}
    torch.testing.assert_close(parts["input"] + parts["forget"], torch.ones(CONTEXT, 5).double())
    torch.testing.assert_close(parts["hidden"], parts["output"] * parts["cell"])


def test_a_segment_is_shown_as_the_mean_of_what_was_observed_in_it() -> None:
    network = network_of("parallel", layers=1)
    values = walks(1)[:, :CONTEXT].clone()
    values[0, :4] = torch.nan
    windows = windows_of(values, horizon=HORIZON)
    inputs, layers = read_window(network, windows)
    scaled = network.scale_windows(windows).values[0]
    assert len(inputs) == CONTEXT // 3 == len(layers[0].parts["hidden"])
    assert inputs[0] != inputs[0]  # NaN: nothing was observed
    assert inputs[1] == pytest.approx(float(scaled[4:6].mean()))
    assert inputs[3] == pytest.approx(float(scaled[9:].mean()))
