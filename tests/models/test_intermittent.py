"""Models of intermittent demand."""

import numpy as np
import pytest

from forecaster.config import CrostonConfig, TsbConfig
from forecaster.events import ignore
from forecaster.forecast import PROBABILITIES
from forecaster.models.intermittent import Intermittent
from tests.conftest import MakePanel

pytest.importorskip("statsforecast")

SPARSE = np.where(np.arange(80) % 5 == 3, 10.0, 0.0)
BOTH = pytest.mark.parametrize("config", [CrostonConfig(), TsbConfig()], ids=["croston", "tsb"])


@BOTH
def test_the_mean_is_the_rate_and_the_median_that_of_a_sparse_demand(
    make_panel: MakePanel, config: CrostonConfig | TsbConfig
) -> None:
    forecast = Intermittent(config).predict(make_panel([SPARSE]), 3)
    np.testing.assert_allclose(forecast.mean, 2, rtol=0.2)  # 10 units every five steps
    assert (forecast.median == 0).all()
    assert (forecast.at(0.9) > 0).all()
    assert (np.diff(forecast.quantiles) >= 0).all()


@BOTH
def test_the_quantiles_are_those_of_a_mixture_with_the_rate_as_expectation(
    make_panel: MakePanel, config: CrostonConfig | TsbConfig
) -> None:
    sizes = np.random.default_rng(0).gamma(4, 2, 200)
    demand = np.where(np.random.default_rng(1).random(200) < 0.6, sizes, 0)
    forecast = Intermittent(config).predict(make_panel([demand]), 1)
    share = float((demand > 0).mean())
    for number, probability in enumerate(PROBABILITIES):
        assert (forecast.quantiles[0, 0, number] > 0) == (probability > 1 - share)
    past = np.sort(demand[demand > 0]) * forecast.mean[0, 0] / (share * demand[demand > 0].mean())
    expected = np.quantile(past, (0.8 - (1 - share)) / share)
    assert forecast.at(0.8)[0, 0] == pytest.approx(expected, rel=1e-5)


def test_the_rate_of_tsb_falls_while_there_is_no_demand(make_panel: MakePanel) -> None:
    ended = np.concatenate([SPARSE, np.zeros(60)])
    panel = make_panel([SPARSE, ended])
    tsb = Intermittent(TsbConfig()).predict(panel, 1).mean[:, 0]
    croston = Intermittent(CrostonConfig()).predict(panel, 1).mean[:, 0]
    assert tsb[1] < 0.1 * tsb[0]
    assert croston[1] == pytest.approx(croston[0], rel=0.2)


@BOTH
def test_series_without_demand_and_with_negative_values_are_forecast(
    make_panel: MakePanel, config: CrostonConfig | TsbConfig
) -> None:
    panel = make_panel([np.zeros(20), -SPARSE, np.where(np.arange(80) % 7, SPARSE, np.nan)], season=5)
    model = Intermittent(config)
    model.fit(panel, None, watch=ignore, checkpoint=None)
    forecast = model.predict(panel, 5)
    assert (forecast.quantiles[0] == 0).all()
    assert forecast.fallback.tolist() == [False, True, False]
    assert forecast.mean[1].min() == -10
    assert (forecast.mean[2] > 0).all()
