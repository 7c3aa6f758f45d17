"""Windows gathered where a network lies, held to those that numpy gathers."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from forecaster.batches.update_windows import UpdateWindows
from forecaster.batches.window_spec import WindowSpec
from forecaster.batches.windows import Windows
from forecaster.frequency import HOUR, Frequency
from forecaster.network.inputs import Inputs
from forecaster.panel import Panel
from forecaster.training.feed import DeviceFeed, HostFeed, make_feed
from forecaster.training.loop import TorchRandom
from tests.conftest import MakePanel

HERE = torch.device("cpu")


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    """Series of several lengths with gaps, each with covariates of every kind and rows beyond its end."""
    generator = np.random.default_rng(1)
    plain = make_panel([np.arange(size) for size in (40, 3, 90, 17)], season=24, frequency=Frequency("fixed", HOUR))
    values = generator.normal(size=(150, 4)).astype(np.float32)
    values[generator.random(values.shape) < 0.1] = np.nan
    return replace(
        plain,
        values=values,
        end=plain.end - 1,
        stop=plain.end,
        columns=("y", "p", "k", "l"),
        roles=("target", "past", "known", "known"),
        static=generator.normal(size=(4, 2)).astype(np.float32),
        static_columns=("a", "b"),
    )


def same(left: Inputs, right: Inputs) -> None:
    for field in fields(Inputs):
        one, other = getattr(left, field.name), getattr(right, field.name)
        assert one.dtype == other.dtype, field.name
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("calendar", [False, True])
@pytest.mark.parametrize("evenly", ["windows", "series"])
def test_the_resident_gather_is_that_of_numpy(panel: Panel, calendar: bool, evenly: str) -> None:
    spec = WindowSpec(8, 3, calendar=calendar)
    tail = np.array([12, 0, 20, 4])
    for windows in (
        Windows.for_training(panel, spec, sample_by=evenly),  # type: ignore[arg-type]
        Windows.for_validation(panel, tail, spec),
        Windows.for_training(replace(panel, values=panel.values[:, :1], columns=("y",), roles=("target",)), spec),
    ):
        numbers = np.arange(len(windows))
        same(DeviceFeed(windows, HERE).gather(numbers), Inputs.of(windows.gather(numbers)))


@pytest.mark.parametrize("evenly", ["windows", "series"])
def test_a_seed_draws_the_same_windows_for_every_device(panel: Panel, evenly: str) -> None:
    windows = Windows.for_training(panel, WindowSpec(8, 3), sample_by=evenly)  # type: ignore[arg-type]
    torch.manual_seed(7)
    plain = HostFeed(windows, HERE).draw(32, TorchRandom())
    torch.manual_seed(7)
    same(DeviceFeed(windows, HERE).draw(32, TorchRandom()), plain)


def test_windows_lie_on_another_device_and_updates_are_carried_there(panel: Panel) -> None:
    windows = Windows.for_training(panel, WindowSpec(8, 3))
    there = torch.device("cuda")  # nothing is put there yet
    assert isinstance(make_feed(windows, HERE), HostFeed)
    assert isinstance(make_feed(UpdateWindows(windows, panel.end - 1, np.arange(4)), there), HostFeed)
