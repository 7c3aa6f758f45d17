"""ONNX graphs that a stranger wrote: none reads a file, loops without end or fills the memory."""

import itertools
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster.errors import InputError
from forecaster.models import guard
from forecaster.models.graph_check import OPERATORS, UnsupportedGraph, check_graph
from forecaster.models.onnx import GuardedSession
from tests.cli.conftest import Forecast
from tests.hostile import forge

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
FLOAT, INT64, BOOL = 1, 7, 9
HORIZON, QUANTILES = 4, 15


def model_of(nodes: list[Any], tensors: dict[str, Any] | None = None, *, opsets: tuple[str, ...] = ("",)) -> Any:
    """Build a graph with the inputs and outputs of a network; the nodes compute `x`, a number that is added to both."""
    zeros = {"mean0": np.zeros((1, HORIZON), np.float32), "q0": np.zeros((1, HORIZON, QUANTILES), np.float32)}
    initializers = [
        numpy_helper.from_array(np.asarray(value), name) for name, value in (zeros | (tensors or {})).items()
    ]
    outputs = [helper.make_node("Add", ["mean0", "x"], ["mean"]), helper.make_node("Add", ["q0", "x"], ["quantiles"])]
    graph = helper.make_graph(
        [*nodes, *outputs],
        "g",
        [helper.make_tensor_value_info("context", FLOAT, ["windows", 35])],
        [
            helper.make_tensor_value_info("mean", FLOAT, [1, HORIZON]),
            helper.make_tensor_value_info("quantiles", FLOAT, [1, HORIZON, QUANTILES]),
        ],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(each, 18) for each in opsets], ir_version=8)


def endless_loop() -> Any:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [helper.make_tensor_value_info("i", INT64, []), helper.make_tensor_value_info("go", BOOL, [])],
        [helper.make_tensor_value_info("on", BOOL, [])],
    )
    nodes = [
        helper.make_node("Loop", ["", "true"], [], body=body),
        helper.make_node("ReduceMax", ["context"], ["x"], keepdims=0),
    ]
    return model_of(nodes, {"true": np.array(True)})


def branch() -> Any:
    body = helper.make_graph(
        [helper.make_node("Identity", ["one"], ["y"])], "b", [], [helper.make_tensor_value_info("y", FLOAT, [])]
    )
    node = helper.make_node("If", ["true"], ["x"], then_branch=body, else_branch=body)
    return model_of([node], {"true": np.array(True), "one": np.array(1, np.float32)})


def external_data() -> Any:
    model = model_of(
        [helper.make_node("ReduceSum", ["secret"], ["x"], keepdims=0)], {"secret": np.zeros(4, np.float32)}
    )
    tensor = next(each for each in model.graph.initializer if each.name == "secret")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")
    return model


def external_constant() -> Any:
    value = numpy_helper.from_array(np.zeros(4, np.float32))
    value.ClearField("raw_data")
    value.data_location = onnx.TensorProto.EXTERNAL
    value.external_data.add(key="location", value="/etc/passwd")
    nodes = [
        helper.make_node("Constant", [], ["secret"], value=value),
        helper.make_node("ReduceSum", ["secret"], ["x"], keepdims=0),
    ]
    return model_of(nodes)


def custom_domain() -> Any:
    return model_of(
        [helper.make_node("Inverse", ["context"], ["x"], domain="com.microsoft")], opsets=("", "com.microsoft")
    )


def function() -> Any:
    model = model_of([helper.make_node("ReduceMax", ["context"], ["x"], keepdims=0)])
    model.functions.append(
        helper.make_function(
            "f", "F", ["a"], ["b"], [helper.make_node("Abs", ["a"], ["b"])], [helper.make_opsetid("", 18)]
        )
    )
    return model


def huge_constant() -> Any:
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["x"], keepdims=0),
    ]
    return model_of(nodes, {"size": np.array([10**11])})


