"""Several networks as one."""

import multiprocessing
import os
import signal
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numpy.testing import assert_array_equal

from forecaster.config import Config, NaiveConfig, NetworkModel
from forecaster.config.tree import merge, validate
from forecaster.errors import Interrupted
from forecaster.events import Event, Note, TrainingEnded, TrainingStarted, TrainingStep, ignore
from forecaster.forecast import PROBABILITIES, HasNetworks
from forecaster.models.build import build, build_model
from forecaster.models.calibrated import Calibrated
from forecaster.models.ensemble import Ensemble
from forecaster.models.member_choice import MemberChoice
from forecaster.models.naive import Naive
from forecaster.models.variants import members_of, training_seconds
from forecaster.panel import Panel
from forecaster.quantile_function import expectation
from forecaster.selection.resolve import resolve
from tests.conftest import MakePanel

HORIZON = 4
TAIL = np.array([10, 10])
Arrays = dict[str, npt.NDArray[np.generic]]


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    generator = np.random.default_rng(0)
    return make_panel([np.sin(np.arange(60)) + generator.normal(0, 0.1, 60), np.arange(40.0)])


def config_of(*, steps: int, seeds: int = 2) -> Config:
    tree = {
        "preset": "fast",
        "data": {"horizon": HORIZON},
        "model": {"hidden": 6, "context": 8},
        "training": {"steps": steps, "batch": 16, "validate_every": 5, "patience": 1000},
        "ensemble": {"seeds": seeds},
    }
    return validate(tree, "test")


def ensemble(panel: Panel, *, workers: int, steps: int = 12, seeds: int = 2) -> Ensemble:
    members = members_of(resolve(config_of(steps=steps, seeds=seeds), panel))
    return Ensemble([build_model(member) for member in members], name="gru", workers=workers)


def same(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


class Kept:
    """A checkpoint in memory."""

    def __init__(self) -> None:
        self.state: Arrays = {}

    def load(self) -> Arrays:
        return self.state

    def save(self, state: Arrays) -> None:
        self.state = dict(state)

    def is_due(self) -> bool:
        return False


def test_each_quantile_is_the_median_of_the_members(panel: Panel) -> None:
    one = ensemble(panel, workers=1, seeds=3)
    one.fit(panel, TAIL, watch=ignore, checkpoint=None)
    forecasts = [member.predict(panel, HORIZON) for member in one.members]
    forecast = one.predict(panel, HORIZON)
    for number, p in np.ndindex(len(panel), 15):
        for step in range(HORIZON):
            quantiles = sorted(each.quantiles[number, step, p] for each in forecasts)
            assert forecast.quantiles[number, step, p] == quantiles[1]
    assert_array_equal(forecast.mean, expectation(forecast.quantiles, PROBABILITIES))
    assert not np.array_equal(forecasts[0].quantiles, forecasts[1].quantiles)


def test_a_config_of_several_members_builds_an_ensemble_named_after_its_cell(panel: Panel) -> None:
    built = build(resolve(config_of(steps=2, seeds=3), panel))
    assert isinstance(built, Calibrated)  # once, around the ensemble
    assert isinstance(built.inner, Ensemble)
    assert len(built.inner.members) == 3
    assert built.name == "gru"
    assert built.networks() == built.inner.members  # each a network, none fitted yet


def test_only_forecasters_that_contain_networks_return_some(panel: Panel) -> None:
    naive = build_model(config_of(steps=2).model_copy(update={"model": NaiveConfig()}))
    assert not isinstance(naive, HasNetworks)
    assert Calibrated(naive, horizon=HORIZON).networks() == []
    (network, *_) = build_model(resolve(config_of(steps=2), panel)).members  # type: ignore[attr-defined]
    assert network.networks() == [network]
    mixture = Ensemble([naive, Ensemble([network, naive], name="gru", workers=1)], name="mixture", workers=1)
    assert Calibrated(mixture, horizon=HORIZON).networks() == [network]


@pytest.mark.parametrize(("threads", "expected"), [(1, 5), (2, 4), (3, 2), (99, 1)])
def test_the_resolved_config_says_how_many_train_side_by_side(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, threads: int, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(8))
    config = config_of(steps=2000, seeds=5)
    config = config.model_copy(update={"training": config.training.model_copy(update={"threads": threads})})
    resolved = resolve(config, panel)
    assert resolved.ensemble.workers == expected
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(64))
    assert resolve(resolved, panel).ensemble.workers == expected
    assert resolve(config_of(steps=2000, seeds=1), panel).ensemble.workers is None


