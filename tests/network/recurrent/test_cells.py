"""Each cell against its equations, unrolled in plain Python, and against examples worked by hand."""

import math

import pytest
import torch
from torch import Tensor

from forecaster.network.recurrent.gru import Gru
from forecaster.network.recurrent.layer import Layer
from forecaster.network.recurrent.lstm import Lstm
from forecaster.network.recurrent.mingru import MinGru
from forecaster.network.recurrent.minlstm import MinLstm
from forecaster.network.recurrent.rnn import Rnn
from forecaster.network.recurrent.slstm import Slstm

Vector = list[float]
Matrix = list[Vector]

CELLS = {
    "rnn tanh": lambda **options: Rnn(2, 3, activation="tanh", **options),
    "rnn relu": lambda **options: Rnn(2, 3, activation="relu", **options),
    "lstm": lambda **options: Lstm(2, 3, **options),
    "gru": lambda **options: Gru(2, 3, **options),
    "mingru": lambda **options: MinGru(2, 3, **options),
    "minlstm": lambda **options: MinLstm(2, 3, **options),
    "slstm": lambda **options: Slstm(2, 3, **options),
}
KERNELS = ["rnn tanh", "rnn relu", "lstm", "gru"]  # the layers that torch's kernels compute


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def affine(weights: Matrix, x: Vector, bias: Vector) -> Vector:
    return [sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in zip(weights, bias, strict=True)]


class Weights:
    """The weights of a layer as plain lists, each gate's rows apart."""

    def __init__(self, layer: Layer, gates: int, suffix: str = "") -> None:
        def rows(stacked: Tensor) -> list[list]:
            return [part.tolist() for part in stacked.chunk(gates)]

        if hasattr(layer, "kernel"):
            stored = {name.removesuffix(suffix): value for name, value in layer.kernel.state_dict().items()}
            self.input, self.recurrent = rows(stored["weight_ih_l0"]), rows(stored["weight_hh_l0"])
            self.input_bias, self.recurrent_bias = rows(stored["bias_ih_l0"]), rows(stored["bias_hh_l0"])
        else:
            direction = 1 if suffix else 0
            linear = layer.gates[direction]
            recurrent = layer.recurrent[direction].t() if hasattr(layer, "recurrent") else torch.zeros(gates * 3, 3)
            self.input, self.recurrent = rows(linear.weight), rows(recurrent)
            self.input_bias, self.recurrent_bias = rows(linear.bias), rows(torch.zeros(gates * 3))

    def products(self, gate: int, x: Vector, h: Vector) -> tuple[Vector, Vector]:
        """W_x x_t + b_x and W_h h_{t-1} + b_h of one gate."""
        from_input = affine(self.input[gate], x, self.input_bias[gate])
        from_state = affine(self.recurrent[gate], h, self.recurrent_bias[gate])
        return from_input, from_state

    def sums(self, gate: int, x: Vector, h: Vector) -> Vector:
        from_input, from_state = self.products(gate, x, h)
        return [a + b for a, b in zip(from_input, from_state, strict=True)]


def unroll_rnn(layer: Rnn, x: Matrix, suffix: str = "") -> Matrix:
    weights = Weights(layer, 1, suffix)
    f = math.tanh if layer.kernel.nonlinearity == "tanh" else lambda v: max(v, 0.0)
    h, outputs = [0.0] * 3, []
    for x_t in x:
        h = [f(v) for v in weights.sums(0, x_t, h)]
        outputs.append(h)
    return outputs


def unroll_lstm(layer: Lstm, x: Matrix, suffix: str = "") -> Matrix:
    weights = Weights(layer, 4, suffix)
    h, c, outputs = [0.0] * 3, [0.0] * 3, []
    for x_t in x:
        i, f, g, o = (weights.sums(gate, x_t, h) for gate in range(4))
        c = [sigmoid(f[d]) * c[d] + sigmoid(i[d]) * math.tanh(g[d]) for d in range(3)]
        h = [sigmoid(o[d]) * math.tanh(c[d]) for d in range(3)]
        outputs.append(h)
    return outputs