def hidden_size() -> Any:
    """A size that only a run can find out."""
    nodes = [
        helper.make_node("ReduceMax", ["context"], ["top"], keepdims=1),
        helper.make_node("IsNaN", ["top"], ["flag"]),
        helper.make_node("Cast", ["flag"], ["zero"], to=INT64),
        helper.make_node("Reshape", ["zero", "flat"], ["row"]),
        helper.make_node("Add", ["row", "many"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["x"], keepdims=0),
    ]
    return model_of(nodes, {"many": np.array([10**10]), "flat": np.array([1])})


def failing() -> Any:
    nodes = [
        helper.make_node("Gather", ["mean0", "place"], ["part"], axis=1),
        helper.make_node("Identity", ["part"], ["x"]),
    ]
    return model_of(nodes, {"place": np.array(10**9)})


def other_outputs() -> Any:
    model = model_of([helper.make_node("ReduceMax", ["context"], ["x"], keepdims=0)])
    del model.graph.output[1]
    return model


def other_inputs() -> Any:
    model = model_of([helper.make_node("ReduceMax", ["secret"], ["x"], keepdims=0)])
    model.graph.input[0].name = "secret"
    return model


def slow() -> Any:
    """Multiplications that take minutes."""
    names = ["w", *(f"m{n}" for n in range(400))]
    nodes = [helper.make_node("MatMul", [before, "w"], [after]) for before, after in itertools.pairwise(names)]
    weights = np.zeros((1500, 1500), np.float32)
    return model_of([*nodes, helper.make_node("ReduceMax", [names[-1]], ["x"], keepdims=0)], {"w": weights})


FORBIDDEN = (endless_loop, branch, external_data, external_constant, custom_domain, function)
FAILING = (huge_constant, hidden_size, failing, other_outputs, other_inputs)


def put_graph(folder: Path, make: Callable[[], Any]) -> None:
    forge.with_content("network.onnx", make().SerializeToString())(folder)


def test_the_graphs_of_these_tests_are_read_but_for_their_one_flaw(forecast: Forecast, tmp_path: Path) -> None:
    put_graph(
        forge.copy_bundle(tmp_path, "graphs"),
        lambda: model_of([helper.make_node("ReduceMax", ["context"], ["x"], keepdims=0)]),
    )
    assert forecast("predict", "sales.csv", "--bundle", "b").code == 0


@pytest.mark.parametrize("make", [*FORBIDDEN, *FAILING], ids=lambda make: make.__name__)
def test_a_hostile_graph_is_an_input_error(forecast: Forecast, tmp_path: Path, make: Callable[[], Any]) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    put_graph(forge.copy_bundle(tmp_path, "graphs"), make)
    done = forecast("predict", "sales.csv", "--bundle", "b")
    assert (done.code, done.err.count("error: "), done.err.count("hint: ")) == (66, 1, 1)


def test_a_failure_is_not_logged_besides(capfd: pytest.CaptureFixture[str]) -> None:
    session = GuardedSession("gru", failing().SerializeToString(), threads=1)
    with pytest.raises(InputError, match="its ONNX graph fails"):
        session.run(["mean"], {"context": np.ones((1, 35), np.float32)}, windows=1, steps=39)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("make", FORBIDDEN, ids=lambda make: make.__name__)
def test_a_forbidden_graph_is_not_even_loaded(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="the ONNX graph contains"):
        check_graph(make().SerializeToString())


def test_a_graph_that_runs_too_long_is_ended(
    forecast: Forecast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_BASE_SECONDS", 0.2)
    monkeypatch.setattr(guard, "_MULTIPLICATIONS_PER_SECOND", 1e15)
    put_graph(forge.copy_bundle(tmp_path, "graphs"), slow)
    done = forecast("predict", "sales.csv", "--bundle", "b")
    assert done.code == 66
    assert "ran for more than" in done.err


def test_unknown_operators_and_damaged_graphs_leave_the_forecast_to_the_weights(
    forecast: Forecast, tmp_path: Path
) -> None:
    assert "Det" not in OPERATORS
    content = model_of([helper.make_node("Det", ["context"], ["x"])]).SerializeToString()
    for graph in (content, b"no graph", content[:40]):
        with pytest.raises(UnsupportedGraph):
            check_graph(graph)
    forge.with_content("network.onnx", content)(forge.copy_bundle(tmp_path, "graphs"))
    assert forecast("predict", "sales.csv", "--bundle", "b").code == 0


def test_the_memory_is_limited_only_within_the_block() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with guard.limited_memory(2**28), pytest.raises(MemoryError):
        np.empty(2**29)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert len(np.ones(2**20)) == 2**20
