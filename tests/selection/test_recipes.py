"""What a preset fills in, and what it leaves to the user."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from forecaster.config import RECIPES, Config, DataConfig, Preset
from forecaster.models.variants import members_of
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from forecaster.selection.shape import Shape
from forecaster.settings import dump, load
from forecaster.store import pretrained
from tests.conftest import MakePanel

PRESETS: tuple[str, ...] = get_args(Preset.__args__[0]) + RECIPES  # type: ignore[attr-defined]
every_preset = pytest.mark.parametrize("preset", PRESETS)
every_shape = pytest.mark.parametrize(
    ("season", "horizon", "length"), [(24, 48, 700), (7, 14, 3650), (12, 12, 144), (1, 6, 20), (1, 6, 7), (4, 8, 3)]
)


def asked(*settings: str, horizon: int = 12, **flags: Any) -> Config:
    overrides = {key.replace("__", "."): value for key, value in flags.items()}
    return load(settings=(f"data.horizon={horizon}", *settings), overrides=overrides, environment={})


def yearly(make_panel: MakePanel) -> Panel:
    """Three positive monthly series of uneven length."""
    return make_panel([10 + np.sin(np.arange(size)) for size in (144, 60, 100)], season=12)


def leaves(tree: dict[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= leaves(value, f"{path}{key}.") if isinstance(value, dict) else {path + key: value}
    return found


def differing(one: Config, other: Config) -> set[str]:
    first, second = leaves(one.model_dump()), leaves(other.model_dump())
    return {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}


@every_shape
@every_preset
def test_everything_left_open_is_filled_whatever_the_data(
    make_panel: MakePanel, preset: str, season: int, horizon: int, length: int
) -> None:
    panel = make_panel([np.arange(length) + 1.0, np.arange(max(length // 2, 2))], season=season)
    resolved = resolve(asked(f"preset={preset}", horizon=horizon), panel)
    for config in (resolved, *members_of(resolved)):
        if config.model.kind == "pretrained":
            continue
        context, width = config.model.context, config.embed.width  # type: ignore[union-attr]
        assert None not in (context, width, config.decode.skip, config.data.calendar)
        assert context % width == 0
        assert 1 <= width <= context
        assert season % width == 0 or width % season == 0 or season == 1 or width == min(horizon, length)
        assert config.data.model_copy(update={"calendar": resolved.data.calendar}) == resolved.data


@every_shape
@every_preset
def test_a_resolved_config_resolves_to_itself(
    make_panel: MakePanel, tmp_path: Path, preset: str, season: int, horizon: int, length: int
) -> None:
    panel = make_panel([np.arange(length) + 1.0], season=season)
    resolved = resolve(asked(f"preset={preset}", "embed.identity=2", horizon=horizon), panel)
    assert resolve(resolved, panel) == resolved
    (tmp_path / "config.yaml").write_text(dump(resolved))
    loaded = load(tmp_path / "config.yaml", environment={})
    assert loaded == resolved
    assert resolve(loaded, panel) == resolved
    assert members_of(loaded) == members_of(resolved)


@every_preset
def test_what_the_user_set_stands_in_every_member(make_panel: MakePanel, preset: str) -> None:
    settings = {
        "model.context": 36,
        "model.hidden": 7,
        "scale.kind": "standard",
        "scale.log": False,
        "embed.width": 3,
        "decode.skip": (5,),
        "training.steps": 11,
        "training.learning_rate": 0.5,
        "training.draw": "series",
    }
    lags = ("decode.lags=[3]",) if preset == "deepar" else ()
    given = [f"{key}={list(value) if isinstance(value, tuple) else value}" for key, value in settings.items()]
    resolved = resolve(asked(f"preset={preset}", *given, *lags), yearly(make_panel))
    for config in (resolved, *members_of(resolved)):
        found = leaves(config.model_dump())
        assert {key: found[key] for key in settings} == settings


def test_a_part_that_the_user_set_leaves_the_rest_of_a_variant(make_panel: MakePanel) -> None:
    panel = yearly(make_panel)
    plain = members_of(resolve(asked("preset=default", "model.layers=1"), panel))
    kept = members_of(resolve(asked("preset=default", "model.context=24", "embed.width=12"), panel))
    assert len(kept) == len(plain) > 1
    assert {member.model.context for member in kept} == {24}  # type: ignore[union-attr]
    assert [member.scale for member in kept] == [member.scale for member in plain]


def test_a_head_that_the_user_chose_replaces_the_recipes(make_panel: MakePanel) -> None:
    config = resolve(asked("preset=segrnn", "head.kind=student_t"), yearly(make_panel))
    assert config.head.kind == "student_t"
    assert config.decode.kind == "parallel"
    assert resolve(asked("preset=segrnn"), yearly(make_panel)).head.kind == "point"


@pytest.mark.parametrize("preset", ["fast", "default", "best"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "mingru", "minlstm", "slstm"])
def test_a_cell_changes_the_cell_alone(make_panel: MakePanel, preset: str, cell: str) -> None:
    panel = yearly(make_panel)
    plain = resolve(asked(preset=preset), panel)
    other = resolve(asked(preset=preset, model__kind=cell), panel)
    only_rnn = {"model.activation"} if cell == "rnn" else set()
    assert differing(plain, other) == {"model.kind", "ensemble.name"} | only_rnn


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_named_as_the_model_replaces_the_preset(make_panel: MakePanel, name: str) -> None:
    panel = yearly(make_panel)
    by_model = resolve(asked(model__kind=name), panel)
    assert by_model == resolve(asked(preset=name), panel) == resolve(asked(model__kind=name, preset="best"), panel)
    assert by_model.preset == name
    assert by_model != resolve(asked(), panel)
    assert resolve(asked("model.hidden=9", model__kind=name), panel).model.hidden == 9  # type: ignore[union-attr]


def test_deepar_and_segrnn_are_what_their_papers_say(make_panel: MakePanel) -> None:
    deepar, segrnn = (resolve(asked(preset=name), yearly(make_panel)) for name in ("deepar", "segrnn"))
    assert (deepar.model.kind, deepar.decode.kind, deepar.embed.width) == ("lstm", "recursive", 1)
    assert (deepar.scale.kind, deepar.head.kind) == ("mean_abs", "student_t")
    assert {12, 24} <= set(deepar.decode.lags or ())
    assert (segrnn.model.kind, segrnn.decode.kind, segrnn.scale.kind) == ("gru", "parallel", "last")
    assert (segrnn.embed.width or 0) > 1
    assert segrnn.decode.skip == ()
    assert len(members_of(deepar)) == len(members_of(segrnn)) == 1


@pytest.mark.parametrize(("length", "steps"), [(100, 200), (3650, 427), (100_000, 2000)])
def test_segrnn_passes_over_the_data_as_often_as_published(make_panel: MakePanel, length: int, steps: int) -> None:
    panel = make_panel([np.arange(length) + 1.0], season=7)
    assert resolve(asked(preset="segrnn"), panel).training.steps == steps


def test_members_differ_in_their_seeds_and_are_single_networks(make_panel: MakePanel) -> None:
    config = resolve(asked("ensemble.seeds=2", "training.seed=5"), yearly(make_panel))
    members = members_of(config)
    variants = len(config.ensemble.variants)
    assert len(members) == 2 * variants
    assert len({member.training.seed for member in members}) == len(members)
    assert members[0].training.seed == 5
    for member in members:
        assert members_of(member) == [member]
    others = members_of(resolve(asked("ensemble.seeds=2", "training.seed=6"), yearly(make_panel)))
    assert not {m.training.seed for m in members} & {m.training.seed for m in others}


def test_logarithms_are_taken_of_positive_data_alone(make_panel: MakePanel) -> None:
    values = 10 + np.sin(np.arange(100))
    assert resolve(asked("preset=fast"), make_panel([values], season=12)).scale.log
    values[50] = 0
    assert not resolve(asked("preset=fast"), make_panel([values], season=12)).scale.log
    hidden = make_panel([np.append(10 + np.sin(np.arange(100)), -1)], season=12).cut(1)
    assert resolve(asked("preset=fast"), hidden).scale.log


def test_a_recipe_sees_nothing_but_the_shape(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(0)
    one, other = (make_panel([level + generator.random(90)] * 2, season=7) for level in (1.0, 1e6))
    assert resolve(asked(), one) == resolve(asked(), other)
    shape = Shape.of(one, 10)
    assert (shape.horizon, shape.season, shape.length, shape.series, shape.windows) == (10, 7, 90, 2, 180)


def test_a_model_without_a_network_is_left_as_it_is(make_panel: MakePanel) -> None:
    config = asked(model__kind="naive")
    assert resolve(config, yearly(make_panel)) is config
    assert config == Config(data=DataConfig(horizon=12), model=config.model)


@pytest.mark.skipif(not pretrained.is_available(), reason="the package has no pretrained network here")
@pytest.mark.shipped
@pytest.mark.parametrize("preset", ["fast", "default"])
def test_short_series_get_a_fixed_mixture_and_long_or_many_ones_a_choice(make_panel: MakePanel, preset: str) -> None:
    length = 100
    config = asked(f"preset={preset}")
    short = resolve(config, make_panel([10 + np.sin(np.arange(length))], season=12))
    assert [member.model.kind for member in members_of(short)] == ["gru", "pretrained"]
    assert (short.ensemble.choose, short.name) == (None, "gru")
    long = resolve(config, make_panel([10 + np.sin(np.arange(6 * length))], season=12))
    assert long.ensemble.choose is not None
    assert long.name == "gru"
    several = resolve(config, make_panel([10 + np.sin(np.arange(length))] * 6, season=12))
    assert several.ensemble.choose is not None
