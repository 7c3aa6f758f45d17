"""One table of models, which the command line, the config and the networks follow."""

import re
from typing import get_args

import pytest
from pydantic import TypeAdapter

from forecaster.config import RECIPES, Config
from forecaster.config.model import ModelConfig, NetworkModel
from forecaster.config.tree import validate
from forecaster.model_table import CELLS, MODEL_NAMES, MODELS
from forecaster.network.build import Dimensions, build


def test_every_model_of_the_config_is_a_row_and_every_row_a_model() -> None:
    schema = TypeAdapter(ModelConfig).json_schema()
    kinds = set(schema["discriminator"]["mapping"])
    assert kinds == {model.name for model in MODELS if model.kind != "recipe"}
    assert {model.name for model in MODELS if model.kind == "recipe"} == set(RECIPES)
    assert len(set(MODEL_NAMES)) == len(MODEL_NAMES)


def test_every_cell_has_a_config_class() -> None:
    kinds = {get_args(each.model_fields["kind"].annotation)[0] for each in NetworkModel.__subclasses__()}
    assert kinds == set(CELLS)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_is_built_and_explains_its_equations(cell: str) -> None:
    config: Config = validate({"model": {"kind": cell, "hidden": 3, "context": 4}, "embed": {"width": 1}}, "test")
    network = build(config, Dimensions(horizon=2, season=1), probabilities=(0.1, 0.5, 0.9))
    (layer,) = network.recur.layers
    (forward,) = layer.cells()
    assert (forward.kind, forward.hidden) == (cell, 3)
    assert re.fullmatch(r"\w+:\w+", CELLS[cell])