def unroll_gru(layer: Gru, x: Matrix, suffix: str = "") -> Matrix:
    weights = Weights(layer, 3, suffix)
    h, outputs = [0.0] * 3, []
    for x_t in x:
        r = [sigmoid(v) for v in weights.sums(0, x_t, h)]
        z = [sigmoid(v) for v in weights.sums(1, x_t, h)]
        from_input, from_state = weights.products(2, x_t, h)
        n = [math.tanh(from_input[d] + r[d] * from_state[d]) for d in range(3)]
        h = [(1 - z[d]) * n[d] + z[d] * h[d] for d in range(3)]
        outputs.append(h)
    return outputs


def unroll_mingru(layer: MinGru, x: Matrix, suffix: str = "") -> Matrix:
    weights = Weights(layer, 2, suffix)
    h, outputs = [0.0] * 3, []
    for x_t in x:
        z, candidate = (weights.sums(gate, x_t, h) for gate in range(2))
        h = [(1 - sigmoid(z[d])) * h[d] + sigmoid(z[d]) * candidate[d] for d in range(3)]
        outputs.append(h)
    return outputs


def unroll_minlstm(layer: MinLstm, x: Matrix, suffix: str = "") -> Matrix:
    weights = Weights(layer, 3, suffix)
    h, outputs = [0.0] * 3, []
    for x_t in x:
        i, f, g = (weights.sums(gate, x_t, h) for gate in range(3))
        total = [sigmoid(f[d]) + sigmoid(i[d]) for d in range(3)]
        h = [sigmoid(f[d]) / total[d] * h[d] + sigmoid(i[d]) / total[d] * g[d] for d in range(3)]
        outputs.append(h)
    return outputs


def unroll_slstm(layer: Slstm, x: Matrix, suffix: str = "") -> Matrix:
    """Without the stabiliser."""
    weights = Weights(layer, 4, suffix)
    h, c, n, outputs = [0.0] * 3, [0.0] * 3, [0.0] * 3, []
    for x_t in x:
        i, f, g, o = (weights.sums(gate, x_t, h) for gate in range(4))
        c = [sigmoid(f[d]) * c[d] + math.exp(i[d]) * math.tanh(g[d]) for d in range(3)]
        n = [sigmoid(f[d]) * n[d] + math.exp(i[d]) for d in range(3)]
        h = [sigmoid(o[d]) * c[d] / n[d] for d in range(3)]
        outputs.append(h)
    return outputs


UNROLL = {
    "rnn tanh": unroll_rnn,
    "rnn relu": unroll_rnn,
    "lstm": unroll_lstm,
    "gru": unroll_gru,
    "mingru": unroll_mingru,
    "minlstm": unroll_minlstm,
    "slstm": unroll_slstm,
}


def shaken(layer: Layer) -> Layer:
    """In float64, every weight and bias a random number, so that none hides behind a zero or an identity."""
    generator = torch.Generator().manual_seed(1)
    layer = layer.double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.7)
    return layer


