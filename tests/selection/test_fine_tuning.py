"""The settings of a pretrained network that is trained further, alone and in an ensemble."""

import pickle
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from forecaster.config import Config, DataConfig
from forecaster.config.tree import Tree, merge, validate
from forecaster.events import Event, TrainingEnded, ignore
from forecaster.models.build import build
from forecaster.models.ensemble import Ensemble
from forecaster.models.variants import members_of, nested_flags
from forecaster.panel import Panel
from forecaster.selection.fold_fits import count_steps
from forecaster.selection.recipes import fine_tuning
from forecaster.selection.replay import replace_budget_by_steps
from forecaster.selection.resolve import resolve
from forecaster.settings import dump, load
from tests.conftest import MakePanel
from tests.toy_weights import hash_of

pytestmark = pytest.mark.usefixtures("small_network")

TUNED: Tree = {"model": {"kind": "pretrained"}, "training": {"start": "pretrained"}}
GENTLE = fine_tuning()["training"]


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    generator = np.random.default_rng(0)
    return make_panel([np.sin(np.arange(80)) + generator.normal(0, 0.1, 80), np.arange(60.0) % 7])


def resolved(panel: Panel, *trees: Tree) -> Config:
    tree: Tree = {}
    for each in trees:
        tree = merge(tree, each)
    return resolve(validate(tree, "test").model_copy(update={"data": DataConfig(horizon=4)}), panel)


def facts(config: Config) -> dict[str, Any]:
    return {name: getattr(config.training, name) for name in GENTLE}


def test_training_is_gentle_and_short_unless_settings_say_otherwise(panel: Panel, small_network: Path) -> None:
    config = resolved(panel, TUNED)
    assert facts(config) == GENTLE
    assert getattr(config.model, "weights", None) == hash_of(small_network)
    own = resolved(panel, TUNED, {"training": {"steps": 7, "learning_rate": 0.1}})
    assert facts(own) == GENTLE | {"steps": 7, "learning_rate": 0.1}
    assert count_steps(own) == 14


def test_a_resolved_config_is_resolved_to_itself(panel: Panel, tmp_path: Path) -> None:
    ensemble: Tree = {"ensemble": {"variants": [{}, TUNED, {"model": {"kind": "gru"}}]}}
    for trees in ((TUNED,), (TUNED, ensemble), (ensemble,)):
        config = resolved(panel, *trees)
        (tmp_path / "config.yaml").write_text(dump(config))
        assert resolve(load(tmp_path / "config.yaml", environment={}), panel) == config


@pytest.mark.parametrize("base", [{}, {"model": {"kind": "naive"}}, {"model": {"kind": "pretrained"}}])
def test_a_variant_trains_gently_whatever_the_model_beside_it(panel: Panel, base: Tree) -> None:
    variants: list[Tree] = [{"model": {"kind": "drift"}}, TUNED]
    config = resolved(panel, base, {"ensemble": {"variants": variants, "seeds": 2}})
    members = members_of(config)
    assert [facts(member) for member in members if member.is_fine_tuned] == [GENTLE, GENTLE]
    assert [member.training.seed for member in members if member.is_fine_tuned] == [1000, 2000]
    assert nested_flags(config) == [False, False]
    assert count_steps(config) == 4 * GENTLE["steps"]


def test_another_network_beside_it_keeps_the_usual_training(panel: Panel) -> None:
    nested: Tree = {"ensemble": {"variants": [{"model": {"kind": "lstm", "context": 8}}, TUNED]}}
    config = resolved(panel, TUNED, {"ensemble": {"variants": [{}, {"model": {"kind": "gru", "context": 8}}, nested]}})
    tuned, gru, rest = members_of(config)
    assert facts(tuned) == GENTLE
    assert (gru.training.learning_rate, gru.training.steps, gru.training.start) == (0.002, 1000, None)
    lstm, again = members_of(rest)
    assert (lstm.training.learning_rate, lstm.training.start) == (0.002, None)
    assert facts(again) == GENTLE


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("is_better", [True, False])
def test_a_run_within_a_budget_is_repeated_to_the_bit(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, several: bool, is_better: bool
) -> None:
    monkeypatch.setattr("forecaster.models.fine_tuned.time_steps", lambda *given: 1e6)
    rate = 0.01 if is_better else 5.0
    training = {"budget": 4.5e6, "batch": 8, "validate_every": 1, "learning_rate": rate}
    variants = [{}, {"model": {"kind": "naive"}}, {"training": {"seed": 4}}] if several else []
    config = resolved(panel, TUNED, {"training": training, "ensemble": {"variants": variants, "workers": 1}})

    def run(config: Config) -> tuple[np.ndarray, list[TrainingEnded]]:
        events: list[Event] = []
        forecaster = build(config)
        forecaster.fit(panel, np.array([8, 8]), watch=events.append, checkpoint=None)
        forecaster.fit(panel, None, watch=events.append, checkpoint=None)
        stages = [event for event in events if isinstance(event, TrainingEnded)]
        return forecaster.predict(panel, 4).quantiles, stages

    first, stages = run(config)
    assert (stages[-1].steps > 0) == is_better
    repeated = replace_budget_by_steps(config, stages)
    assert repeated.training.budget is None
    monkeypatch.setattr("forecaster.models.fine_tuned.time_steps", lambda *given: pytest.fail("there is no budget"))
    assert run(repeated)[0].tobytes() == first.tobytes()


class PoolInThisProcess:
    """A pool whose tasks and results are pickled as for another process, which would not know the small network."""

    def run(self, work: Any, callbacks: Any) -> None:
        while (item := work.next_task()) is not None:
            number, task = item
            context = SimpleNamespace(
                shared=work.shared,
                startup_seconds=0.0,
                send_message=partial(callbacks.on_message, number),
                send_checkpoint=partial(callbacks.on_checkpoint, number),
            )
            result = work.function(context, pickle.loads(pickle.dumps(task)))
            callbacks.on_result(number, pickle.loads(pickle.dumps(result)))


def test_the_result_does_not_depend_on_the_number_of_processes(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecaster.models.ensemble_training.create_pool", lambda **given: PoolInThisProcess())
    quantiles = []
    for workers in (1, 2):
        tree: Tree = {"training": {"steps": 2, "batch": 4}, "ensemble": {"seeds": 2, "workers": workers}}
        forecaster = build(resolved(panel, TUNED, tree, {"conformal": {"kind": "off"}}))
        assert isinstance(forecaster, Ensemble)
        forecaster.fit(panel, np.array([8, 8]), watch=ignore, checkpoint=None)
        forecaster.fit(panel, None, watch=ignore, checkpoint=None)
        quantiles.append(forecaster.predict(panel, 4).quantiles.tobytes())
    assert quantiles[0] == quantiles[1]
