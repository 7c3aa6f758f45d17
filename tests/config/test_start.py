"""`training.start: pretrained`, which only the pretrained network can have."""

from pathlib import Path

import pytest

from forecaster.config.tree import validate, vary
from forecaster.errors import ConfigError
from forecaster.model_table import MODEL_NAMES
from forecaster.settings import dump, load

START = ("training.start=pretrained",)


def test_a_name_of_its_own_tells_it_from_the_untrained_one() -> None:
    config = load(overrides={"model.kind": "pretrained"}, settings=START, environment={})
    assert config.is_fine_tuned
    assert config.is_trained
    assert config.name == "fine_tuned"
    plain = load(overrides={"model.kind": "pretrained"}, environment={})
    assert (plain.is_fine_tuned, plain.is_trained, plain.name) == (False, False, "pretrained")


@pytest.mark.parametrize("kind", [None, *(name for name in MODEL_NAMES if name != "pretrained")])
def test_any_other_model_is_refused_with_the_right_command(kind: str | None) -> None:
    with pytest.raises(ConfigError, match=r"training.start pretrained needs model.kind pretrained, got \w+") as caught:
        load(overrides={"model.kind": kind}, settings=START, environment={})
    assert caught.value.hint == "type `forecast train DATA --model pretrained --set training.start=pretrained`"


def test_another_start_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"training.start: input should be 'pretrained'"):
        load(overrides={"model.kind": "pretrained"}, settings=("training.start=bundle",), environment={})


def test_a_variant_of_another_model_does_not_start_from_the_network_of_the_ensemble() -> None:
    tree = {"model": {"kind": "pretrained"}, "training": {"start": "pretrained", "seed": 3}}
    theta = validate(vary(tree, {"model": {"kind": "auto_theta"}}), "test")
    assert (theta.training.start, theta.training.seed) == (None, 3)
    assert validate(vary(tree, {"model": {"kind": "pretrained"}}), "test").is_fine_tuned
    assert not validate(vary(tree, {"training": {"start": None}}), "test").is_fine_tuned


def test_an_ensemble_is_named_by_its_members() -> None:
    variants = [
        {"model": {"kind": "pretrained"}},
        {"model": {"kind": "pretrained"}, "training": {"start": "pretrained"}},
        {},
    ]
    assert validate({"ensemble": {"variants": variants}}, "test").name == "pretrained+fine_tuned+gru"


def test_variants_of_a_fine_tuned_network_may_differ_in_training_only() -> None:
    tree = {"model": {"kind": "pretrained"}, "training": {"start": "pretrained"}}
    variants = [{"training": {"seed": 5}}, {"scale": {"kind": "mean"}}, {"model": {"context": 8}}, {}]
    config = validate({**tree, "ensemble": {"variants": variants}}, "test")
    assert config.variants == ({"training": {"seed": 5}}, {})


def test_a_flag_that_names_another_model_leaves_the_training_of_a_saved_config_out(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    saved = load(overrides={"model.kind": "pretrained"}, settings=(*START, "training.steps=77"), environment={})
    path.write_text(dump(saved))
    assert load(path, environment={}) == saved
    assert load(path, overrides={"model.kind": "pretrained"}, environment={}).training.steps == 77
    other = load(path, overrides={"model.kind": "lstm"}, environment={})
    assert (other.training.start, other.training.steps) == (None, 1000)
