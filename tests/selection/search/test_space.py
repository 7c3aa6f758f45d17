"""What a search may vary: never what the user decided, never what the network refuses."""

import itertools
import json
from typing import Any

import numpy as np
import pytest

from forecaster.config import Config
from forecaster.events import ignore
from forecaster.models.neural import NeuralForecaster
from forecaster.models.variants import members_of
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from forecaster.selection.search.space import (
    Choice,
    Dimension,
    Range,
    Value,
    apply_values,
    dump_space,
    extract_values,
    find_space,
    list_fixed_keys,
    load_space,
)
from forecaster.settings import load
from tests.conftest import MakePanel

EVERYTHING = {
    "model.kind",
    "model.context",
    "embed.width",
    "model.hidden",
    "model.layers",
    "model.dropout",
    "training.learning_rate",
    "scale.kind",
    "decode.kind",
}


@pytest.fixture
def monthly(make_panel: MakePanel) -> Panel:
    return make_panel([10 + np.sin(np.arange(144) * np.pi / 6), 3 + np.arange(60.0) % 12], season=12)


def space_of(panel: Panel, *settings: str, **flags: Any) -> tuple[Config, dict[str, Dimension]]:
    overrides = {key.replace("__", "."): value for key, value in flags.items()}
    asked = load(settings=("data.horizon=6", *settings), overrides=overrides, environment={})
    base = members_of(resolve(asked, panel))[0]
    return base, {each.key: each for each in find_space(base, panel, list_fixed_keys(asked))}


def ends(dimension: Dimension) -> tuple[Value, ...]:
    return dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)


def test_without_a_setting_everything_varies(monthly: Panel) -> None:
    assert set(space_of(monthly)[1]) == EVERYTHING


@pytest.mark.parametrize(
    ("settings", "fixed"),
    [
        (("model.kind=lstm",), {"model.kind"}),
        (("model.hidden=48", "scale.kind=seasonal"), {"model.hidden", "scale.kind"}),
        (("scale.kind=auto",), set()),
        (("model.layers=2", "model.dilation=[1, 2]"), {"model.layers"}),
        (("head.kind=negative_binomial",), {"scale.kind"}),
        (("decode.kind=recursive",), {"decode.kind", "embed.width"}),
    ],
)
def test_what_is_decided_does_not_vary(monthly: Panel, settings: tuple[str, ...], fixed: set[str]) -> None:
    assert set(space_of(monthly, *settings)[1]) == EVERYTHING - fixed


def test_a_flag_decides_as_a_setting_does(monthly: Panel) -> None:
    assert "model.kind" not in space_of(monthly, model__kind="lstm")[1]


@pytest.mark.parametrize("recipe", ["segrnn", "deepar"])
def test_a_published_recipe_keeps_what_it_is_made_of(monthly: Panel, recipe: str) -> None:
    _, space = space_of(monthly, model__kind=recipe)
    assert set(space) == EVERYTHING - {"model.kind", "scale.kind", "decode.kind", "embed.width"}


@pytest.mark.parametrize("preset", ["fast", "default", "best", "segrnn", "deepar"])
@pytest.mark.parametrize(("season", "length"), [(24, 700), (7, 400), (12, 144), (1, 20), (4, 15)])
def test_the_preset_lies_in_the_space(make_panel: MakePanel, preset: str, season: int, length: int) -> None:
    panel = make_panel([np.arange(length) + 1.0], season=season)
    base, space = space_of(panel, f"preset={preset}")
    assert apply_values(base, extract_values(base, space.values())) == base
    for key, value in extract_values(base, space.values()).items():
        dimension = space[key]
        if isinstance(dimension, Choice):
            assert value in dimension.values
            assert len(set(dimension.values)) == len(dimension.values) > 1
        else:
            assert dimension.low <= float(value) <= dimension.high


@pytest.mark.parametrize("settings", [(), ("decode.kind=recursive", "head.kind=student_t"), ("model.kind=segrnn",)])
def test_every_end_of_every_dimension_trains(make_panel: MakePanel, settings: tuple[str, ...]) -> None:
    panel = make_panel([10 + np.sin(np.arange(60) * np.pi / 3)], season=6)
    quick = ("training.steps=1", "training.batch=4", "model.hidden=4", "decode.paths=20")
    base, space = space_of(panel, *quick, *settings)
    longest = itertools.zip_longest(*(ends(each) for each in space.values()))
    for row in longest:
        values = {key: end for key, end in zip(space, row, strict=True) if end is not None}
        forecaster = NeuralForecaster(apply_values(base, values))
        forecaster.fit(panel, np.array([12]), watch=ignore, checkpoint=None)
        assert np.isfinite(forecaster.assess(panel, np.array([12])))


def test_a_segment_is_no_longer_than_the_context(monthly: Panel) -> None:
    base, _ = space_of(monthly)
    assert apply_values(base, {"model.context": 6, "embed.width": 24}).embed.width == 6


def test_the_longest_context_is_never_read_in_too_many_segments(make_panel: MakePanel) -> None:
    base, space = space_of(make_panel([np.sin(np.arange(3000))], season=48))
    longest = max(space["model.context"].values)  # type: ignore[union-attr, type-var]
    assert longest == 960
    assert set(ends(space["embed.width"])) == {24, 48, 96} | {base.embed.width}


def test_a_space_is_read_back_from_json(monthly: Panel) -> None:
    space = tuple(space_of(monthly)[1].values())
    assert any(isinstance(each, Range) for each in space)
    assert load_space(json.loads(json.dumps(dump_space(space)))) == space
