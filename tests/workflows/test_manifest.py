"""What a bundle says of its data."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecaster.panel import Panel
from forecaster.workflows.manifest import fingerprint
from tests.conftest import MakePanel


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    panel = make_panel([[1, 2, 3], [4, 5]])
    columns: dict[str, Any] = {"columns": ("y", "k"), "roles": ("target", "known"), "static_columns": ("s",)}
    return replace(panel, values=np.ones((5, 2), np.float32), static=np.ones((2, 1), np.float32), **columns)


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.full((5, 2), 2, np.float32)},
        {"stop": np.array([4, 5])},
        {"static": np.zeros((2, 1), np.float32)},
        {"roles": ("target", "past")},
        {"columns": ("y", "l")},
        {"static_columns": ("t",)},
        {"minimum": 0.0},
        {"maximum": 9.0},
        {"is_integer": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_fingerprint_covers_whatever_a_panel_says(panel: Panel, change: dict[str, Any]) -> None:
    assert fingerprint(replace(panel, **change)) != fingerprint(panel)
    assert fingerprint(replace(panel, stop=panel.stop.copy())) == fingerprint(panel)
