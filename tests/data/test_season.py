"""The season that values show."""

from dataclasses import replace

import numpy as np
import pytest

from forecaster.data.grid.season import assess_season, autocorrelate, find_season, find_season_conflict
from forecaster.frequency import Frequency
from tests.conftest import MakePanel

INTEGER = Frequency("integer")


def waves(season: int, *, length: int, count: int, noise: float = 0.3) -> list[list[float]]:
    rng = np.random.default_rng(0)
    shape = rng.normal(size=season)
    steps = np.arange(length)
    return [(shape[steps % season] + 0.1 * steps + noise * rng.normal(size=length)).tolist() for _ in range(count)]


@pytest.mark.parametrize(
    ("season", "length", "count"), [(4, 40, 20), (7, 200, 1), (12, 72, 30), (24, 400, 3), (48, 1000, 1)]
)
def test_a_season_is_found(season: int, length: int, count: int, make_panel: MakePanel) -> None:
    panel = make_panel(waves(season, length=length, count=count), frequency=INTEGER)
    assert find_season(panel) == season


@pytest.mark.parametrize(("length", "count"), [(3, 1), (30, 1), (30, 100), (1000, 1)])
def test_walks_and_short_series_have_no_season(length: int, count: int, make_panel: MakePanel) -> None:
    walks = np.random.default_rng(1).normal(size=(count, length)).cumsum(axis=1)
    assert find_season(make_panel(walks.tolist(), frequency=INTEGER)) == 1


def test_constant_series_and_gaps_do_no_harm(make_panel: MakePanel) -> None:
    series = [[5.0] * 100, *waves(7, length=100, count=3)]
    series[1][10:20] = [np.nan] * 10
    assert find_season(make_panel(series, frequency=INTEGER)) == 7
    assert find_season(make_panel([[5.0] * 100], frequency=INTEGER)) == 1


def test_the_fourier_transform_gives_the_plain_sums(make_panel: MakePanel) -> None:
    values = np.random.default_rng(2).normal(size=60).cumsum()
    curve, _ = autocorrelate(make_panel([values.tolist()]))
    change = np.diff(values.astype(np.float32).astype(float))
    change = np.clip((change - change.mean()) / change.std(), -3, 3)
    plain = [(change[lag:] * change[: len(change) - lag]).sum() / (change**2).sum() for lag in range(len(curve))]
    share = 1 - np.arange(len(curve)) / len(change)
    np.testing.assert_allclose(curve, plain / share, atol=1e-6)


def test_only_strong_evidence_conflicts_with_the_default_season(make_panel: MakePanel) -> None:
    panel = make_panel(waves(10, length=300, count=2), season=7)
    assert "every 10 steps rather than 7" in str(find_season_conflict(panel))
    assert find_season_conflict(replace(panel, season=10)) is None
    assert find_season_conflict(replace(panel, season=5)) is None
    assert find_season_conflict(make_panel(waves(10, length=300, count=2, noise=3), season=7)) is None


@pytest.mark.parametrize(("noise", "strength"), [(0.1, "strong"), (1.4, "clear"), (20, "weak")])
def test_the_strength_of_a_season_decreases_with_noise(noise: float, strength: str, make_panel: MakePanel) -> None:
    panel = make_panel(waves(7, length=700, count=1, noise=noise), season=7)
    assert assess_season(panel).strength == strength


def test_a_short_series_and_one_without_a_season_have_no_evidence(make_panel: MakePanel) -> None:
    for values, season in (([1.0, 2, 1, 2], 7), ([float(step % 3) for step in range(99)], 1)):
        evidence = assess_season(make_panel([values], season=season))
        assert (evidence.correlation, evidence.strength) == (None, "unknown")
