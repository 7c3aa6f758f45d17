"""Forecasts by onnxruntime are those by torch."""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecaster.config import DataConfig
from forecaster.config.tree import Tree, merge, validate
from forecaster.errors import InputError
from forecaster.events import ignore
from forecaster.forecast import GRAPH_FILE, Exportable, Forecaster
from forecaster.models.build import build
from forecaster.models.calibrated import Calibrated
from forecaster.models.ensemble import Ensemble
from forecaster.models.neural import NeuralForecaster
from forecaster.models.onnx import OnnxForecaster
from forecaster.models.restore import restore_forecaster
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from tests.conftest import MakePanel

pytest.importorskip("onnxruntime")

HORIZON = 4
QUICK: Tree = {
    "preset": "fast",
    "model": {"hidden": 6, "context": 8},
    "training": {"steps": 4, "batch": 16, "validate_every": 2},
}

pytestmark = pytest.mark.graphs


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    generator = np.random.default_rng(0)
    wave = 10 + np.sin(np.arange(60) * 2 * np.pi / 6)
    series = [
        wave + generator.normal(0, 0.1, 60),
        np.where(np.arange(40) % 7 == 3, np.nan, wave[:40]),
        1e6 + 1e3 * wave[:30],
        [5.0, 6.0, 5.5],  # shorter than context and horizon
        [3.0] * 20,
        np.r_[wave[:20], [np.nan] * 20, 9.0],
    ]
    return make_panel(series, season=6)


def fitted(panel: Panel, tree: Tree) -> Forecaster:
    config = validate(merge(QUICK, tree), "test").model_copy(update={"data": DataConfig(horizon=HORIZON)})
    forecaster = build(resolve(config, panel))
    tail = np.minimum(panel.lengths - 1, 9) * (panel.lengths > 20)
    forecaster.fit(panel, tail, watch=ignore, checkpoint=None)
    return forecaster


def config_of(forecaster: Forecaster, panel: Panel, tree: Tree) -> Any:
    config = validate(merge(QUICK, tree), "test").model_copy(update={"data": DataConfig(horizon=HORIZON)})
    return resolve(config, panel)


def by_graphs(forecaster: Forecaster, panel: Panel, tree: Tree) -> Forecaster:
    assert isinstance(forecaster, Exportable)
    return restore_forecaster(config_of(forecaster, panel, tree), forecaster.state(), forecaster.exports())


TREES: dict[str, Tree] = {
    "gru": {"conformal": {"kind": "off"}},
    "calibrated": {"model": {"kind": "lstm"}},
    "ensemble": {"preset": "default", "ensemble": {"workers": 1}},
    "segrnn": {"preset": "segrnn", "model": {"hidden": 6}},
    "cycle": {"scale": {"kind": "cycle", "log": False}, "head": {"kind": "student_t"}, "conformal": {"kind": "off"}},
    "beside a naive one": {"ensemble": {"workers": 1, "variants": [{"model": {"kind": "naive"}}, {}]}},
}


@pytest.mark.parametrize("name", TREES)
def test_a_forecast_of_any_panel_and_horizon_is_that_of_torch(panel: Panel, name: str) -> None:
    forecaster = fitted(panel, TREES[name])
    other = by_graphs(forecaster, panel, TREES[name])
    unseen = replace(panel.cut(1), ids=np.array([f"x{n}" for n in range(len(panel))], object))
    blank = panel.cut(np.array([0, 0, 0, 0, 0, 1]))  # a gap longer than the context
    for some in (panel, unseen, blank):
        for horizon in (1, HORIZON, 2 * HORIZON + 1):
            expected, found = forecaster.predict(some, horizon), other.predict(some, horizon)
            assert found.model == expected.model
            np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-5)
            np.testing.assert_allclose(found.quantiles, expected.quantiles, rtol=1e-5)


def test_every_network_of_a_model_is_run_by_its_graph(panel: Panel) -> None:
    calibrated = by_graphs(fitted(panel, TREES["ensemble"]), panel, TREES["ensemble"])
    assert isinstance(calibrated, Calibrated)
    assert isinstance(calibrated.inner, Ensemble)
    assert [type(member) for member in calibrated.inner.members] == [OnnxForecaster] * 3
    assert calibrated.point == "expectation"
    alone = fitted(panel, TREES["gru"])
    assert isinstance(alone, NeuralForecaster)
    other = by_graphs(alone, panel, TREES["gru"])
    assert (other.point, other.name, other.history) == (alone.point, alone.name, [])
    assert other.state().keys() == alone.state().keys()
    with pytest.raises(TypeError, match="cannot be fitted"):
        other.fit(panel, None, watch=ignore, checkpoint=None)


def test_torch_forecasts_where_there_is_no_graph_or_nothing_to_run_it(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = TREES["gru"]
    forecaster = fitted(panel, tree)
    config, state, expected = config_of(forecaster, panel, tree), forecaster.state(), forecaster.predict(panel, HORIZON)
    assert isinstance(forecaster, NeuralForecaster)
    graphs = forecaster.exports()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    without_runtime = restore_forecaster(config, state, graphs)
    monkeypatch.undo()
    for other in (
        restore_forecaster(config, state, {}),
        restore_forecaster(config, state, {GRAPH_FILE: b"no graph"}),
        without_runtime,
    ):
        assert isinstance(other, NeuralForecaster)
        assert other.predict(panel, HORIZON).quantiles.tobytes() == expected.quantiles.tobytes()
    assert isinstance(restore_forecaster(config, state, graphs), OnnxForecaster)


def test_a_network_that_draws_its_forecasts_has_no_graph(panel: Panel) -> None:
    tree: Tree = {"preset": "deepar", "model": {"hidden": 6}, "decode": {"paths": 20}}
    forecaster = fitted(panel, tree)
    assert isinstance(forecaster, Exportable)
    assert forecaster.exports() == {}
    expected = forecaster.predict(panel, HORIZON).quantiles
    assert by_graphs(forecaster, panel, tree).predict(panel, HORIZON).quantiles.tobytes() == expected.tobytes()


def test_a_graph_of_another_network_is_refused(panel: Panel) -> None:
    forecaster = fitted(panel, TREES["gru"])
    assert isinstance(forecaster, NeuralForecaster)
    config = config_of(forecaster, panel, TREES["gru"])
    longer = config.model_copy(update={"data": config.data.model_copy(update={"horizon": HORIZON + 1})})
    sizes = {**forecaster.state(), "dimensions.horizon": np.array([HORIZON + 1])}
    other = restore_forecaster(longer, sizes, forecaster.exports())
    with pytest.raises(InputError, match="its ONNX graph returns"):
        other.predict(panel, HORIZON)
