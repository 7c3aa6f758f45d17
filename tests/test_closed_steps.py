"""Steps at which a known column says that the target is 0."""

from dataclasses import replace

import numpy as np
import pytest

from forecaster.closed_steps import describe_closed_steps, find_closed_steps
from forecaster.models.naive import Naive
from forecaster.panel import Panel
from tests.conftest import MakePanel

SUNDAYS = np.arange(77) % 7 == 6


def with_flag(panel: Panel, flag: np.ndarray, *, horizon: int) -> Panel:
    """Return a panel of one series with a known column that reaches beyond the target."""
    values = np.full((len(flag), 2), np.nan, np.float32)
    values[: len(panel.values), 0], values[:, 1] = panel.values[:, 0], flag
    assert len(flag) == len(panel.values) + horizon
    stop = np.array([len(flag)])
    return replace(panel, values=values, columns=("y", "open"), roles=("target", "known"), stop=stop)


def series(make_panel: MakePanel, *, level: float = 20.0) -> Panel:
    target = level + np.random.default_rng(0).integers(0, 5, 70)
    return with_flag(make_panel([np.where(SUNDAYS[:70], 0, target).tolist()]), ~SUNDAYS, horizon=7)


def test_a_flag_that_always_came_with_zeros_closes_future_steps(make_panel: MakePanel) -> None:
    panel = series(make_panel)
    closed = find_closed_steps(panel, 7)
    assert closed is not None
    assert closed.tolist() == [SUNDAYS[70:].tolist()]
    forecast = Naive().predict(panel, 7)
    assert (forecast.quantiles[closed] == 0).all()
    assert (forecast.mean[closed] == 0).all()
    assert (forecast.quantiles[~closed] != 0).any(axis=-1).all()


def test_a_note_says_so(make_panel: MakePanel) -> None:
    panel = series(make_panel)
    assert describe_closed_steps(panel) == ["where open is 0, y has always been 0, and so is its forecast"]
    panel.values[6, 0] = 3.0
    assert describe_closed_steps(panel) == []


def test_one_exception_opens_them(make_panel: MakePanel) -> None:
    panel = series(make_panel)
    panel.values[6, 0] = 3.0
    assert find_closed_steps(panel, 7) is None


def test_zeros_that_chance_explains_close_nothing(make_panel: MakePanel) -> None:
    rare = np.zeros(107)
    rare[[3, 40, 80, 101, 105]] = 1  # three times in the past
    demand = np.where(np.random.default_rng(1).random(100) < 0.6, 0.0, 4.0)
    demand[[3, 40, 80]] = 0
    assert find_closed_steps(with_flag(make_panel([demand.tolist()]), rare, horizon=7), 7) is None


@pytest.mark.parametrize("change", [{"minimum": 5.0}, {"maximum": -1.0}, {"roles": ("target", "past")}])
def test_limits_and_other_roles_close_nothing(make_panel: MakePanel, change: dict[str, object]) -> None:
    assert find_closed_steps(replace(series(make_panel), **change), 7) is None  # type: ignore[arg-type]


def test_a_measurement_is_no_flag(make_panel: MakePanel) -> None:
    panel = series(make_panel)
    panel.values[:, 1] = np.where(SUNDAYS, -1.0, np.arange(77))
    assert find_closed_steps(panel, 7) is None


def test_only_the_visible_past_counts(make_panel: MakePanel) -> None:
    panel = series(make_panel)
    later = panel.cut(14)
    later.values[-20:-7, 0] = 9.0  # hidden
    closed = find_closed_steps(later, 14)
    assert closed is not None
    assert closed[0].tolist() == SUNDAYS[56:70].tolist()
