"""The spread of exponential smoothing against textbook formulas; Hyndman et al. 2008, table 6.1."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from statsforecast.models import AutoETS

from forecaster.models.ets_spread import spread_of

NAN = np.nan
STEPS = np.arange(1, 9)


def fit(
    components: str, par: list[float], state: list[float], *, season: int = 1, sigma2: float = 4.0
) -> dict[str, Any]:
    """A model as `statsforecast` describes it: error, trend, season, damping; alpha, beta, gamma, phi."""
    states = np.array([state])
    return {"components": components, "par": np.array(par), "states": states, "sigma2": sigma2, "m": season}


def test_a_level_is_as_uncertain_as_the_errors_it_takes_up() -> None:
    spread = spread_of(fit("ANNN", [0.5, NAN, NAN, NAN], [10]), 8)
    assert_allclose(spread**2, 4 * (1 + 0.25 * (STEPS - 1)))


def test_a_trend_adds_its_own_errors_at_every_step() -> None:
    spread = spread_of(fit("AANN", [0.5, 0.2, NAN, NAN], [10, 1]), 8)
    weights = 0.5 + 0.2 * STEPS
    assert_allclose(spread**2, 4 * (1 + np.concatenate([[0], np.cumsum(weights**2)[:-1]])))


def test_a_damped_trend_adds_less() -> None:
    spread = spread_of(fit("AAND", [0.5, 0.2, NAN, 0.9], [10, 1]), 8)
    weights = 0.5 + 0.2 * np.cumsum(0.9**STEPS)
    assert_allclose(spread**2, 4 * (1 + np.concatenate([[0], np.cumsum(weights**2)[:-1]])))


def test_a_season_adds_its_errors_once_a_season() -> None:
    spread = spread_of(fit("ANAN", [0.5, NAN, 0.3, NAN], [10, 1, -1, 2, -2], season=4), 8)
    seasons = (STEPS - 1) // 4
    assert_allclose(spread**2, 4 * (1 + 0.25 * (STEPS - 1) + 0.3 * seasons * (2 * 0.5 + 0.3)))


def test_errors_in_proportion_follow_the_season() -> None:
    spread = spread_of(fit("MNMN", [0, NAN, 0, NAN], [100, 0.5, 1.5], season=2, sigma2=0.01), 4)
    assert_allclose(spread, [15, 5, 15, 5])  # a tenth of what is expected; the oldest term is the next


@pytest.mark.parametrize("model", ["ANN", "AAN", "MNN", "MAN"])
def test_without_seasons_it_agrees_with_the_package(model: str) -> None:
    values = 50 + np.cumsum(np.random.default_rng(0).normal(0.2, 1, 80))
    fitted = AutoETS(model=model, damped=False).fit(values)
    found = fitted.predict(8, level=[95])
    assert_allclose(spread_of(fitted.model_, 8), (found["hi-95"] - found["lo-95"]) / 2 / 1.959964, rtol=2e-3)
