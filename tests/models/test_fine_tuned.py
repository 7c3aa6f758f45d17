"""The pretrained network, trained further on a panel. A small network with random weights stands for it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.config import Config, DataConfig
from forecaster.config.tree import merge, validate
from forecaster.errors import InputError, Interrupted
from forecaster.events import Event, Note, TrainingEnded, TrainingStep, ignore
from forecaster.models.build import build
from forecaster.models.fine_tuned import FineTunedForecaster
from forecaster.models.fine_tuned_graph import FineTunedGraph
from forecaster.models.pretrained import PretrainedForecaster
from forecaster.models.restore import restore_forecaster
from forecaster.models.state import Arrays
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from forecaster.store import pretrained
from tests.conftest import MakePanel

pytest.importorskip("onnx")

HORIZON = 5
TAIL = np.full(3, 15)

pytestmark = pytest.mark.usefixtures("small_network")


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    generator = np.random.default_rng(0)
    wave = np.sin(np.arange(150) * 2 * np.pi / 6)
    return make_panel([level * (3 + wave + generator.normal(0, 0.1, 150)) for level in (1, 20, 300)], season=6)


def config_of(panel: Panel, **training: Any) -> Config:
    tree = {"model": {"kind": "pretrained"}, "conformal": {"kind": "off"}}
    settings = {"start": "pretrained", "steps": 40, "batch": 24, "learning_rate": 0.01, "validate_every": 10}
    config = validate(merge(tree, {"training": settings | training}), "test")
    return resolve(config.model_copy(update={"data": DataConfig(horizon=HORIZON)}), panel)


def forecaster_of(panel: Panel, **training: Any) -> FineTunedForecaster:
    forecaster = build(config_of(panel, **training))
    assert isinstance(forecaster, FineTunedForecaster)
    return forecaster


def pretrained_arrays() -> Arrays:
    return {f"network.{name}": value for name, value in pretrained.find().read_arrays().items()}


def test_it_learns_what_the_weights_of_the_package_do_not_know(panel: Panel) -> None:
    seen = panel.cut(HORIZON)
    tuned, untouched = forecaster_of(panel), PretrainedForecaster(config_of(panel).model)  # type: ignore[arg-type]
    tuned.fit(seen, TAIL, watch=ignore, checkpoint=None)
    tuned.fit(seen, None, watch=ignore, checkpoint=None)
    actual = seen.actual(HORIZON, panel.end)
    errors = [np.abs(each.predict(seen, HORIZON).median / actual - 1).mean() for each in (tuned, untouched)]
    assert tuned.best_step > 0
    assert errors[0] < 0.5 * errors[1]


def test_weights_that_training_does_not_improve_are_used_unchanged(panel: Panel) -> None:
    forecaster, events = forecaster_of(panel, learning_rate=5.0, steps=10), list[Event]()
    forecaster.fit(panel, TAIL, watch=events.append, checkpoint=None)
    forecaster.fit(panel, None, watch=events.append, checkpoint=None)
    notes = [event.text for event in events if isinstance(event, Note)]
    assert notes == ["fine-tuning was not better on the validation steps, so the pretrained weights are used unchanged"]
    assert [event.steps for event in events if isinstance(event, TrainingEnded)] == [10, 0]
    state = forecaster.state()
    assert all(np.array_equal(state[name], value) for name, value in pretrained_arrays().items())


def test_without_validation_steps_the_weights_are_used_unchanged(panel: Panel) -> None:
    forecaster, events = forecaster_of(panel), list[Event]()
    forecaster.fit(panel, np.zeros(3, np.int64), watch=events.append, checkpoint=None)
    forecaster.fit(panel, None, watch=events.append, checkpoint=None)
    notes = [event.text for event in events if isinstance(event, Note)]
    assert notes == ["no series is long enough to validate fine-tuning, so the pretrained weights are used unchanged"]
    assert [event.steps for event in events if isinstance(event, TrainingEnded)] == [0, 0]
    untouched = PretrainedForecaster(forecaster.config.model)  # type: ignore[arg-type]
    tuned = forecaster.predict(panel, 20).quantiles
    assert_allclose(tuned, untouched.predict(panel, 20).quantiles, atol=1e-3 * np.abs(tuned).max())


def test_the_refit_takes_the_best_number_of_steps_from_the_weights_of_the_package(panel: Panel) -> None:
    forecaster, events = forecaster_of(panel, steps=10, validate_every=2), list[Event]()
    forecaster.fit(panel, TAIL, watch=ignore, checkpoint=None)
    best = forecaster.best_step
    forecaster.fit(panel, None, watch=events.append, checkpoint=None)
    ended = events[-1]
    assert isinstance(ended, TrainingEnded)
    assert (ended.stage, ended.steps) == ("refit", best)
    assert len(forecaster.history) == 10
    alone = forecaster_of(panel)
    alone.restore_fitted(forecaster.fitted_state())
    alone.fit(panel, None, watch=ignore, checkpoint=None)
    assert_array_equal(alone.predict(panel, 3).quantiles, forecaster.predict(panel, 3).quantiles)


class Memory:
    """A checkpoint in memory, which is due after every step."""

    def __init__(self) -> None:
        self.saved: Arrays = {}

    def load(self) -> Arrays:
        return self.saved

    def save(self, state: Arrays) -> None:
        self.saved = state

    def is_due(self) -> bool:
        return True


def stop_at(step: int, stage: int) -> Callable[[Event], None]:
    """Return a watcher that interrupts a step of the first (0) or the second (1) stage."""
    ended: list[Event] = []

    def watch(event: Event) -> None:
        if isinstance(event, TrainingEnded):
            ended.append(event)
        if isinstance(event, TrainingStep) and event.step == step and len(ended) == stage:
            raise Interrupted(2)

    return watch


@pytest.mark.parametrize(("step", "stage"), [(3, 0), (4, 0), (7, 0), (1, 1)])
def test_an_interrupted_fit_continues_to_the_same_bytes(panel: Panel, step: int, stage: int) -> None:
    def run(forecaster: FineTunedForecaster, watch: Callable[[Event], None], memory: Memory | None) -> None:
        forecaster.fit(panel, TAIL, watch=watch, checkpoint=memory)
        forecaster.fit(panel, None, watch=watch, checkpoint=memory)

    short = {"steps": 8, "validate_every": 4, "batch": 8}
    whole, resumed, memory = forecaster_of(panel, **short), forecaster_of(panel, **short), Memory()
    run(whole, ignore, None)
    with pytest.raises(Interrupted):
        run(forecaster_of(panel, **short), stop_at(step, stage), memory)
    run(resumed, ignore, memory)
    first, second = whole.state(), resumed.state()
    assert {name: value.tobytes() for name, value in first.items()} == {
        name: value.tobytes() for name, value in second.items()
    }
    assert [step.train_loss for step in whole.history] == [step.train_loss for step in resumed.history]


def test_a_budget_limits_the_steps_but_allows_no_more(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecaster.models.fine_tuned.time_steps", lambda *given: 1e-6)
    forecaster, events = forecaster_of(panel, budget=1000.0, steps=4), list[Event]()
    forecaster.fit(panel, TAIL, watch=events.append, checkpoint=None)
    ended = events[-1]
    assert isinstance(ended, TrainingEnded)
    assert ended.steps == 4
    monkeypatch.setattr("forecaster.models.trained._MIN_SECONDS", 1e-9)
    slow = forecaster_of(panel, budget=1e-9)
    slow.fit(panel, TAIL, watch=ignore, checkpoint=None)
    assert len(slow.history) <= 1


def test_covariates_are_ignored_with_one_note(panel: Panel) -> None:
    values = np.concatenate([panel.values, np.ones_like(panel.values)], axis=1)
    richer = replace(panel, values=values, columns=("y", "promo"), roles=("target", "known"))
    plain, events = forecaster_of(panel, steps=3), list[Event]()
    forecaster = forecaster_of(richer, steps=3)
    for each, watch in ((plain, ignore), (forecaster, events.append)):
        data = panel if each is plain else richer
        each.fit(data, TAIL, watch=watch, checkpoint=None)
        each.fit(data, None, watch=watch, checkpoint=None)
    assert sum("covariates" in event.text for event in events if isinstance(event, Note)) == 1
    assert_array_equal(forecaster.predict(richer, 5).quantiles, plain.predict(panel, 5).quantiles)


def test_a_bundle_forecasts_where_the_package_no_longer_has_the_weights(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = forecaster_of(panel, steps=10)
    fitted.fit(panel, TAIL, watch=ignore, checkpoint=None)
    before, state = fitted.predict(panel, 30), fitted.state()
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "nothing")
    restored = restore_forecaster(fitted.config, state, {})
    assert_array_equal(restored.predict(panel, 30).quantiles, before.quantiles)


@pytest.mark.graphs
@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
def test_the_graph_forecasts_as_torch_does(panel: Panel) -> None:
    fitted = forecaster_of(panel, steps=10)
    fitted.fit(panel, TAIL, watch=ignore, checkpoint=None)
    restored = restore_forecaster(fitted.config, fitted.state(), fitted.exports())
    assert isinstance(restored, FineTunedGraph)
    by_torch, by_graph = (each.predict(panel, 40) for each in (fitted, restored))
    assert (by_torch.model, by_graph.model) == ("fine_tuned", "fine_tuned")
    size = np.ptp(by_torch.quantiles, axis=(1, 2))[:, None, None] + 1
    assert (np.abs(by_graph.quantiles - by_torch.quantiles) < 1e-4 * size).all()
    assert restored.state().keys() == fitted.state().keys()


@pytest.mark.parametrize(
    "damage",
    [
        {"hidden": 10**9},
        {"layers": 10**9},
        {"hidden": 16},
        {"cell": "../x"},
        {"probabilities": [0.5]},
        {"contexts": []},
        {"contexts": [33]},
        {"patch": 0},
        {"history": "256"},
        {"horizon": 10**9},
    ],
)
def test_a_stranger_s_sizes_are_refused(panel: Panel, damage: dict[str, Any]) -> None:
    fitted = forecaster_of(panel, steps=1)
    fitted.fit(panel, TAIL, watch=ignore, checkpoint=None)
    state = fitted.state()
    card = json.loads(state["card"].tobytes())
    card["architecture"] |= damage
    state["card"] = np.frombuffer(json.dumps(card).encode(), np.uint8)
    with pytest.raises(
        InputError, match=r"fine_tuned: the (bundle does not describe its|weights do not fit the) network"
    ):
        forecaster_of(panel).restore(state)


def test_a_state_of_another_model_is_refused(panel: Panel) -> None:
    with pytest.raises(InputError, match="does not describe its network"):
        forecaster_of(panel).restore({})


def test_damaged_weights_of_the_package_are_an_input_error(
    panel: Panel, network_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecaster = forecaster_of(panel)
    shutil.copytree(network_folder, tmp_path / "damaged" / network_folder.name)
    (tmp_path / "damaged" / network_folder.name / "weights.safetensors").write_bytes(b"nothing")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "damaged")
    with pytest.raises(InputError, match="altered"):
        forecaster.fit(panel, TAIL, watch=ignore, checkpoint=None)
