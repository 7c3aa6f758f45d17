"""The metrics beside those of `utilsforecast`, on panels drawn at random."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from utilsforecast import losses

from forecaster.evaluation import metrics
from forecaster.evaluation.metrics import LEVELS, Scale
from forecaster.evaluation.score import score
from forecaster.forecast import DECILES, Forecast
from forecaster.models.naive import SeasonalNaive
from forecaster.panel import Panel
from tests.conftest import MakePanel

SERIES, LENGTH, HORIZON, SEASON = 7, 40, 6, 4
seeds = pytest.mark.parametrize("seed", range(3))


def draw(make_panel: MakePanel, seed: int) -> tuple[Panel, np.ndarray, Forecast]:
    """A panel with its last steps hidden, what they were [N, H], and a forecast that is wrong."""
    generator = np.random.default_rng(seed)
    levels = generator.uniform(-50, 200, SERIES)[:, None]
    whole = make_panel(list(levels + generator.normal(0, 20, (SERIES, LENGTH))), season=SEASON)
    seen = whole.cut(HORIZON)
    return seen, seen.actual(HORIZON, whole.end).astype(np.float64), SeasonalNaive().predict(seen, HORIZON)


def table(actual: np.ndarray, forecast: Forecast) -> pd.DataFrame:
    """Both as `utilsforecast` reads them: y, the point forecast m, quantiles, bounds."""
    ids = np.repeat(forecast.ids, HORIZON)
    columns = {"unique_id": ids, "ds": np.tile(np.arange(LENGTH, LENGTH + HORIZON), SERIES), "y": actual.ravel()}
    columns |= {"m": forecast.mean.astype(np.float64).ravel()}
    columns |= {f"q{p}": forecast.at(p).ravel() for p in DECILES}
    for level, (lower, upper) in LEVELS.items():
        columns |= {f"m-lo-{level}": forecast.at(lower).ravel(), f"m-hi-{level}": forecast.at(upper).ravel()}
    return pd.DataFrame(columns)


def history(panel: Panel) -> pd.DataFrame:
    steps = np.tile(np.arange(LENGTH - HORIZON), SERIES)
    values = np.concatenate(list(panel)).astype(np.float64)
    return pd.DataFrame({"unique_id": np.repeat(panel.ids, LENGTH - HORIZON), "ds": steps, "y": values})


@seeds
def test_a_score_says_what_the_package_says(make_panel: MakePanel, seed: int) -> None:
    panel, actual, forecast = draw(make_panel, seed)
    found = score(forecast, actual, Scale.of(panel))
    frame = table(actual, forecast)
    mase = partial(losses.mase, seasonality=SEASON, train_df=history(panel))
    expected = {
        "mae": losses.mae(frame, ["m"])["m"].mean(),
        "rmse": np.sqrt(losses.mse(frame, ["m"])["m"].mean()),
        "smape": 200 * losses.smape(frame, ["m"])["m"].mean(),  # theirs lacks the factor 2 and the per cent
        "mase": mase(frame, ["m"])["m"].mean(),
        "nd": losses.nd(frame.assign(unique_id="all"), ["m"])["m"].item(),
        "wql": losses.scaled_crps(frame.assign(unique_id="all"), {"m": [f"q{p}" for p in DECILES]}, np.array(DECILES))[
            "m"
        ].item(),
        "rmsse": losses.rmsse(frame, ["m"], SEASON, history(panel))["m"].mean(),
        "wape": losses.nd(frame.assign(unique_id="all"), ["m"])["m"].item(),
        "bias": losses.bias(frame, ["m"])["m"].mean(),
    }
    expected |= {f"coverage{level}": losses.coverage(frame, ["m"], level)["m"].mean() for level in LEVELS}
    assert found.keys() == expected.keys() | {f"coverage{level}_error" for level in LEVELS}  # it knows no errors
    for name, value in expected.items():
        assert_allclose(found[name], value, rtol=1e-9, err_msg=name)


@seeds
def test_what_is_given_by_series_is_so_there_too(make_panel: MakePanel, seed: int) -> None:
    panel, actual, forecast = draw(make_panel, seed)
    frame = table(actual, forecast)
    assert_allclose(metrics.smape(actual, forecast.mean), 200 * losses.smape(frame, ["m"])["m"])
    scaled = metrics.mase(actual, forecast.mean, metrics.seasonal_error(panel, SEASON))
    assert_allclose(scaled, losses.mase(frame, ["m"], SEASON, history(panel))["m"])
    inside = metrics.coverage(actual, forecast.at(0.1), forecast.at(0.9))
    assert_allclose(inside, losses.coverage(frame, ["m"], 80)["m"])


@pytest.mark.parametrize("probability", DECILES)
def test_one_quantiles_loss_is_twice_the_pinball_loss_over_the_mean_size(
    make_panel: MakePanel, probability: float
) -> None:
    _, actual, forecast = draw(make_panel, 0)
    pinball = losses.quantile_loss(table(actual, forecast), {"m": f"q{probability}"}, probability)["m"].mean()
    found = metrics.wql(actual, forecast.at(probability)[:, :, None], [probability])
    assert_allclose(found, 2 * pinball / np.abs(actual).mean())


def test_the_definitions_by_hand(make_panel: MakePanel) -> None:
    """History 1 3 2 6, season 2; then 4, 8 where the last season says 2, 6, give or take s = root of ((1 + 9) / 2)."""
    panel = make_panel([[1, 3, 2, 6]], season=2)
    found = score(SeasonalNaive().predict(panel, 2), np.array([[4.0, 8.0]]), Scale.of(panel))
    assert_allclose(found["mae"], 2)
    assert_allclose(found["rmse"], 2)
    assert_allclose(found["smape"], (200 * 2 / 6 + 200 * 2 / 14) / 2)
    assert_allclose(found["mase"], 2 / ((1 + 3) / 2))
    assert_allclose(found["nd"], 4 / 12)
    normal = np.array([-1.2815516, -0.8416212, -0.5244005, -0.2533471, 0, 0.2533471, 0.5244005, 0.8416212, 1.2815516])
    gap = 2 - np.sqrt(5) * normal  # what each decile misses both values by
    pinball = np.maximum(np.array(DECILES) * gap, (np.array(DECILES) - 1) * gap)
    assert_allclose(found["wql"], np.mean(2 * 2 * pinball / 12), rtol=1e-6)
    assert (found["coverage50"], found["coverage80"]) == (0, 1)  # s times 0.674 is 1.51, times 1.282 is 2.87
