"""What local normalisation promises of a trained network."""

import numpy as np
import pytest

from forecaster.config import Config, DataConfig, validate
from forecaster.events import ignore
from forecaster.forecast import Forecast
from forecaster.models.build import build, resolve
from forecaster.panel import Panel
from tests.conftest import MakePanel

HORIZON = 6


def config(**training: object) -> Config:
    tree = {
        "model": {"kind": "gru", "hidden": 16, "context": 12, "dropout": 0},
        "training": {"steps": 250, "batch": 64, "learning_rate": 0.01, **training},
    }
    return validate(tree, "test").model_copy(update={"data": DataConfig(horizon=HORIZON)})


def trained(panel: Panel) -> Forecast:
    forecaster = build(resolve(config(), panel))
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    return forecaster.predict(panel, HORIZON)


def test_a_linear_trend_continues(make_panel: MakePanel) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, 150)
    forecast = trained(make_panel([50 + 2 * np.arange(150) + noise]))
    expected = 50 + 2 * np.arange(150, 150 + HORIZON)
    assert np.abs(forecast.mean[0] - expected).max() < 1.5  # flattening would miss the last step by 12


def test_series_of_any_size_are_forecast_equally_well(make_panel: MakePanel) -> None:
    wave = np.sin(np.arange(100 + HORIZON) * 2 * np.pi / 6)
    sizes = (1e6, 1.0, 1e-3)
    forecast = trained(make_panel([size * (3 + wave[:100]) for size in sizes], season=6))
    for row, size in enumerate(sizes):
        error = np.abs(forecast.mean[row] / size - (3 + wave[100:]))
        assert error.max() < 0.25
    np.testing.assert_allclose(forecast.mean[0] / 1e6, forecast.mean[2] / 1e-3, rtol=1e-3)


def test_intervals_cover_about_what_they_say(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(0)
    series = [generator.normal(10, 1, 80).astype(np.float32) for _ in range(60)]
    panel = make_panel(series)
    seen = panel.cut(HORIZON)
    forecaster = build(resolve(config(steps=300), seen))
    forecaster.fit(seen, None, watch=ignore, checkpoint=None)
    forecast = forecaster.predict(seen, HORIZON)
    actual = seen.actual(HORIZON, panel.end)
    inside = (forecast.at(0.1) <= actual) & (actual <= forecast.at(0.9))
    assert 0.7 < inside.mean() < 0.9


def test_an_earlier_fit_sets_the_length_of_the_refit(make_panel: MakePanel) -> None:
    panel = make_panel([np.sin(np.arange(80))])
    forecaster = build(resolve(config(steps=30, validate_every=10), panel))
    forecaster.fit(panel.cut(HORIZON), np.array([12]), watch=ignore, checkpoint=None)
    steps = [event for event in forecaster.history if event.validation_loss is not None]
    best = min(steps, key=lambda step: step.validation_loss or 0).step
    seen: list[object] = []
    forecaster.fit(panel, None, watch=seen.append, checkpoint=None)
    assert seen[-1].steps == best  # type: ignore[attr-defined]
    assert len(forecaster.history) == 30


@pytest.mark.parametrize(
    ("season", "horizon", "length", "context", "width"),
    [(24, 48, 700, 336, 24), (7, 14, 3650, 42, 1), (12, 12, 144, 48, 1), (1, 6, 20, 14, 1), (1, 6, 7, 1, 1)],
)
def test_context_and_segments_follow_from_the_data(
    make_panel: MakePanel, season: int, horizon: int, length: int, context: int, width: int
) -> None:
    base = Config(data=DataConfig(horizon=horizon))
    resolved = resolve(base, make_panel([np.arange(length)], season=season))
    assert (resolved.model.context, resolved.embed.width) == (context, width)  # type: ignore[union-attr]


def test_a_gap_longer_than_the_context_is_not_read_as_zero(make_panel: MakePanel) -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(1000, 1, 120)
    values[50:70] = np.nan  # within the fit
    values[95:119] = np.nan  # up to the cutoff, once the last step is cut
    panel = make_panel([values]).cut(1)
    forecaster = build(resolve(config(steps=30), panel))
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    assert np.abs(forecaster.predict(panel, HORIZON).quantiles - 1000).max() < 20
    assert max(step.train_loss for step in forecaster.history) < 2


def test_a_panel_of_constants_learns_nothing_and_forecasts_them(make_panel: MakePanel) -> None:
    panel = make_panel([[5.0] * 20, [7.0] * 20])
    forecast = trained(panel)
    np.testing.assert_array_equal(forecast.mean, [[5] * HORIZON, [7] * HORIZON])
