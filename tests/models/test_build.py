"""Where networks lie: what is asked for, what there is, and, where there is a GPU, that it gives what the cpu does."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from forecaster import runtime
from forecaster.config.tree import merge, validate
from forecaster.errors import DependencyError
from forecaster.events import ignore
from forecaster.models import build as building
from forecaster.models.build import adapt_to_machine, build_model
from forecaster.models.neural import NeuralForecaster
from forecaster.models.restore import restore_forecaster
from forecaster.models.variants import workers_of
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from tests.conftest import MakePanel

HORIZON = 6
SMALL: dict[str, Any] = {
    "preset": "fast",
    "data": {"horizon": HORIZON},
    "model": {"kind": "gru", "hidden": 8, "context": 12},
    "training": {"steps": 30, "batch": 32, "validate_every": 10},
    "conformal": {"kind": "off"},
}
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")


@pytest.fixture
def gpu_found(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if torch found a GPU, until it is used."""
    before = torch.get_deterministic_debug_mode(), torch.backends.cudnn.allow_tf32
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    yield
    torch.set_deterministic_debug_mode(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]


@pytest.fixture
def waves(make_panel: MakePanel) -> Panel:
    step = np.arange(150)
    return make_panel([size * (3 + np.sin(2 * np.pi * step / 6)) for size in (1.0, 50.0)], season=6)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_auto_takes_the_processor_where_there_is_no_gpu_and_cuda_says_so() -> None:
    assert runtime.resolve_device("auto") == "cpu"
    with pytest.raises(DependencyError, match="device cuda: torch") as caught:
        runtime.resolve_device("cuda")
    assert caught.value.code == 69
    assert "--device auto" in caught.value.hint
    assert torch.get_deterministic_debug_mode() == 2


def test_a_gpu_that_is_there_is_taken_unless_the_processor_is_asked_for(gpu_found: None) -> None:
    assert runtime.resolve_device("cpu") == "cpu"
    assert torch.get_deterministic_debug_mode() == 2
    assert runtime.resolve_device("auto") == runtime.resolve_device("cuda") == "cuda"
    assert torch.get_deterministic_debug_mode() == 1
    assert not torch.backends.cudnn.allow_tf32


def test_on_a_gpu_networks_train_one_after_the_other(gpu_found: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    ensemble = validate(merge(SMALL, {"ensemble": {"seeds": 3}}), "test")
    assert workers_of(ensemble) == 1
    assert workers_of(building.place_on_device(ensemble, "cpu")) == 3
    assert workers_of(validate(merge(SMALL, {"ensemble": {"seeds": 3, "workers": 2}}), "test")) == 2


def test_a_bundle_from_a_gpu_is_used_on_a_machine_without_one() -> None:
    trained = {device: validate(merge(SMALL, {"training": {"device": device}}), "test") for device in ("cuda", "cpu")}
    assert adapt_to_machine(trained["cuda"]).training.device == "auto"
    assert adapt_to_machine(trained["cpu"]).training.device == "cpu"
    assert adapt_to_machine(trained["cpu"], "cuda").training.device == "cuda"


def test_a_forecast_from_a_bundle_stays_on_the_processor_unless_told(waves: Panel) -> None:
    config = resolve(validate(merge(SMALL, {"training": {"steps": 2}}), "test"), waves)
    forecaster = build_model(config)
    forecaster.fit(waves, None, watch=ignore, checkpoint=None)
    from_gpu = building.place_on_device(config, "cuda")
    again = restore_forecaster(from_gpu, forecaster.state(), {})
    assert isinstance(again, NeuralForecaster)
    assert again.config.training.device == "cpu"
    assert np.array_equal(again.predict(waves, HORIZON).mean, forecaster.predict(waves, HORIZON).mean)


def trained_on(device: str, panel: Panel, **sections: Any) -> NeuralForecaster:
    tree = merge(merge(SMALL, sections), {"training": {"device": device}})
    forecaster = build_model(resolve(validate(tree, "test"), panel))
    assert isinstance(forecaster, NeuralForecaster)
    forecaster.fit(panel.cut(HORIZON), np.array([18, 18]), watch=ignore, checkpoint=None)
    return forecaster


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru", "mingru", "minlstm", "slstm"])
@pytest.mark.parametrize("head", ["quantile", "student_t"])
def test_a_gpu_learns_and_forecasts_what_the_processor_does(waves: Panel, kind: str, head: str) -> None:
    sections = {"model": {"kind": kind, "dropout": 0.0}, "head": {"kind": head}}
    here, there = (trained_on(device, waves, **sections) for device in ("cpu", "cuda"))
    assert next(there.network.parameters()).is_cuda
    losses = [[step.train_loss for step in one.history] for one in (here, there)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=2e-2, atol=2e-3)
    own, other = (one.predict(waves, 2 * HORIZON).quantiles for one in (here, there))
    np.testing.assert_allclose(other, own, rtol=2e-2, atol=2e-2)
    here.restore(there.state())  # the same weights on both
    np.testing.assert_allclose(here.predict(waves, HORIZON).quantiles, there.predict(waves, HORIZON).quantiles, 1e-3)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("kind", ["gru", "lstm", "mingru"])
def test_a_gpu_repeats_itself_to_the_bit(waves: Panel, kind: str) -> None:
    first, second = (trained_on("cuda", waves, model={"kind": kind}).state() for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)