def test_networks_that_train_for_seconds_train_in_one_process(panel: Panel) -> None:
    assert resolve(config_of(steps=2, seeds=5), panel).ensemble.workers == 1
    two = validate(merge(config_of(steps=2, seeds=5).model_dump(exclude_unset=True), {"ensemble": {"workers": 2}}), "t")
    assert resolve(two, panel).ensemble.workers == 2  # the user's own number
    slow = training_seconds(resolve(config_of(steps=2000, seeds=5), panel))
    assert slow == pytest.approx(1000 * training_seconds(resolve(config_of(steps=2, seeds=5), panel)))


def test_a_restored_ensemble_forecasts_the_same(panel: Panel) -> None:
    one, other = ensemble(panel, workers=1), ensemble(panel, workers=1)
    one.fit(panel, TAIL, watch=ignore, checkpoint=None)
    other.restore(one.state())
    assert_array_equal(other.predict(panel, HORIZON).quantiles, one.predict(panel, HORIZON).quantiles)


def test_progress_is_told_as_of_one_training(panel: Panel) -> None:
    seen: list[Event] = []
    one = ensemble(panel, workers=1)
    one.fit(panel, TAIL, watch=seen.append, checkpoint=None)
    started = [event for event in seen if isinstance(event, TrainingStarted)]
    assert {event.steps for event in started} == {24}
    assert [event.step for event in seen if isinstance(event, TrainingStep)] == list(range(1, 25))
    (ended,) = (event for event in seen if isinstance(event, TrainingEnded))
    assert seen[-1] is ended
    assert ended.steps == 24
    assert ended.best_step == sum(member.best_step for member in one.members)
    assert one.history == one.members[0].history


def test_a_checkpoint_holds_all_members_and_a_finished_one_is_not_trained_again(panel: Panel) -> None:
    kept, steps = Kept(), []

    def stop_in_the_second(event: Event) -> None:
        if isinstance(event, TrainingStep) and event.step == 17:
            raise Interrupted(signal.SIGTERM)

    with pytest.raises(Interrupted):
        ensemble(panel, workers=1).fit(panel, TAIL, watch=stop_in_the_second, checkpoint=kept)
    resumed = ensemble(panel, workers=1)
    resumed.fit(panel, TAIL, watch=steps.append, checkpoint=kept)
    taken = [event.step for event in steps if isinstance(event, TrainingStep)]
    assert taken == list(range(18, 25))
    whole = ensemble(panel, workers=1)
    whole.fit(panel, TAIL, watch=ignore, checkpoint=None)
    assert same(resumed.state(), whole.state())


def test_processes_learn_to_the_byte_what_one_after_the_other_learns(panel: Panel) -> None:
    beside, after = ensemble(panel, workers=2), ensemble(panel, workers=1)
    beside.fit(panel, TAIL, watch=ignore, checkpoint=None)
    after.fit(panel, TAIL, watch=ignore, checkpoint=None)
    assert same(beside.state(), after.state())
    assert beside.predict(panel, 9).quantiles.tobytes() == after.predict(panel, 9).quantiles.tobytes()
    assert [len(member.history) for member in beside.members] == [12, 12]


