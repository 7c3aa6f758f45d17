"""A run within a budget, and the same run by its steps."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from forecaster.config import Config
from forecaster.config.tree import Tree, merge, validate
from forecaster.events import Event, TrainingEnded
from forecaster.forecast import Forecaster
from forecaster.models import trained
from forecaster.models.build import build
from forecaster.models.ensemble import combination_of
from forecaster.panel import Panel
from forecaster.selection.replay import replace_budget_by_steps, retain_members
from forecaster.selection.resolve import resolve
from forecaster.settings import dump, load
from forecaster.training import loop
from tests.conftest import MakePanel

TAIL = np.array([10, 10])
SINGLE: Tree = {"ensemble": {"variants": []}}
SEVERAL: Tree = {"ensemble": {"seeds": 2, "variants": [{"scale": {"kind": kind}} for kind in ("last", "mean")]}}
DRIFT: Tree = {"model": {"kind": "drift"}}
MIXED: Tree = {"ensemble": {"seeds": 2, "variants": [{"scale": {"kind": "last"}}, DRIFT]}}
NESTED: Tree = {"ensemble": {"variants": [{"ensemble": SEVERAL["ensemble"] | {"workers": 1}}, DRIFT]}}


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    generator = np.random.default_rng(0)
    return make_panel([np.sin(np.arange(60)) + generator.normal(0, 0.1, 60), np.arange(40.0)])


def config_of(more: Tree) -> Config:
    tree = {
        "preset": "fast",
        "data": {"horizon": 4},
        "model": {"hidden": 4, "context": 8},
        "training": {"batch": 8, "validate_every": 5, "budget": 1.0},
        "ensemble": {"workers": 1},
    }
    return validate(merge(tree, more), "test")


def run_clock(monkeypatch: pytest.MonkeyPatch, *, slow_after: int) -> None:
    """Let a millisecond pass between two looks at the clock, and ten of them after some looks."""
    ticks = itertools.chain(itertools.repeat(0.001, slow_after), itertools.repeat(0.01))
    passed = itertools.accumulate(ticks)
    clock = SimpleNamespace(perf_counter=lambda: next(passed))
    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(trained, "time", clock)


def train(config: Config, panel: Panel) -> tuple[Forecaster, list[TrainingEnded]]:
    seen: list[Event] = []
    forecaster = build(config)
    forecaster.fit(panel, TAIL, watch=seen.append, checkpoint=None)
    forecaster.fit(panel, None, watch=seen.append, checkpoint=None)
    return forecaster, [event for event in seen if isinstance(event, TrainingEnded)]


@pytest.mark.parametrize("more", [SINGLE, SEVERAL, MIXED, NESTED], ids=["one", "several", "mixed", "nested"])
def test_a_run_within_a_budget_is_repeated_to_the_bit(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: Tree
) -> None:
    run_clock(monkeypatch, slow_after=1_000_000)
    config = resolve(config_of(more), panel)
    first, stages = train(config, panel)
    assert all(stage.is_exact for stage in stages)
    saved = replace_budget_by_steps(config, stages)
    assert saved.training.budget is None
    (tmp_path / "config.yaml").write_text(dump(saved))
    again = resolve(load(tmp_path / "config.yaml", environment={}), panel)
    monkeypatch.undo()
    second, ended = train(again, panel)
    assert [stage.steps for stage in ended] == [stage.steps for stage in stages]
    one, other = first.state(), second.state()
    assert one.keys() == other.keys()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_a_run_that_hurried_is_repeated_by_the_number_of_its_steps(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_clock(monkeypatch, slow_after=200)
    config = resolve(config_of(SINGLE), panel)
    _, stages = train(config, panel)
    assert not stages[0].is_exact
    monkeypatch.undo()
    _, ended = train(replace_budget_by_steps(config, stages), panel)
    assert [stage.steps for stage in ended] == [stage.steps for stage in stages]
    assert stages[0].steps > 60


def test_a_run_without_a_budget_keeps_its_config(panel: Panel) -> None:
    config = resolve(config_of({"training": {"budget": None, "steps": 3}}), panel)
    _, stages = train(config, panel)
    assert [stage.lengths for stage in stages] == [(3,), (stages[0].best_step,)]
    assert replace_budget_by_steps(config, stages) is config


@pytest.mark.parametrize("most", [1, 2, 4])
@pytest.mark.parametrize("budget", [None, 1.0])
def test_the_config_of_chosen_members_repeats_their_training(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, budget: float | None
) -> None:
    """The fit of four networks and a naive forecast is repeated by the members alone, from a file."""
    run_clock(monkeypatch, slow_after=100_000)
    changes = {"training": {"budget": budget, "steps": 20}, "ensemble": {"choose": most}}
    config = resolve(config_of(merge(MIXED, changes)), panel)
    forecaster, stages = train(config, panel)
    combination = combination_of(forecaster)
    assert combination is not None
    assert 1 <= len(combination.members) <= most
    settled, own_stages = retain_members(config, stages, combination.members)
    (tmp_path / "config.yaml").write_text(dump(replace_budget_by_steps(settled, own_stages)))
    again, _ = train(resolve(load(tmp_path / "config.yaml", environment={}), panel), panel)
    assert combination_of(again) is None
    one, other = forecaster.state(), again.state()
    assert one.keys() == other.keys()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
