"""The model that is chosen by held-out folds."""

from typing import Any

import numpy as np
import pytest

from forecaster.config import AutoConfig, Config, NetworkModel
from forecaster.config.tree import merge, validate
from forecaster.events import Event, Note, ignore
from forecaster.models.build import build, build_model
from forecaster.models.ensemble import Ensemble
from forecaster.models.variants import members_of
from forecaster.panel import Panel
from forecaster.selection import auto as module
from forecaster.selection.auto import choose_model
from forecaster.selection.resolve import resolve
from forecaster.settings import dump, load
from tests.conftest import MakePanel

HORIZON = 4
QUICK = {
    "preset": "fast",
    "data": {"horizon": HORIZON},
    "training": {"steps": 4, "batch": 8, "validate_every": 2},
    "model": {"kind": "auto"},
}


def config_of(more: dict[str, Any] | None = None) -> Config:
    return validate(merge(QUICK, more or {}), "test")


def settle_on(monkeypatch: pytest.MonkeyPatch, *best: str) -> None:
    """Let the choice fall on one name, whatever the scores are."""
    monkeypatch.setattr(
        module, "_best", lambda scores: next(name for name in scores if set(name.split("+")) == {*best})
    )


@pytest.fixture
def lines(make_panel: MakePanel) -> Panel:
    """Noisy lines, for which drift is the best forecast."""
    generator = np.random.default_rng(0)
    return make_panel([slope * np.arange(60.0) + generator.normal(0, 0.01, 60) for slope in (1, 3, -2)])


@pytest.fixture
def seasons(make_panel: MakePanel) -> Panel:
    steps = np.arange(80)
    return make_panel([np.tile([1.0, 5, 2, 9], 20) * scale + steps % 3 for scale in (1, 7)], season=4)


def test_what_forecasts_the_folds_best_is_chosen_and_told(lines: Panel) -> None:
    events: list[Event] = []
    choice = choose_model(config_of(), lines, watch=events.append)
    assert choice.summary is not None
    scores = choice.summary["among"]
    assert {"gru", "naive", "drift", "auto_theta", "auto_ets"} <= set(scores)
    assert sum("+" in name for name in scores) == 2  # the medians of the best two and three
    lowest = min(each["mase"] for each in scores.values())
    chosen = scores[choice.summary["model"]]
    assert chosen["mase"] <= 1.01 * lowest
    assert chosen["wql"] == min(each["wql"] for each in scores.values() if each["mase"] <= 1.01 * lowest)
    assert scores["naive"]["mase"] > 2 * lowest
    assert choice.summary["folds"] == 5
    assert choice.summary["forecasts"] == 15
    assert Note(f"auto: {choice.summary['why']}") in events
    assert choice.summary["why"].startswith(choice.summary["model"])


def test_nothing_after_the_panels_end_decides(lines: Panel) -> None:
    """The holdout is cut off before: whatever stands there changes no score."""
    seen = lines.cut(HORIZON)
    altered = Panel(
        **{**vars(seen), "values": np.where(np.arange(len(lines.values))[:, None] % 60 < 56, lines.values, 9)}
    )
    first, second = (choose_model(config_of(), panel, watch=ignore) for panel in (seen, altered))
    assert first == second


@pytest.mark.parametrize("kind", ["naive", "seasonal_naive", "auto_theta"])
def test_a_single_choice_is_the_config_of_that_model(
    seasons: Panel, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    settle_on(monkeypatch, kind)
    config = choose_model(config_of(), seasons, watch=ignore).config
    assert config.name == kind
    assert build(resolve(config, seasons)).name == kind


def test_the_presets_networks_stay_open_to_the_preset(seasons: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_on(monkeypatch, "gru")
    config = choose_model(config_of({"training": {"seed": 5}}), seasons, watch=ignore).config
    asked = merge({key: value for key, value in QUICK.items() if key != "model"}, {"training": {"seed": 5}})
    assert config == validate(asked, "test")
    assert "kind" not in config.model_dump(exclude_unset=True).get("model", {})


def test_a_mixture_weighs_the_networks_as_one_and_is_saved_resolved(
    seasons: Panel, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(module, "_best", lambda scores: next(name for name in scores if "+" in name and "gru" in name))
    monkeypatch.setattr(module, "_list_simple_kinds", lambda panel, watch: ["naive", "drift"])
    monkeypatch.setattr(module, "_nan_last", lambda value: 0)  # a tie, which the order of candidates decides
    config = choose_model(config_of({"preset": "default", "ensemble": {"workers": 1}}), seasons, watch=ignore).config
    resolved = resolve(config, seasons)
    first, *others = members_of(resolved)
    assert [each.name for each in (first, *others)] == resolved.name.split("+")
    network = next(each for each in members_of(resolved) if isinstance(each.model, NetworkModel))
    assert len(members_of(network)) == 3
    (tmp_path / "config.yaml").write_text(dump(resolved))
    again = load(tmp_path / "config.yaml", environment={})
    assert resolve(again, seasons) == resolved
    forecaster = build_model(again)
    assert isinstance(forecaster, Ensemble)
    assert forecaster.name == resolved.name


def test_a_budget_is_parted_between_choice_and_training(lines: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_on(monkeypatch, "gru")
    config = choose_model(config_of({"training": {"budget": 3.0}}), lines, watch=ignore).config
    assert config.training.budget == pytest.approx(2)


def test_what_would_take_long_or_is_not_installed_is_left_out_and_told(
    make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kinds(panel: Panel) -> tuple[list[str], str]:
        events: list[Event] = []
        found = module._list_simple_kinds(panel, events.append)
        return found, " ".join(event.text for event in events if isinstance(event, Note))

    baselines = ["seasonal_naive", "naive", "drift"]
    assert kinds(make_panel([[1.0, 2]], season=12)) == ([*baselines, "auto_theta", "auto_ets"], "")
    assert kinds(make_panel([[1.0, 2]], season=24))[0] == [*baselines, "auto_theta"]
    assert kinds(make_panel([[1.0, 2]]))[0] == ["naive", "drift", "auto_theta", "auto_ets"]
    found, told = kinds(make_panel([[1.0, 2]] * 2001, season=12))
    assert found == baselines
    assert "auto_theta, which would take long for 2001 series" in told
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found, told = kinds(make_panel([[1.0, 2]], season=12))
    assert found == baselines
    assert "`statsforecast` is not installed" in told


def test_many_forecasts_are_sampled_evenly(make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_FORECASTS", 10)
    panel = make_panel([np.arange(40.0) + number for number in range(40)])
    choice = choose_model(config_of(), panel, watch=ignore)
    assert choice.summary is not None
    assert choice.summary["forecasts"] == 10


def test_series_too_short_for_a_fold_take_the_presets_networks(make_panel: MakePanel) -> None:
    choice = choose_model(config_of(), make_panel([np.arange(7.0)]), watch=ignore)
    assert choice.summary is not None
    assert choice.summary["folds"] == 0
    assert "too short" in choice.summary["why"]
    assert not isinstance(choice.config.model, AutoConfig)


def test_any_other_config_stays_as_it_is(lines: Panel) -> None:
    config = validate({"model": {"kind": "naive"}}, "test")
    assert choose_model(config, lines, watch=ignore) == module.ModelChoice(config)
