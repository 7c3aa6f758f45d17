"""Folds fitted side by side."""

import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecaster.config import Config, EnsembleConfig
from forecaster.config.tree import merge, validate
from forecaster.errors import DataError, Interrupted
from forecaster.evaluation.backtest import Backtest, Plan, backtest
from forecaster.events import Event, FoldsForecast, TrainingStep, ignore
from forecaster.frequency import Frequency
from forecaster.models.variants import max_workers, members_of
from forecaster.panel import Panel
from forecaster.selection import fold_fits
from forecaster.selection.fold_fits import count_steps, count_workers, make_fit, make_parallel_fits, with_one_worker
from forecaster.selection.resolve import resolve
from tests.conftest import MakePanel

HORIZON = 4
PLAN = Plan(HORIZON, folds=3, refit=1)
MEMBERS = {"ensemble": {"seeds": 2, "variants": [{}, {"model": {"kind": "drift"}}]}}
NESTED = {"ensemble": {"variants": [{"ensemble": {"seeds": 3}}, {"model": {"kind": "naive"}}]}}


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    generator = np.random.default_rng(0)
    return make_panel([np.sin(np.arange(90)) + generator.normal(0, 0.1, 90), np.arange(70.0), np.arange(17.0)])


def config_of(panel: Panel, *trees: dict[str, Any]) -> Config:
    """A small network's, resolved, that takes eight steps and as many again."""
    tree: dict[str, Any] = {
        "preset": "fast",
        "data": {"horizon": HORIZON},
        "model": {"hidden": 6, "context": 8},
        "training": {"steps": 8, "batch": 16, "validate_every": 4},
        "ensemble": {"workers": 2},
    }
    for each in trees:
        tree = merge(tree, each)
    return resolve(validate(tree, "test"), panel)


def forecast(config: Config, panel: Panel, *, watch: Any = ignore) -> Backtest:
    return backtest(
        make_fit(config, watch),
        panel,
        PLAN,
        watch=watch,
        run_groups=make_parallel_fits(config, PLAN, max_workers=2, watch=watch),
    )


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the smallest work to be worth a process."""
    monkeypatch.setattr(fold_fits, "MIN_STEPS_PER_WORKER", 1)


@pytest.mark.usefixtures("worth_it")
def test_processes_forecast_to_the_byte_what_one_fit_after_the_other_does(panel: Panel) -> None:
    told: list[Event] = []
    config = config_of(panel, MEMBERS)
    after = backtest(make_fit(with_one_worker(config), ignore), panel, PLAN)
    beside = forecast(config, panel, watch=told.append)
    for name in ("mean", "quantiles", "fallback", "cutoff"):
        assert getattr(beside.forecast, name).tobytes() == getattr(after.forecast, name).tobytes()
    for name in ("actual", "series", "fold"):
        assert getattr(beside, name).tobytes() == getattr(after, name).tobytes()
    assert beside.scale.absolute.tobytes() == after.scale.absolute.tobytes()
    assert beside.forecast.model == after.forecast.model == "gru+drift"
    assert beside.fit_seconds > 0
    progress = [event for event in told if isinstance(event, FoldsForecast)]
    assert [event.done for event in progress] == [0, 1, 2, 3]
    assert progress[-1].seconds_left == 0
    assert any(isinstance(event, TrainingStep) for event in told)


@pytest.mark.slow
@pytest.mark.usefixtures("worth_it")
def test_a_fold_that_fails_in_a_process_is_named(panel: Panel) -> None:
    dateless = replace(panel, frequency=Frequency("integer", 1))
    with pytest.raises(DataError, match=r"fold \d: time is in integers") as caught:
        forecast(config_of(dateless, {"data": {"holidays": "DE"}}), dateless)
    assert caught.value.hint == "leave --holidays out"


@pytest.mark.slow
@pytest.mark.usefixtures("worth_it")
def test_a_signal_ends_all_processes(panel: Panel) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, TrainingStep):
            raise Interrupted(signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        forecast(config_of(panel, {"training": {"steps": 100_000}}), panel, watch=stop)
    assert caught.value.signum == signal.SIGTERM


@pytest.mark.parametrize(
    ("tree", "groups", "expected"),
    [
        ({}, 5, 4),
        ({}, 3, 3),
        ({}, 1, 1),
        ({"training": {"steps": 150}}, 5, 3),  # 1,500 steps, the refits among them, are worth three processes
        ({"training": {"steps": 150, "refit": False}}, 5, 1),
        ({"training": {"steps": 150, "refit_steps": 300}}, 5, 4),
        ({"training": {"steps": 150}, "ensemble": {"seeds": 2}}, 5, 4),
        ({"training": {"budget": 60}}, 5, 1),
        ({"training": {"threads": 2}}, 5, 2),
        ({"ensemble": {"workers": 1}}, 5, 1),
        ({"ensemble": {"seeds": 4}}, 2, 1),  # four members keep more cores busy than two folds
        (NESTED, 2, 1),
        (NESTED, 3, 3),
        ({"model": {"kind": "naive"}}, 5, 1),
    ],
)
def test_fits_go_side_by_side_where_there_are_cores_and_work(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, tree: dict[str, Any], groups: int, expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(4))
    config = validate(merge({"preset": "fast", "data": {"horizon": HORIZON}, "training": {"steps": 1000}}, tree), "")
    assert count_workers(resolve(config, panel), groups, max_workers=max_workers(config)) == expected


def test_steps_are_those_of_all_networks_and_their_refits(panel: Panel) -> None:
    assert count_steps(config_of(panel)) == 16
    assert count_steps(config_of(panel, MEMBERS)) == 32
    assert count_steps(config_of(panel, NESTED)) == 48


def test_in_turn_leaves_no_ensemble_that_would_start_processes(panel: Panel) -> None:
    nested = with_one_worker(config_of(panel, NESTED))
    assert nested.ensemble.workers == 1
    assert [each.ensemble for each in members_of(nested)] == [EnsembleConfig(seeds=3, workers=1), EnsembleConfig()]
