"""Members of an ensemble trained in processes of their own."""

from types import SimpleNamespace

import numpy as np
import pytest

from forecaster.config.tree import validate
from forecaster.errors import ConfigError
from forecaster.models.ensemble_training import fit_in_processes
from forecaster.models.neural import NeuralForecaster
from tests.conftest import MakePanel


@pytest.mark.slow
def test_an_error_in_a_process_reaches_the_user_with_its_hint(make_panel: MakePanel) -> None:
    tree = {"data": {"horizon": 2}, "model": {"context": 8, "hidden": 4}, "embed": {"width": 50}}
    members = {0: NeuralForecaster(validate(tree, "test"))}
    states = SimpleNamespace(parts=[{}], save=lambda number, state: None)
    with pytest.raises(ConfigError) as caught:
        fit_in_processes(members, make_panel([np.arange(40)]), None, 1, lambda number, event: None, states)
    assert caught.value.message == "embed.width: a segment of 50 steps is longer than the context of 8"
    assert "embed.width=8" in caught.value.hint
