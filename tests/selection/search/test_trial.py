"""A network tried out: looked at on the way without being disturbed."""

import numpy as np
import pytest

from forecaster.config import Config
from forecaster.events import Event, TrainingStep, ignore
from forecaster.models.neural import NeuralForecaster
from forecaster.models.variants import members_of
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from forecaster.selection.search.trial import train_and_evaluate
from forecaster.settings import load
from tests.conftest import MakePanel

TAIL = np.array([20])


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    noise = np.random.default_rng(0).normal(0, 0.3, 120)
    return make_panel([10 + np.sin(np.arange(120) * np.pi / 3) + noise], season=6)


def config(panel: Panel, *settings: str) -> Config:
    quick = ("data.horizon=4", "training.steps=40", "training.validate_every=4", "training.batch=8", "model.hidden=8")
    return members_of(resolve(load(settings=(*quick, *settings), environment={}), panel))[0]


@pytest.mark.parametrize(
    "settings", [(), ("decode.kind=recursive", "head.kind=student_t", "decode.paths=20"), ("head.kind=point",)]
)
def test_looking_changes_nothing_that_is_learnt(panel: Panel, settings: tuple[str, ...]) -> None:
    alone = NeuralForecaster(config(panel, *settings))
    alone.fit(panel, TAIL, watch=ignore, checkpoint=None)
    steps: list[Event] = []
    looks: list[int] = []
    loss = train_and_evaluate(
        config(panel, *settings), panel, TAIL, report=lambda tenth, _: looks.append(tenth), watch=steps.append
    )
    assert loss == alone.assess(panel, TAIL)
    assert looks == list(range(1, 10))
    losses = [step.train_loss for step in steps if isinstance(step, TrainingStep)]
    assert losses == [step.train_loss for step in alone.history]


def test_losses_are_told_in_units_that_all_scales_share(panel: Panel) -> None:
    told: dict[str, list[float]] = {"last": [], "none": []}
    for kind, losses in told.items():
        train_and_evaluate(
            config(panel, f"scale.kind={kind}", "training.learning_rate=0.000001"),
            panel,
            TAIL,
            report=lambda _, loss, losses=losses: losses.append(loss),  # type: ignore[misc]
            watch=ignore,
        )
    spread = float(np.std(panel.values[:-20, 0]))
    for losses in told.values():
        assert all(0 < loss < 10 for loss in losses)
    assert told["none"][0] > 3 * told["last"][0]  # far from the level 10, which the other scale is told
    assert told["none"][0] * spread > 1


def test_what_a_report_raises_ends_the_training(panel: Panel) -> None:
    steps: list[Event] = []

    def stop(tenth: int, loss: float) -> None:
        raise KeyError(tenth)

    with pytest.raises(KeyError):
        train_and_evaluate(config(panel), panel, TAIL, report=stop, watch=steps.append)
    assert sum(isinstance(step, TrainingStep) for step in steps) == 4
