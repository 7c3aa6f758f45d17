import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from statsforecast import models

from forecaster.config import AutoArimaConfig, AutoEtsConfig, AutoThetaConfig, StatisticalConfig
from forecaster.errors import DependencyError, Interrupted
from forecaster.events import Event, Note, ignore
from forecaster.forecast import PROBABILITIES
from forecaster.models import statistical
from forecaster.models.naive import SeasonalNaive
from forecaster.models.statistical import Statistical
from forecaster.panel import Panel
from forecaster.parallel.processes import ProcessPool
from tests.conftest import MakePanel

NAN = np.nan
ALL = [AutoEtsConfig(), AutoThetaConfig(), AutoArimaConfig()]
kinds = pytest.mark.parametrize("config", ALL, ids=lambda config: config.kind)


def wave(length: int, *, level: float = 20.0, noise: float = 0.3) -> np.ndarray:
    steps = np.arange(length)
    return level + 5 * np.sin(steps * 2 * np.pi / 4) + np.random.default_rng(1).normal(0, noise, length)


@kinds
def test_a_season_goes_on(make_panel: MakePanel, config: StatisticalConfig) -> None:
    panel = make_panel([wave(48)], season=4)
    forecast = Statistical(config).predict(panel, 8)
    assert_allclose(forecast.mean[0], np.tile([20, 25, 20, 15], 2), atol=1)
    assert not forecast.fallback.any()
    assert forecast.model == config.kind


@pytest.mark.parametrize(("config", "model"), [(AutoEtsConfig(), "AutoETS"), (AutoArimaConfig(), "AutoARIMA")])
def test_the_quantiles_are_those_of_the_packages_intervals(
    make_panel: MakePanel, config: StatisticalConfig, model: str
) -> None:
    values = (50 + np.cumsum(np.random.default_rng(3).normal(0.1, 1, 60))).astype(np.float32)
    forecast = Statistical(config).predict(make_panel([values]), 5)
    found = getattr(models, model)().forecast(values.astype(np.float64), 5, level=[80, 95])
    assert_allclose(forecast.mean[0], found["mean"], rtol=1e-3)
    for level, probability in ((80, 0.9), (95, 0.975)):
        half = forecast.at(probability)[0] - forecast.mean[0]
        assert_allclose(half, found[f"hi-{level}"] - found["mean"], rtol=2e-2)
        assert_allclose(forecast.mean[0] - forecast.at(round(1 - probability, 3))[0], half, rtol=1e-3)


@pytest.mark.parametrize("level", [20.0, 0.0])
def test_theta_does_not_take_a_season_for_noise(make_panel: MakePanel, level: float) -> None:
    """Below zero the seasons are added, not multiplied; the intervals must be no wider for it."""
    forecast = Statistical(AutoThetaConfig()).predict(make_panel([wave(60, level=level)], season=4), 4)
    width = forecast.at(0.9) - forecast.at(0.1)
    assert (width < 6 * 0.3).all()  # of the noise; the season swings by 10


def test_a_gap_is_bridged_by_a_straight_line(make_panel: MakePanel) -> None:
    line = np.arange(30.0)
    holed = np.where((line > 9) & (line < 14), NAN, line)
    whole, bridged = (Statistical(AutoEtsConfig()).predict(make_panel([each]), 3) for each in (line, holed))
    assert_array_equal(bridged.quantiles, whole.quantiles)


def test_where_the_history_ends_in_a_gap_its_steps_are_forecast_too(make_panel: MakePanel) -> None:
    values = wave(40)
    late = make_panel([[*values, NAN, NAN, 1.0]], season=4).cut(1)
    forecast = Statistical(AutoEtsConfig()).predict(late, 3)
    longer = Statistical(AutoEtsConfig()).predict(make_panel([values], season=4), 5)
    assert_array_equal(forecast.quantiles, longer.quantiles[:, 2:])


def test_a_series_shorter_than_two_seasons_has_none(make_panel: MakePanel) -> None:
    values = wave(12)
    first, second = (
        Statistical(AutoThetaConfig()).predict(make_panel([values], season=season), 3).quantiles for season in (7, 1)
    )
    assert_array_equal(first, second)


def test_a_long_history_is_read_from_its_end_and_the_user_is_told_once(make_panel: MakePanel) -> None:
    values = wave(700)
    changed = values.copy()
    changed[:200] *= 9
    panel = make_panel([values], season=4)
    forecaster = Statistical(AutoThetaConfig())
    told: list[Event] = []
    for _ in range(2):
        forecaster.fit(panel, None, watch=told.append, checkpoint=None)
    assert told == [Note("auto_theta reads the last 500 steps of a series; --set model.history=N for more or fewer")]
    assert_array_equal(
        forecaster.predict(panel, 3).quantiles,
        forecaster.predict(make_panel([changed], season=4), 3).quantiles,
    )
    shorter = Statistical(AutoThetaConfig(history=100)).predict(panel, 3)
    assert_array_equal(shorter.quantiles, forecaster.predict(make_panel([values[-100:]], season=4), 3).quantiles)


