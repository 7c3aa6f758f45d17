"""What is left to short trainings."""

import numpy as np
import pytest

from forecaster.config import Config
from forecaster.config.tree import Tree, validate
from forecaster.events import Note, ignore
from forecaster.frequency import Ints
from forecaster.panel import Panel
from forecaster.selection import scale as module
from forecaster.selection.scale import choose_scales
from tests.conftest import MakePanel

LOSSES = {"last": 0.5, "mean": 0.2, "standard": 0.4, "mean_abs": 0.3, "instance": 0.6}


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    return make_panel([np.arange(30.0)])


@pytest.fixture(autouse=True)
def tried(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """Trainings that are not done: their losses by the kind of scale, others in a context of 9."""
    seen: list[Config] = []

    def try_out(config: Config, panel: Panel, validation: Ints) -> float:
        seen.append(config)
        loss = LOSSES[config.scale.kind]
        return 1 - loss if config.model.context == 9 else loss  # type: ignore[union-attr]

    monkeypatch.setattr(module, "_train_briefly", try_out)
    return seen


def config_of(scale: str, *variants: Tree) -> Config:
    return validate({"scale": {"kind": scale}, "ensemble": {"variants": list(variants)}}, "test")


def test_the_best_kind_on_the_tail_is_chosen_and_told(panel: Panel) -> None:
    notes: list[object] = []
    assert choose_scales(config_of("auto"), panel, np.array([5]), watch=notes.append).scale.kind == "mean"
    (note,) = notes
    assert isinstance(note, Note)
    assert note.text.startswith("scale mean has the lowest loss on the validation tail (mean 0.2000, mean_abs 0.3000")


def test_each_variant_that_leaves_it_open_chooses_for_itself(panel: Panel, tried: list[Config]) -> None:
    open_one = {"model": {"context": 9}, "scale": {"kind": "auto"}}
    config = choose_scales(config_of("last", open_one, {"model": {"context": 9}}), panel, np.array([5]), watch=ignore)
    assert config.scale.kind == "last"
    assert config.ensemble.variants == (
        {"model": {"context": 9}, "scale": {"kind": "instance"}},
        {"model": {"context": 9}},
    )
    assert len(tried) == len(LOSSES)


def test_what_is_set_is_left_as_it_is(panel: Panel, tried: list[Config]) -> None:
    config = config_of("standard", {"scale": {"kind": "last"}})
    assert choose_scales(config, panel, np.array([5]), watch=ignore) is config
    assert not tried


def test_a_baseline_has_no_scale_to_choose(panel: Panel, tried: list[Config]) -> None:
    config = validate({"model": {"kind": "naive"}, "scale": {"kind": "auto"}}, "test")
    assert choose_scales(config, panel, np.array([5]), watch=ignore) is config
    assert not tried


def test_without_a_tail_it_is_the_last_value(panel: Panel) -> None:
    config = choose_scales(config_of("auto", {"scale": {"kind": "auto"}}), panel, np.array([0]), watch=ignore)
    assert config.scale.kind == config.ensemble.variants[0]["scale"]["kind"] == "last"