def sequence(steps: int) -> Tensor:
    """[1, steps, 2] random numbers."""
    return torch.randn(1, steps, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def set_weights(layer: Layer, **values: list) -> None:
    """Set torch's stacked weights; what is not named becomes 0."""
    with torch.no_grad():
        for name, parameter in layer.kernel.named_parameters():
            value = values.get(name.removesuffix("_l0"), 0.0)
            parameter.copy_(torch.as_tensor(value, dtype=parameter.dtype).expand(parameter.shape))


@pytest.mark.parametrize("kind", CELLS)
def test_a_layer_computes_what_its_equations_say(kind: str) -> None:
    layer, x = shaken(CELLS[kind]()), sequence(7)
    y, state = layer(x)
    expected = UNROLL[kind](layer, x[0].tolist())
    torch.testing.assert_close(y[0], torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(state[0][0, 0], y[0, -1])


@pytest.mark.parametrize("kind", CELLS)
def test_the_backward_half_reads_the_sequence_from_its_end(kind: str) -> None:
    layer, x = shaken(CELLS[kind](bidirectional=True)), sequence(7)
    y, _ = layer(x)
    steps = x[0].tolist()
    forward = UNROLL[kind](layer, steps)
    backward = UNROLL[kind](layer, steps[::-1], "_reverse")[::-1]
    expected = [a + b for a, b in zip(forward, backward, strict=True)]
    assert layer.features == 6
    torch.testing.assert_close(y[0], torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_backpropagation_through_time_agrees_with_finite_differences(kind: str, bidirectional: bool) -> None:
    layer, x = shaken(CELLS[kind](bidirectional=bidirectional)), sequence(5)
    names = [name for name, _ in layer.named_parameters()]

    def loss(*values: Tensor) -> Tensor:
        y, _ = torch.func.functional_call(layer, dict(zip(names, values[1:], strict=True)), (values[0],))
        return y.square().sum()

    assert torch.autograd.gradcheck(loss, (x.requires_grad_(), *layer.parameters()))


@pytest.mark.parametrize("kind", [*KERNELS, "slstm"])
def test_the_gradient_of_a_recurrent_weight_is_the_central_difference(kind: str) -> None:
    layer, x = shaken(CELLS[kind]()), sequence(6)
    weight, epsilon = layer.kernel.weight_hh_l0 if kind in KERNELS else layer.recurrent[0], 1e-6

    def loss() -> Tensor:
        return layer(x)[0][0, -1].sum()  # only the last step: the gradient has to come all the way back

    loss().backward()
    with torch.no_grad():
        for row, column in [(0, 0), (1, 2), (2, 1)]:
            weight[row, column] += epsilon
            above = loss().item()
            weight[row, column] -= 2 * epsilon
            below = loss().item()
            weight[row, column] += epsilon
            assert weight.grad[row, column].item() == pytest.approx((above - below) / (2 * epsilon), rel=1e-5, abs=1e-9)


def test_rnn_worked_by_hand() -> None:
    # h_t = tanh(W_x x_t + W_h h_{t-1} + b) with W_x = (0.5, -0.3), W_h = 0.8, b = 0.1, h_0 = 0
    layer = Rnn(2, 1).double()
    set_weights(layer, weight_ih=[[0.5, -0.3]], weight_hh=[[0.8]], bias_ih=[0.1])
    # x_1 = (1, 0): 0.5 * 1 - 0.3 * 0 + 0.8 * 0      + 0.1 = 0.6        tanh -> 0.537050
    # x_2 = (0, 1): 0.5 * 0 - 0.3 * 1 + 0.8 * 0.53705 + 0.1 = 0.229640  tanh -> 0.225686
    y, (h,) = layer(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64))
    assert y[0, :, 0].tolist() == pytest.approx([0.537050, 0.225686], abs=5e-7)
    assert h.item() == pytest.approx(0.225686, abs=5e-7)


def test_backpropagation_through_an_rnn_worked_by_hand() -> None:
    # the network above, and the gradient of h_2, with tanh' = 1 - tanh^2:
    # a_2 = 1 - 0.225686^2 = 0.949066,  a_1 = 1 - 0.537050^2 = 0.711577
    # dh_2/dW_h = a_2 (h_1 + W_h dh_1/dW_h) = 0.949066 * (0.537050 + 0.8 * 0) = 0.509696   as h_0 = 0
    # dh_2/db   = a_2 (1 + W_h a_1)         = 0.949066 * (1 + 0.8 * 0.711577) = 1.489332
    layer = Rnn(2, 1).double()
    set_weights(layer, weight_ih=[[0.5, -0.3]], weight_hh=[[0.8]], bias_ih=[0.1])
    y, _ = layer(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64))
    y[0, -1, 0].backward()
    assert layer.kernel.weight_hh_l0.grad.item() == pytest.approx(0.509696, abs=1e-6)
    assert layer.kernel.bias_ih_l0.grad.item() == pytest.approx(1.489332, abs=1e-6)


def test_relu_rnn_worked_by_hand() -> None:
    # h_t = max(0, 2 x_t1 - x_t2 + 0.5 h_{t-1} - 1)
    # x_1 = (2, 1): 4 - 1 + 0   - 1 =  2    -> 2
    # x_2 = (0, 1): 0 - 1 + 1   - 1 = -1    -> 0
    # x_3 = (1, 0): 2 - 0 + 0   - 1 =  1    -> 1
    layer = Rnn(2, 1, activation="relu")
    set_weights(layer, weight_ih=[[2.0, -1.0]], weight_hh=[[0.5]], bias_ih=[-1.0])
    y, _ = layer(torch.tensor([[[2.0, 1.0], [0.0, 1.0], [1.0, 0.0]]]))
    assert y[0, :, 0].tolist() == [2.0, 0.0, 1.0]


def test_lstm_worked_by_hand() -> None:
    # all gates see b alone: i = sigmoid(0) = 0.5, f = sigmoid(ln 3) = 0.75, o = sigmoid(0) = 0.5
    # the candidate sees the input alone: g_t = tanh(x_t1 + x_t2)
    # x_1 = (1, 0):    g = tanh(1)    =  0.761594
    #                  c = 0.75 * 0 + 0.5 * 0.761594        = 0.380797    h = 0.5 tanh(0.380797) = 0.181700
    # x_2 = (0.5, -1): g = tanh(-0.5) = -0.462117
    #                  c = 0.75 * 0.380797 - 0.5 * 0.462117 = 0.054539    h = 0.5 tanh(0.054539) = 0.027243
    layer = Lstm(2, 1).double()
    gates = [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]  # i, f, g, o
    set_weights(layer, weight_ih=gates, bias_ih=[0.0, math.log(3), 0.0, 0.0])
    y, (_, c) = layer(torch.tensor([[[1.0, 0.0], [0.5, -1.0]]], dtype=torch.float64))
    assert y[0, :, 0].tolist() == pytest.approx([0.181700, 0.027243], abs=1e-6)
    assert c.item() == pytest.approx(0.054539, abs=1e-6)


def test_gru_worked_by_hand() -> None:
    # r = sigmoid(0) = 0.5, z = sigmoid(ln 3) = 0.75 by their biases; n_t = tanh(x_t1 + x_t2 + r * 2 h_{t-1})
    # x_1 = (1, 0):  n = tanh(1) = 0.761594                        h = 0.25 * 0.761594 + 0.75 * 0        = 0.190399
    # x_2 = (-1, 1): n = tanh(0.5 * 2 * 0.190399) = 0.188131       h = 0.25 * 0.188131 + 0.75 * 0.190399 = 0.189832
    layer = Gru(2, 1).double()
    set_weights(
        layer,
        weight_ih=[[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]],  # r, z, n
        weight_hh=[[0.0], [0.0], [2.0]],
        bias_ih=[0.0, math.log(3), 0.0],
    )
    y, _ = layer(torch.tensor([[[1.0, 0.0], [-1.0, 1.0]]], dtype=torch.float64))
    assert y[0, :, 0].tolist() == pytest.approx([0.190399, 0.189832], abs=1e-6)


def set_gates(layer: Layer, weight: Matrix, bias: Vector) -> None:
    """Set the input weights of a layer that reads forward; those of the state become 0."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.gates[0].weight += torch.tensor(weight)
        layer.gates[0].bias += torch.tensor(bias)


def test_mingru_worked_by_hand() -> None:
    # z = sigmoid(0) = 0.5 by its bias; the candidate is x_t1 + x_t2
    # x_1 = (1, 0):    h = 0.5 * 0   + 0.5 *  1   = 0.5
    # x_2 = (1, -3):   h = 0.5 * 0.5 + 0.5 * -2   = -0.75
    layer = MinGru(2, 1)
    set_gates(layer, [[0.0, 0.0], [1.0, 1.0]], [0.0, 0.0])  # z, c
    y, _ = layer(torch.tensor([[[1.0, 0.0], [1.0, -3.0]]]))
    assert y[0, :, 0].tolist() == [0.5, -0.75]


def test_minlstm_worked_by_hand() -> None:
    # i = sigmoid(0) = 0.5 and f = sigmoid(ln 3) = 0.75 by their biases: shares 0.4 and 0.6; g_t = x_t1 + x_t2
    # x_1 = (1, 0):    h = 0.6 * 0   + 0.4 *  1   = 0.4
    # x_2 = (0.5, -1): h = 0.6 * 0.4 + 0.4 * -0.5 = 0.04
    layer = MinLstm(2, 1)
    set_gates(layer, [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]], [0.0, math.log(3), 0.0])  # i, f, g
    y, _ = layer(torch.tensor([[[1.0, 0.0], [0.5, -1.0]]]))
    assert y[0, :, 0].tolist() == pytest.approx([0.4, 0.04], abs=1e-6)


def test_slstm_worked_by_hand() -> None:
    # i = exp(0) = 1, f = sigmoid(ln 3) = 0.75, o = sigmoid(0) = 0.5 by their biases; g_t = tanh(x_t1 + x_t2)
    # x_1 = (1, 0):    g =  0.761594   c = 0.75 * 0 + 0.761594        = 0.761594   n = 0.75 * 0 + 1 = 1
    #                  h = 0.5 * 0.761594 / 1    = 0.380797
    # x_2 = (0.5, -1): g = -0.462117   c = 0.75 * 0.761594 - 0.462117 = 0.109079   n = 0.75 * 1 + 1 = 1.75
    #                  h = 0.5 * 0.109079 / 1.75 = 0.031165
    layer = Slstm(2, 1)
    set_gates(layer, [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]], [0.0, math.log(3), 0.0, 0.0])  # i, f, g, o
    y, _ = layer(torch.tensor([[[1.0, 0.0], [0.5, -1.0]]]))
    assert y[0, :, 0].tolist() == pytest.approx([0.380797, 0.031165], abs=1e-6)


@pytest.mark.parametrize("lift", [-2000.0, 2000.0])
def test_an_input_gate_lifted_at_every_step_changes_no_weighted_mean(lift: float) -> None:
    """exp(2000) overflows and exp(-2000) vanishes, but the factor cancels in c / n."""
    layer, x = shaken(Slstm(2, 3)), sequence(7)
    plain, _ = layer(x)
    with torch.no_grad():
        layer.gates[0].bias[:3] += lift
    torch.testing.assert_close(layer(x)[0], plain)


def test_closed_gates_of_a_minlstm_still_share() -> None:
    layer = MinLstm(1, 1)
    set_gates(layer, [[0.0], [0.0], [1.0]], [-500.0, -500.0, 0.0])  # i / (f + i) is 0 / 0 in its plain form
    y, _ = layer(torch.tensor([[[8.0], [8.0]]]))
    assert y[0, :, 0].tolist() == [4.0, 6.0]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_gates_of_the_newer_cells_start_by_keeping(bidirectional: bool) -> None:
    for direction in range(1 + bidirectional):
        biases = [
            cell(2, 3, bidirectional=bidirectional).gates[direction].bias.tolist() for cell in (MinGru, MinLstm, Slstm)
        ]
        assert biases[0][:3] == [-1.0, -1.0, -1.0]
        assert biases[1][3:6] == biases[2][3:6] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_an_lstm_starts_with_its_forget_gate_open(bidirectional: bool) -> None:
    weights = Lstm(2, 3, bidirectional=bidirectional).kernel.state_dict()
    for suffix in ["l0", "l0_reverse"][: 1 + bidirectional]:
        total = weights[f"bias_ih_{suffix}"] + weights[f"bias_hh_{suffix}"]
        assert total.chunk(4)[1].tolist() == [1.0, 1.0, 1.0]


def test_a_relu_rnn_starts_by_keeping_its_state() -> None:
    weights = Rnn(2, 3, activation="relu").kernel.state_dict()
    assert torch.equal(weights["weight_hh_l0"], torch.eye(3))
    assert not weights["bias_ih_l0"].any()
    assert not weights["bias_hh_l0"].any()


@pytest.mark.parametrize("kind", CELLS)
def test_the_layout_of_the_weights_survives_saving_and_loading(kind: str) -> None:
    """Rounding follows the layout, so a resumed run stays the same to the bit only with the same layout."""
    layer, other = CELLS[kind](), CELLS[kind]()
    other.load_state_dict(
        {name: value.clone(memory_format=torch.contiguous_format) for name, value in layer.state_dict().items()}
    )
    for a, b in zip(layer.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.stride() == b.stride()