@pytest.mark.slow
def test_processes_that_are_interrupted_save_and_resume_to_the_same_bytes(panel: Panel) -> None:
    kept = Kept()

    def stop(event: Event) -> None:
        if isinstance(event, TrainingStep) and event.step == 3:
            raise Interrupted(signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        ensemble(panel, workers=2, steps=200).fit(panel, TAIL, watch=stop, checkpoint=kept)
    assert caught.value.signum == signal.SIGTERM
    taken = [len(value) for name, value in kept.state.items() if name.endswith(".fit.history")]
    assert sum(taken) >= 3  # of all members together, as `stop` counts them
    assert max(taken) < 200
    resumed, whole = (ensemble(panel, workers=1, steps=200) for _ in range(2))
    resumed.fit(panel, TAIL, watch=ignore, checkpoint=kept)
    whole.fit(panel, TAIL, watch=ignore, checkpoint=None)
    assert same(resumed.state(), whole.state())


@pytest.mark.slow
def test_processes_that_are_killed_are_replaced_and_learn_the_same_bytes(panel: Panel) -> None:
    notes: list[str] = []
    killed_processes: set[int] = set()

    def kill(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)
        elif isinstance(event, TrainingStep) and len(killed_processes) < 2:
            process = next(each for each in multiprocessing.active_children() if each.pid not in killed_processes)
            assert process.pid
            killed_processes.add(process.pid)
            process.kill()

    beside, whole = ensemble(panel, workers=2, steps=200), ensemble(panel, workers=1, steps=200)
    beside.fit(panel, TAIL, watch=kill, checkpoint=None)
    whole.fit(panel, TAIL, watch=ignore, checkpoint=None)
    assert same(beside.state(), whole.state())
    assert len([text for text in notes if "a worker process was killed" in text]) == 2


@pytest.mark.slow
def test_a_refit_in_processes_goes_on_from_what_the_fit_found(panel: Panel) -> None:
    states = []
    for workers in (1, 2):
        one = ensemble(panel, workers=workers)
        one.fit(panel, TAIL, watch=ignore, checkpoint=None)
        best = [member.best_step for member in one.members]
        seen: list[Event] = []
        one.fit(panel, None, watch=seen.append, checkpoint=None)
        assert sum(isinstance(event, TrainingStep) for event in seen) == sum(best)
        assert [member.best_step for member in one.members] == best
        states.append(one.state())
    assert same(*states)


MIXTURE = {"ensemble": {"seeds": 2, "variants": [{}, {"model": {"kind": "drift"}}, {"model": {"kind": "lstm"}}]}}


def mixture(panel: Panel, ensemble: dict[str, Any] = MIXTURE, **training: Any) -> Config:
    tree = config_of(steps=6, seeds=1).model_dump(exclude_unset=True)
    return resolve(validate(merge(merge(tree, ensemble), {"training": training}), "test"), panel)


def test_a_mixture_has_networks_of_each_seed_and_one_of_what_learns_nothing(panel: Panel) -> None:
    config = mixture(panel)
    assert [member.name for member in members_of(config)] == ["gru", "gru", "drift", "lstm", "lstm"]
    assert config.name == "gru+drift+lstm"
    cells = [member.model for member in members_of(config) if isinstance(member.model, NetworkModel)]
    assert {(cell.hidden, cell.context) for cell in cells} == {(6, 8)}
    assert resolve(config, panel) == config


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_mixture_forecasts_the_median_of_its_members_wherever_they_are_fitted(panel: Panel, workers: int) -> None:
    events: list[Event] = []
    config = mixture(panel, merge(MIXTURE, {"ensemble": {"workers": workers}}))
    one = build_model(config)
    one.fit(panel, TAIL, watch=events.append, checkpoint=None)
    assert isinstance(one, Ensemble)
    expected = np.median([member.predict(panel, HORIZON).quantiles for member in one.members], axis=0)
    forecast = one.predict(panel, HORIZON)
    assert_array_equal(forecast.quantiles, expected)
    assert forecast.model == one.name == "gru+drift+lstm"
    assert one.point == "expectation"
    assert len(one.history) == 6
    assert [event.steps for event in events if isinstance(event, TrainingEnded)] == [4 * 6]
    again = build_model(config)
    again.restore(one.state())
    assert_array_equal(again.predict(panel, HORIZON).quantiles, forecast.quantiles)


@pytest.mark.slow
def test_an_ensemble_can_be_one_member_of_another(panel: Panel) -> None:
    inner = {"variants": [{"model": {"context": 8}}, {"model": {"context": 12}}]}
    config = mixture(panel, {"ensemble": {"variants": [{"ensemble": inner}, {"model": {"kind": "naive"}}]}})
    assert config.name == "gru+naive"
    assert resolve(config, panel) == config
    one = build_model(config)
    one.fit(panel, TAIL, watch=ignore, checkpoint=None)
    assert isinstance(one, Ensemble)
    networks, naive = one.members
    assert isinstance(networks, Ensemble)
    assert [getattr(member.config.model, "context", None) for member in networks.members] == [8, 12]  # type: ignore[attr-defined]
    expected = np.median([each.predict(panel, HORIZON).quantiles for each in (networks, naive)], axis=0)
    assert_array_equal(one.predict(panel, HORIZON).quantiles, expected)


def test_what_learns_nothing_can_be_combined_alone(panel: Panel) -> None:
    variants = [{"model": {"kind": kind}} for kind in ("naive", "drift", "seasonal_naive")]
    config = validate({"model": {"kind": "naive"}, "ensemble": {"variants": variants}}, "test")
    events: list[Event] = []
    one = build_model(resolve(config, panel))
    one.fit(panel, TAIL, watch=events.append, checkpoint=None)
    assert one.name == "naive+drift+seasonal_naive"
    assert events == []
    assert one.predict(panel, HORIZON).mean.shape == (2, HORIZON)
    assert one.state() == {}


def chosen_ensemble(panel: Panel, *, most: int, workers: int = 1) -> Ensemble:
    """An ensemble that chooses among two networks, the second of which learns nothing, and a naive forecast."""
    config = resolve(config_of(steps=30, seeds=1), panel)
    idle = merge(config.model_dump(), {"training": {"learning_rate": 1e-12, "seed": 9}})
    candidates = [build_model(config), build_model(validate(idle, "test")), Naive()]
    return Ensemble(candidates, name="gru", workers=workers, choice=MemberChoice(HORIZON, most))


def test_the_validation_tail_chooses_the_members_and_the_refit_trains_no_other(panel: Panel) -> None:
    one = chosen_ensemble(panel, most=1)
    one.fit(panel, TAIL, watch=ignore, checkpoint=None)
    assert one.combination is not None
    assert one.numbers == one.combination.members == (0,)
    assert one.combination.losses[0] < one.combination.losses[1]
    idle = one.candidates[1].state()
    one.fit(panel, None, watch=ignore, checkpoint=None)
    assert same(one.candidates[1].state(), idle)
    assert same(one.state(), one.candidates[0].state())  # a single member is saved as a model of its own


def test_members_are_also_chosen_on_the_calibration_tail(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    tails: list[list[int]] = []
    choose = MemberChoice.choose

    def record(self: MemberChoice, candidates: Any, leaders: Any, seen: Panel, tail: Any) -> Any:
        tails.append([*seen.lengths.tolist(), *tail.tolist()])
        return choose(self, candidates, leaders, seen, tail)

    monkeypatch.setattr(MemberChoice, "choose", record)
    inner = chosen_ensemble(panel, most=2)
    Calibrated(inner, horizon=HORIZON).fit(panel, TAIL, watch=ignore, checkpoint=None)
    assert tails == [[56, 36, 6, 6], [60, 40, 10, 10]]
    assert inner.combination is not None


def test_a_choice_does_not_depend_on_processes_or_an_interruption(panel: Panel) -> None:
    plain, beside = chosen_ensemble(panel, most=3), chosen_ensemble(panel, most=3, workers=2)
    for one in (plain, beside):
        one.fit(panel, TAIL, watch=ignore, checkpoint=None)
        one.fit(panel, None, watch=ignore, checkpoint=None)
    assert plain.combination == beside.combination
    assert same(plain.state(), beside.state())
    checkpoint, resumed = Kept(), chosen_ensemble(panel, most=3)
    chosen_ensemble(panel, most=3).fit(panel, TAIL, watch=ignore, checkpoint=checkpoint)
    resumed.fit(panel, TAIL, watch=ignore, checkpoint=checkpoint)
    resumed.fit(panel, None, watch=ignore, checkpoint=checkpoint)
    assert same(plain.state(), resumed.state())


def test_series_too_short_for_a_choice_leave_it_to_the_order(panel: Panel) -> None:
    one = chosen_ensemble(panel, most=2)
    one.fit(panel, np.array([2, 0]), watch=ignore, checkpoint=None)
    assert one.numbers == (0, 1)