def test_three_seasons_are_read_where_they_are_longer_than_500_steps(make_panel: MakePanel) -> None:
    told: list[Event] = []
    panel = make_panel([np.arange(1000)], season=300)
    Statistical(AutoThetaConfig()).fit(panel, None, watch=told.append, checkpoint=None)
    assert "last 900 steps" in str(told)


@kinds
def test_a_series_that_cannot_be_fitted_is_marked_and_forecast_by_its_last_season(
    make_panel: MakePanel, config: StatisticalConfig
) -> None:
    panel = make_panel([wave(30), [5, 6, 7, 5, 8]], season=4)
    forecast = Statistical(config).predict(panel, 5)
    assert forecast.fallback.tolist() == [False, True]
    assert_array_equal(forecast.quantiles[1], SeasonalNaive().predict(panel, 5).quantiles[1])
    assert forecast.to_frame()["status"].tolist() == ["ok"] * 5 + ["fallback"] * 5


def test_a_fit_that_is_not_finite_is_a_failure(make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.AutoARIMA, "predict", lambda self, h, level: dict.fromkeys(_names(), np.full(h, NAN)))
    assert Statistical(AutoArimaConfig()).predict(make_panel([wave(20)]), 2).fallback.all()


def test_a_signal_during_a_fit_stops_the_run(make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise Interrupted(2)

    monkeypatch.setattr(models.AutoTheta, "fit", stop)
    with pytest.raises(Interrupted):
        Statistical(AutoThetaConfig()).predict(make_panel([wave(20)]), 2)


@kinds
def test_what_the_target_cannot_be_is_not_forecast(make_panel: MakePanel, config: StatisticalConfig) -> None:
    panel = make_panel([np.abs(np.random.default_rng(0).normal(0, 2, 40))])
    forecast = Statistical(config).predict(replace(panel, minimum=0.0, is_integer=True), 4)
    assert forecast.quantiles.min() == 0
    assert_array_equal(forecast.quantiles, np.rint(forecast.quantiles))


def test_numpys_shared_generator_and_the_users_warnings_are_left_alone(make_panel: MakePanel) -> None:
    np.random.seed(5)
    expected = np.random.get_state()[1][:4].tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Statistical(AutoThetaConfig()).predict(make_panel([wave(40)], season=4), 3)
        assert warnings.filters[0][0] == "error"
    assert np.random.get_state()[1][:4].tolist() == expected


@kinds
def test_without_the_package_the_error_says_what_to_type(
    make_panel: MakePanel, config: StatisticalConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    forecaster = Statistical(config)
    panel: Panel = make_panel([wave(20)])
    for use in (
        lambda: forecaster.fit(panel, None, watch=ignore, checkpoint=None),
        lambda: forecaster.predict(panel, 2),
    ):
        with pytest.raises(DependencyError, match=config.kind) as caught:
            use()
        assert caught.value.hint == "type `pip install statsforecast`"


def _names() -> list[str]:
    return ["mean", *(f"{side}-{level}" for side in ("lo", "hi") for level in (50, 80, 95))]


def test_every_probability_is_forecast(make_panel: MakePanel) -> None:
    forecast = Statistical(AutoEtsConfig()).predict(make_panel([wave(40)]), 2)
    assert forecast.quantiles.shape == (1, 2, len(PROBABILITIES))
    assert_array_equal(forecast.at(0.5), forecast.mean)


@pytest.mark.slow
def test_many_series_are_fitted_side_by_side_to_the_same_bytes(
    make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = [24, 30, 3, 40, 28, 36, 25]
    panel = make_panel([(wave(length, level=10.0 + length)).tolist() for length in lengths], season=4)
    alone = Statistical(AutoThetaConfig()).predict(panel, 6)
    pools: list[int] = []

    def create(*, workers: int) -> ProcessPool:
        pools.append(workers)
        return ProcessPool(workers=workers, threads=None)

    monkeypatch.setattr(statistical, "_MIN_SERIES_PER_WORKER", 3)
    monkeypatch.setattr(statistical, "_SERIES_PER_TASK", 2)
    monkeypatch.setattr(statistical, "create_local_pool", create)
    monkeypatch.setattr("forecaster.runtime.count_cores", lambda: 8)
    beside = Statistical(AutoThetaConfig()).predict(panel, 6)
    assert pools == [2]
    assert beside.quantiles.tobytes() == alone.quantiles.tobytes()
    assert beside.fallback.tolist() == alone.fallback.tolist() == [length < 6 for length in lengths]
