"""The pretrained weights of the package: a later change of code must not move their forecasts unseen.

`python -m tests.models.test_shipped_weights` writes the golden forecasts anew, after new weights were exported.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from forecaster.config import PretrainedConfig
from forecaster.forecast import PROBABILITIES
from forecaster.frequency import DAY, HOUR, Frequency
from forecaster.models import pretrained_network
from forecaster.models.pretrained import PretrainedForecaster
from forecaster.panel import Floats, Panel
from forecaster.store import pretrained

GOLDEN = Path(__file__).parents[1] / "golden" / "pretrained"
_LARGEST_PACKAGE_BYTES = 6_000_000
_HORIZON = 70  # more than one block of the network
_MEDIAN = PROBABILITIES.index(0.5)

pytestmark = [pytest.mark.shipped, pytest.mark.skipif(not pretrained.is_available(), reason="no weights are shipped")]


def panels() -> list[Panel]:
    """Return a series each that is hourly, daily with gaps, monthly and growing, yearly and short, and constant."""
    generator = np.random.default_rng(7)
    hours, days, months = np.arange(1200), np.arange(300), np.arange(90)
    hourly = 100 + 20 * np.sin(hours * np.pi / 12) + 8 * (hours // 24 % 7 < 5) + generator.normal(0, 2, 1200)
    daily = 5 + 2 * np.sin(days * 2 * np.pi / 7) + generator.normal(0, 0.5, 300)
    daily[generator.random(300) < 0.1] = np.nan
    monthly = np.exp(0.01 * months) * (50 + 10 * np.sin(months * np.pi / 6)) + generator.normal(0, 1, 90)
    yearly = 1e6 * np.cumsum(generator.normal(1, 0.4, 14))
    return [
        _panel(hourly, Frequency("fixed", HOUR), 24),
        _panel(daily, Frequency("fixed", DAY), 7),
        _panel(monthly, Frequency("months", 1), 12),
        _panel(yearly, Frequency("months", 12), 1),
        _panel(np.full(20, 7.5), Frequency("fixed", DAY), 7),
    ]


def _panel(values: np.ndarray, frequency: Frequency, season: int) -> Panel:
    count = len(values)
    start = np.array([np.datetime64("2020-01-01", "us").astype(np.int64)])
    ids = np.array(["a"], object)
    values = values.astype(np.float32)[:, None]
    return Panel(values, np.array([0]), np.array([count]), start, ids, frequency, season)


def forecasts() -> Floats:
    """Return the quantiles [5, H, Q] of the panels."""
    forecaster = PretrainedForecaster(PretrainedConfig())
    return np.concatenate([forecaster.predict(panel, _HORIZON).quantiles for panel in panels()])


def golden() -> Floats:
    values: Floats = np.load(GOLDEN / f"{pretrained.find().name}.npy", allow_pickle=False)
    return values


def _assert_equals_golden() -> None:
    expected = golden()
    width = np.maximum(expected[..., -1:] - expected[..., :1], 1e-3 * np.abs(expected[..., -1:]))
    assert_allclose(forecasts() / width, expected / width, atol=2e-3, rtol=0)


def test_forecasts_by_the_graph_are_the_golden_ones() -> None:
    pytest.importorskip("onnxruntime")
    _assert_equals_golden()


@pytest.mark.parametrize("count", [1, 3, 70])
def test_the_graph_s_bits_do_not_depend_on_its_threads(count: int) -> None:
    pytest.importorskip("onnxruntime")
    weights, generator = pretrained.find(), np.random.default_rng(1)
    windows = 10 + np.cumsum(generator.normal(0, 1, (count, weights.context)), axis=1)
    seasons = np.full(count, 12)
    one, two, five = (
        pretrained_network.PretrainedNetwork(weights, threads=1, graph_threads=threads).forecast(
            windows, seasons, seasons
        )
        for threads in (None, 2, 5)
    )
    assert one.tobytes() == two.tobytes() == five.tobytes()


def test_forecasts_by_torch_are_the_golden_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained_network, "find_spec", lambda name: None)
    _assert_equals_golden()


def test_forecasts_follow_the_season() -> None:
    hourly = golden()[0, :, _MEDIAN]
    assert np.abs(hourly[:24] - 100 - 20 * np.sin(np.arange(24) * np.pi / 12)).max() < 15


def test_the_package_is_small_and_its_card_is_complete() -> None:
    weights = pretrained.find()
    files = {path.name: path.read_bytes() for path in weights.folder.iterdir()}
    assert sum(map(len, files.values())) < _LARGEST_PACKAGE_BYTES
    card = json.loads(files[pretrained.CARD])
    assert {name: hashlib.sha256(files[name]).hexdigest() for name in card["sha256"]} == card["sha256"]
    assert set(files) == {*card["sha256"], pretrained.CARD}
    assert {"parameters", "training", "scores", "limits", "licence"} <= set(card)
    assert {"mixture", "seed", "hours"} <= set(card["training"])


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    np.save(GOLDEN / f"{pretrained.find().name}.npy", forecasts())
