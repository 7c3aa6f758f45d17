"""The simple forecasts between which the zero-shot network chooses."""

import numpy as np
import pytest
import torch
from torch import Tensor

from forecaster.network.candidates import COUNT, candidates

NAMES = (
    "season",
    "two_seasons",
    "mean_of_seasons",
    "second_season",
    "mean_of_second_seasons",
    "last",
    "location",
    "fast_mean",
    "slow_mean",
    "drift",
    "recent_trend",
    "damped_trend",
    "season_with_growth",
    "profile",
    "shifted_season",
    "shifted_second_season",
    "profile_with_trend",
    "theta",
)
HORIZON = 6


def forecasts(values: list[float], season: int, second: int | None = None) -> dict[str, tuple[Tensor, Tensor]]:
    window = torch.tensor([values], dtype=torch.float32)
    seasons = torch.tensor([season]), torch.tensor([second or season])
    columns, exists = candidates(window.nan_to_num(0.0), (~window.isnan()).float(), *seasons, HORIZON)
    return {name: (columns[0, :, number], exists[0, :, number]) for number, name in enumerate(NAMES)}


def test_every_candidate_has_a_column() -> None:
    assert len(NAMES) == COUNT


def test_seasons_are_copied_and_averaged() -> None:
    result = forecasts([1.0, 2, 3, 4, 5, 6, 9, 8, 7], season=3)
    assert result["season"][0].tolist() == [9, 8, 7, 9, 8, 7]
    assert result["two_seasons"][0].tolist() == [4, 5, 6, 4, 5, 6]
    torch.testing.assert_close(result["mean_of_seasons"][0][:3], torch.tensor([14 / 3, 5.0, 16 / 3]))


def test_the_second_season_is_copied_too() -> None:
    assert forecasts([1.0, 2, 3, 4, 5, 6], season=2, second=6)["second_season"][0].tolist() == [1, 2, 3, 4, 5, 6]


def test_a_season_before_the_window_does_not_exist() -> None:
    result = forecasts([1.0, 2, 3, 4], season=3)
    assert result["season"][1].all()
    assert result["two_seasons"][1].tolist() == [False, False, True, False, False, True]


def test_a_missing_value_is_not_copied() -> None:
    assert forecasts([1.0, np.nan, 3], season=3)["season"][1].tolist() == [True, False, True] * 2


def test_a_line_is_continued_by_all_trends() -> None:
    result = forecasts(list(np.arange(12.0)), season=1)
    line = torch.arange(12.0, 18)
    for name in ("drift", "recent_trend"):
        torch.testing.assert_close(result[name][0], line)
    damped = result["damped_trend"][0]
    assert (damped < line).all()
    assert damped[0] == pytest.approx(11.9)


def test_a_line_with_a_season_is_continued_by_the_growing_season() -> None:
    values = np.arange(24.0) + 5 * (np.arange(24) % 4 == 0)
    ahead = np.arange(24, 30) + 5 * (np.arange(24, 30) % 4 == 0)
    result = forecasts(values.tolist(), season=4)
    torch.testing.assert_close(result["season_with_growth"][0], torch.tensor(ahead, dtype=torch.float32))


def test_a_shift_of_the_level_moves_the_shifted_season() -> None:
    values = np.tile([0.0, 1, 2, 3, 4, 5], 3)
    values[-3:] += 10
    shifted = forecasts(values.tolist(), season=6)["shifted_season"][0]
    assert shifted[:3].tolist() == [10, 11, 12]


def test_a_shift_of_the_level_moves_the_shifted_second_season() -> None:
    values = np.tile([0.0, 1, 5, 6, 7, 8], 3)
    values[-2:] += 10
    result = forecasts(values.tolist(), season=2, second=6)
    assert result["shifted_second_season"][0].tolist() == [10, 11, 15, 16, 27, 28]
    assert not forecasts(values.tolist(), season=6)["shifted_second_season"][1].any()


def test_the_profile_continues_the_damped_trend() -> None:
    values = np.arange(24.0) + 5 * (np.arange(24) % 4 == 0)
    result = forecasts(values.tolist(), season=4)
    rise = result["profile_with_trend"][0] - result["profile"][0]
    torch.testing.assert_close(rise[:3], torch.tensor([0.9, 1.71, 2.439]))


def test_theta_adds_half_the_slope_of_a_line_to_the_weighted_mean() -> None:
    result = forecasts(list(np.arange(200.0)), season=4)
    slope = result["theta"][0].diff()
    torch.testing.assert_close(slope, torch.full_like(slope, 0.5))
    assert float(result["theta"][0][0] - result["slow_mean"][0][0]) == pytest.approx((1 + 17 / 3) / 2, abs=1e-3)
    assert not forecasts([1.0, 2.0], season=1)["theta"][1].any()


def test_weighted_means_follow_the_newest_values() -> None:
    result = forecasts([0.0] * 30 + [1.0], season=1)
    assert result["fast_mean"][0][0] == pytest.approx(0.5)
    assert 0.1 < float(result["slow_mean"][0][0]) < 0.2


def test_only_the_location_exists_for_an_empty_window() -> None:
    result = forecasts([np.nan] * 8, season=4)
    assert [name for name, (_, exists) in result.items() if exists.any()] == ["location"]
    assert all(torch.isfinite(column).all() for column, _ in result.values())
