"""The pretrained network as a forecaster. A toy network repeats the mean of the two seasons before the cutoff."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.config import PretrainedConfig
from forecaster.errors import InputError
from forecaster.events import Event, Note, ignore
from forecaster.forecast import PROBABILITIES
from forecaster.frequency import DAY, HOUR, MINUTE, WEEK, Frequency
from forecaster.models import pretrained_network, pretrained_torch
from forecaster.models.naive import Naive
from forecaster.models.pretrained import PretrainedForecaster, find_seasons
from forecaster.panel import Panel
from forecaster.store import pretrained
from tests.conftest import MakePanel

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tests.toy_weights import HORIZON, ToyNetwork, hash_of, spread, write_network, write_weights

NAN = np.nan

pytestmark = pytest.mark.usefixtures("toy_weights")


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    generator = np.random.default_rng(0)
    wave = 10 + np.sin(np.arange(60) * 2 * np.pi / 6)
    series = [
        wave + generator.normal(0, 0.1, 60),
        np.where(np.arange(40) % 7 == 3, NAN, wave[:40]),
        1e6 + 1e3 * wave[:30],
        [5.0, 6.0, 5.5],
        [3.0] * 20,
        np.tile(wave, 30),  # longer than the context
    ]
    return make_panel(series, season=6)


def forecaster() -> PretrainedForecaster:
    return PretrainedForecaster(PretrainedConfig())


def test_the_last_season_goes_on(panel: Panel) -> None:
    forecast = forecaster().predict(panel, 12)
    assert_allclose(forecast.mean[0], np.tile(panel.values[54:60, 0], 2), rtol=1e-6)
    assert_allclose(forecast.mean[5], np.tile(panel.values[-6:, 0], 2), rtol=1e-6)
    assert forecast.model == "pretrained"
    assert not forecast.fallback.any()


def test_the_mean_with_the_mirror_image_has_no_bias_and_keeps_the_widths(make_panel: MakePanel) -> None:
    values = np.random.default_rng(1).normal(size=200)
    forecast = forecaster().predict(make_panel([values]), 3)
    size = values.astype(np.float32)[-32:].astype(float)
    unit = max(size.std(), np.abs(np.diff(size)).mean())
    assert_allclose(forecast.quantiles[0], values[-1] + spread()[:3] * unit, rtol=1e-5)


def test_a_gap_at_the_end_is_a_missing_value(make_panel: MakePanel) -> None:
    cut = make_panel([[1.0, 2.0, 3.0, NAN, 9.0]]).cut(1)
    assert_allclose(forecaster().predict(cut, 2).mean, [[2.0, 2.0]])  # the location: the network reads 0


def test_large_levels_keep_their_digits(make_panel: MakePanel) -> None:
    wave = np.tile([1e7, 1e7 + 1, 1e7 + 3, 1e7 + 7], 20)
    assert_array_equal(forecaster().predict(make_panel([wave], season=4), 4).mean[0], wave[:4].astype(np.float32))


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_values_are_forecast_as_naive(make_panel: MakePanel, count: int) -> None:
    short = make_panel([[4.0, NAN, 7.0][-2 * count + 1 :], np.arange(30.0)])
    forecast, naive = (each.predict(short, 5) for each in (forecaster(), Naive()))
    assert_array_equal(forecast.quantiles[0], naive.quantiles[0])
    assert (forecast.quantiles[1] != naive.quantiles[1]).any()


def test_a_context_without_values_repeats_the_last_value(make_panel: MakePanel) -> None:
    values = np.r_[np.arange(50.0), np.full(1100, NAN), 1.0]
    hidden = make_panel([values]).cut(1)
    assert_array_equal(forecaster().predict(hidden, 2).mean, [[49.0, 49.0]])


@pytest.mark.parametrize("horizon", [64, 65, 200, 900])
def test_any_horizon_is_finite_and_sorted_and_the_beginning_of_a_longer_one(panel: Panel, horizon: int) -> None:
    short, long = (forecaster().predict(panel, steps) for steps in (horizon, horizon + 70))
    assert short.quantiles.shape == (6, horizon, len(PROBABILITIES))
    assert np.isfinite(short.quantiles).all()
    assert (np.diff(short.quantiles, axis=2) >= 0).all()
    assert_array_equal(short.quantiles, long.quantiles[:, :horizon])
    assert_array_equal(short.quantiles[4], np.full((horizon, len(PROBABILITIES)), 3, np.float32))


def test_intervals_of_later_blocks_grow_as_those_of_a_random_walk(make_panel: MakePanel) -> None:
    values = np.random.default_rng(2).normal(size=300)
    forecast = forecaster().predict(make_panel([values]), 14 * HORIZON)
    ends = (forecast.at(0.9) - forecast.at(0.1))[0, HORIZON - 1 :: HORIZON]
    growth = ends / ends[0] / np.sqrt(np.arange(1, 15))  # the toy's first block grows with the root of the steps
    assert (growth >= 1).all()
    assert (growth < 1.15).all()
    assert_allclose(forecast.mean[0], np.full(14 * HORIZON, values[-1]), atol=0.2)


def test_the_order_of_series_does_not_matter(panel: Panel) -> None:
    order = np.array([3, 1, 4, 5, 0, 2])
    plain, mixed = forecaster().predict(panel, 100), forecaster().predict(panel.select(order), 100)
    assert_allclose(mixed.quantiles, plain.quantiles[order], rtol=1e-5)


def test_many_series_are_forecast_in_batches(make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    standardise = pretrained_network.standardise

    def record(values: np.ndarray, season: np.ndarray) -> object:
        rows.append(len(values))
        return standardise(values, season)

    monkeypatch.setattr(pretrained_network, "standardise", record)
    many = make_panel(np.random.default_rng(4).normal(size=(600, 20)))
    whole = forecaster().predict(many, 2)
    assert sum(rows) == 600
    assert 2 * max(rows) <= 512
    for number in (0, 299, 599):
        alone = forecaster().predict(many.select(np.array([number])), 2)
        assert_allclose(alone.quantiles[0], whole.quantiles[number], rtol=1e-5)


def test_bounds_and_whole_numbers_are_kept(panel: Panel) -> None:
    forecast = forecaster().predict(replace(panel, minimum=0.0, maximum=11.0, is_integer=True), 70)
    assert forecast.quantiles.min() >= 0
    assert forecast.quantiles.max() <= 11
    assert_array_equal(forecast.quantiles, np.rint(forecast.quantiles))


@pytest.mark.parametrize(
    ("every", "season", "seasons"),
    [
        (HOUR, 24, (24, 168)),
        (30 * MINUTE, 48, (48, 336)),
        (15 * MINUTE, 96, (96, 672)),
        (10 * MINUTE, 144, (144, 1008)),
        (5 * MINUTE, 288, (288, 288)),  # a week does not fit into the window
        (HOUR, 168, (168, 168)),
        (DAY, 7, (7, 7)),
        (DAY, 1, (1, 1)),
        (WEEK, 52, (52, 52)),
        (MINUTE, 1440, (1, 1)),
    ],
)
def test_the_seasons_follow_the_calendar(
    make_panel: MakePanel, every: int, season: int, seasons: tuple[int, int]
) -> None:
    panel = make_panel([[1.0, 2.0]], season=season, frequency=Frequency("fixed", every))
    assert find_seasons(panel, 1024) == seasons


def test_months_have_one_season(make_panel: MakePanel) -> None:
    panel = make_panel([[1.0, 2.0]], season=12, frequency=Frequency("months", 1))
    assert find_seasons(panel, 1024) == (12, 12)


def test_the_second_season_is_read(make_panel: MakePanel) -> None:
    hours = np.arange(400)
    values = np.sin(hours * 2 * np.pi / 24) + (hours % 168 < 48)
    forecast = forecaster().predict(make_panel([values], season=24, frequency=Frequency("fixed", HOUR)), 24)
    assert_allclose(forecast.mean[0], (values[-24:] + values[-168:-144]) / 2, atol=1e-5)


def test_the_state_names_the_weights(panel: Panel, toy_weights: Path) -> None:
    fitted = forecaster()
    fitted.fit(panel, None, watch=ignore, checkpoint=None)
    state = fitted.state()
    assert state["weights"].tobytes().decode() == hash_of(toy_weights)
    assert sum(value.nbytes for value in state.values()) < 200
    other = forecaster()
    other.restore(state)
    assert_array_equal(other.predict(panel, 9).quantiles, fitted.predict(panel, 9).quantiles)


def test_older_weights_stay_readable(
    panel: Panel, toy_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = forecaster().state()
    old = forecaster().predict(panel, 5)
    shutil.copytree(toy_weights.parent, tmp_path / "both")
    write_weights(tmp_path / "both", "2027-03", scale=3)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "both")
    restored, newest = forecaster(), forecaster()
    restored.restore(state)
    assert_array_equal(restored.predict(panel, 5).quantiles, old.quantiles)
    assert pretrained.find().name == "2027-03"
    width, old_width = ((each.at(0.9) - each.at(0.1))[0, 0] for each in (newest.predict(panel, 5), old))
    assert_allclose(width, 3 * old_width, rtol=1e-3)


def test_missing_weights_are_an_input_error_that_names_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = forecaster().state()
    write_weights(tmp_path / "other", "2027-03", scale=3)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "other")
    with pytest.raises(InputError, match=r"are not in this installation, which has: 2027-03") as caught:
        forecaster().restore(state)
    assert "pip install forecast-rnn==" in caught.value.hint


@pytest.mark.parametrize(
    "damage",
    [{"weights": b"../../etc"}, {"weights": b"\xff"}, {"version": b"1; rm -rf /"}, {"version": b"\x1b[2J"}],
)
def test_a_stranger_s_state_is_refused(damage: dict[str, bytes]) -> None:
    state = forecaster().state() | {name: np.frombuffer(text, np.uint8) for name, text in damage.items()}
    with pytest.raises(InputError, match="does not name its weights"):
        forecaster().restore(state)


def test_a_state_of_another_model_is_refused() -> None:
    with pytest.raises(InputError, match="does not name its weights"):
        forecaster().restore({})


@pytest.mark.parametrize("file", ["network.onnx", "card.json"])
def test_damaged_files_are_input_errors(
    panel: Panel, toy_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    shutil.copytree(toy_weights.parent, tmp_path / "damaged")
    path = tmp_path / "damaged" / toy_weights.name / file
    path.write_bytes(path.read_bytes()[:-10])
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "damaged")
    with pytest.raises(InputError, match=f"{file}: (altered|cannot be read)") as caught:
        forecaster().predict(panel, 2)
    assert "pip install" in caught.value.hint


def test_a_package_without_weights_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, panel: Panel
) -> None:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "nothing")
    assert not pretrained.is_available()
    with pytest.raises(InputError, match="contains no pretrained network"):
        forecaster().predict(panel, 2)


def test_torch_forecasts_the_same(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    by_graph = forecaster().predict(panel, 80)
    monkeypatch.setattr(pretrained_network, "find_spec", lambda name: None)
    monkeypatch.setattr(pretrained_torch, "Architecture", SimpleNamespace(from_dict=lambda values: values))
    monkeypatch.setattr(pretrained_torch, "ZeroShotNetwork", lambda architecture: ToyNetwork())
    by_torch = forecaster().predict(panel, 80)
    assert_allclose(by_torch.quantiles, by_graph.quantiles, rtol=1e-6)


@pytest.mark.graphs
def test_a_network_of_the_package_s_own_kind_forecasts_by_onnxruntime_as_by_torch(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_network(tmp_path / "real")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "real")
    by_graph = forecaster().predict(panel, 40)
    monkeypatch.setattr(pretrained_network, "find_spec", lambda name: None)
    by_torch = forecaster().predict(panel, 40)
    size = np.ptp(by_graph.quantiles, axis=(1, 2))[:, None, None] + 1
    assert (np.abs(by_torch.quantiles - by_graph.quantiles) < 1e-4 * size).all()
    assert np.ptp(by_graph.quantiles[0]) > 0.1
    assert (np.diff(by_graph.quantiles, axis=2) >= 0).all()


def test_the_recurrence_reads_the_fewest_steps_that_cover_the_values(
    make_panel: MakePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, int]] = []

    def run(history: np.ndarray, context: np.ndarray, season: np.ndarray, second: np.ndarray) -> np.ndarray:
        shapes.append(context.shape)
        assert_array_equal(context, history[:, -context.shape[1] :])
        return np.zeros((len(history), HORIZON, len(PROBABILITIES)), np.float32)

    monkeypatch.setattr(pretrained_network, "_open", lambda *arguments: run)
    lengths = [64, 65, 3, 900, 2000]
    values = np.random.default_rng(5).normal(size=2000)
    holed = np.where(np.arange(400) == 0, 1.0, NAN)
    holed[-3:] = [1, 2, 3]
    forecaster().predict(make_panel([*(values[:length] for length in lengths), holed]), 2)
    assert sorted(shapes) == [(4, 64), (8, 512)]  # each with its mirror image


def test_a_graph_of_other_sizes_is_an_input_error(
    panel: Panel, toy_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(toy_weights.parent, tmp_path / "changed")
    path = tmp_path / "changed" / toy_weights.name / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"horizon": 32}))
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "changed")
    with pytest.raises(InputError, match=r"returns \(64, 15\) values a window"):
        forecaster().predict(panel, 2)


def test_covariates_are_ignored_with_one_note(make_panel: MakePanel) -> None:
    plain = make_panel([np.arange(30.0) % 7])
    values = np.concatenate([plain.values, np.ones_like(plain.values)], axis=1)
    richer = replace(plain, values=values, columns=("y", "promo"), roles=("target", "known"))
    events: list[Event] = []
    fitted = forecaster()
    for _ in range(2):
        fitted.fit(richer, None, watch=events.append, checkpoint=None)
    assert [type(event) for event in events] == [Note]
    assert_array_equal(fitted.predict(richer, 5).quantiles, fitted.predict(plain, 5).quantiles)
