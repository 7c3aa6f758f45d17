"""Numbers at the edges of float32: every series is forecast in its own units, and visible digits stay exact."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from forecaster.batches.narrow import narrow
from forecaster.config import Config, DataConfig
from forecaster.data.load import load
from forecaster.panel import Panel
from forecaster.settings import load as load_config
from tests.cli.conftest import QUICK, Forecast

STEPS = 60
STEP = np.arange(STEPS)
WAVE = np.sin(STEP * 2 * np.pi / 7) + 0.1 * np.cos(STEP**2)
EXTREME: dict[str, npt.NDArray[np.float64]] = {
    "alternating at the largest float32": 3e38 * (-1.0) ** STEP,
    "1e-30 beside 1e30": np.where(STEP % 2, 1e-30, 1e30),
    "denormals beside 1e38": np.where(STEP % 2, 1e-42, 1e38),
    "the smallest denormals": 1e-45 * (3 + WAVE),
    "denormals": 1e-39 * (10 + WAVE),
    "below the smallest float32": 1e-300 * (2 + WAVE),
    "constant at the largest float32": np.full(STEPS, 3e38),
    "an exponential": np.exp(STEP * 1.4),
    "1e30": 1e30 * (2 + WAVE),
    "one at the end": np.where(STEP == STEPS - 1, 3e38, WAVE),
}
EXACT = {
    "a constant of nine digits": np.full(STEPS, 123456789.0),
    "a constant of ten digits": np.full(STEPS, 1455.219971),
    "whole numbers on a high level": 123456789 + np.round(10 * WAVE),
    "small changes on a high level": np.round(1234567.891 + WAVE / 100, 3),
    "large whole numbers": np.round(3e7 * (2 + WAVE)) + 1,
}
ORDINARY = {
    "decimals": 10 + WAVE,
    "a constant": np.full(STEPS, 5.3),
    "zeros": np.zeros(STEPS),
    "prices": np.round(1455.219971 + 30 * WAVE, 6),
    "round whole numbers": 16 * np.round(1e6 * (2 + WAVE)),
    "large numbers of seven digits": 1000 * np.round(5e6 + 4e6 * WAVE),
    "counts": np.round(20 + 10 * WAVE),
}


def write(path: Path, **series: npt.NDArray[np.float64]) -> Path:
    days = pd.date_range("2024-01-01", periods=STEPS).strftime("%Y-%m-%d")
    rows = [f"{day},{name},{y!r}" for name, each in series.items() for day, y in zip(days, each.tolist(), strict=True)]
    path.write_text("ds,unique_id,y\n" + "\n".join(rows) + "\n")
    return path


def read_panel(tmp_path: Path, values: npt.NDArray[np.float64]) -> Panel:
    return load(str(write(tmp_path / "t.csv", a=values)), DataConfig()).panel


@pytest.mark.parametrize("values", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_numbers_stay_float32(tmp_path: Path, values: npt.NDArray[np.float64]) -> None:
    panel = read_panel(tmp_path, values)
    assert panel.values.dtype == np.float32
    assert narrow(panel, Config()).panel is panel


@pytest.mark.parametrize("values", [*EXTREME.values(), *EXACT.values()], ids=[*EXTREME, *EXACT])
def test_numbers_that_float32_would_change_are_read_exactly(tmp_path: Path, values: npt.NDArray[np.float64]) -> None:
    np.testing.assert_array_equal(read_panel(tmp_path, values).values[:, 0], values)


@pytest.mark.parametrize("kind", ["mean", "none", "mean_abs"])
@pytest.mark.parametrize("values", [*EXTREME.values(), *EXACT.values()], ids=[*EXTREME, *EXACT])
def test_networks_read_numbers_that_float32_can_square(
    tmp_path: Path, values: npt.NDArray[np.float64], kind: str
) -> None:
    config = load_config(settings=(f"scale.kind={kind}",), environment={})
    narrowed = narrow(read_panel(tmp_path, values), config)
    seen = narrowed.panel.values[:, 0]
    assert seen.dtype == np.float32
    assert np.abs(seen).max() < 2.0**51
    restored = narrowed.restore(seen[None])[0]
    np.testing.assert_allclose(restored, values, rtol=2e-7, atol=2e-7 * np.abs(values).max())


def test_an_offset_depends_on_visible_steps_only(tmp_path: Path) -> None:
    panel = read_panel(tmp_path, EXACT["whole numbers on a high level"])
    later = read_panel(tmp_path, np.where(STEP < 50, EXACT["whole numbers on a high level"], 3e38))
    first, second = (narrow(each.cut(10), Config()) for each in (panel, later))
    assert first.offset is not None
    assert second.offset is not None
    assert first.offset == second.offset
    np.testing.assert_array_equal(first.panel.values[:50], second.panel.values[:50])


@pytest.mark.parametrize("model", ["naive", "drift"])
@pytest.mark.parametrize("values", EXTREME.values(), ids=EXTREME)
def test_models_without_networks_forecast_extremes(
    forecast: Forecast, tmp_path: Path, values: npt.NDArray[np.float64], model: str
) -> None:
    check_forecast(forecast, tmp_path, values, "--model", model)


@pytest.mark.slow
@pytest.mark.parametrize("values", EXTREME.values(), ids=EXTREME)
def test_statistical_models_forecast_extremes(
    forecast: Forecast, tmp_path: Path, values: npt.NDArray[np.float64]
) -> None:
    pytest.importorskip("statsforecast")
    check_forecast(forecast, tmp_path, values, "--model", "auto_ets")


@pytest.mark.parametrize("name", ["alternating at the largest float32", "the smallest denormals", "an exponential"])
def test_networks_forecast_extremes(forecast: Forecast, tmp_path: Path, name: str) -> None:
    check_forecast(forecast, tmp_path, EXTREME[name], *QUICK)


def check_forecast(forecast: Forecast, tmp_path: Path, values: npt.NDArray[np.float64], *flags: str) -> None:
    write(tmp_path / "t.csv", a=values, ordinary=10 + WAVE)
    for arguments in (["train", "t.csv", "--out", "b", *flags], ["predict", "t.csv", "--bundle", "b"]):
        done = forecast(*arguments)
        assert done.code == 0, done.err
    table = pd.read_csv(tmp_path / "forecasts.csv").set_index("unique_id")
    assert np.isfinite(table.select_dtypes("number")).all(axis=None)
    assert table.loc["ordinary", "median"].between(0, 20).all()
    assert table.loc["a", "median"].abs().max() <= 1e4 * np.abs(values).max()


@pytest.mark.parametrize("flags", [["--model", "naive"], QUICK, [*QUICK, "--set", "scale.kind=standard"]], ids=str)
def test_a_constant_is_forecast_to_the_digit(forecast: Forecast, tmp_path: Path, flags: list[str]) -> None:
    write(tmp_path / "t.csv", a=np.full(STEPS, 123456789.0), b=10 + WAVE)
    assert forecast("train", "t.csv", "--out", "b", *flags).code == 0
    assert forecast("predict", "t.csv", "--bundle", "b").code == 0
    table = pd.read_csv(tmp_path / "forecasts.csv").set_index("unique_id")
    assert set(table.loc["a", "mean"]) == {123456789}
    holdout = pd.read_csv(tmp_path / "b" / "holdout.csv").set_index("unique_id")
    assert set(holdout.loc["a", "y"]) == {123456789}


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["sorted", "by time"])
def test_rows_in_any_order_are_read_alike(tmp_path: Path, order: slice) -> None:
    path = write(tmp_path / "t.csv", a=10 + WAVE, b=EXACT["whole numbers on a high level"])
    lines = path.read_text().splitlines()
    if order.step:
        lines[1:] = sorted(lines[1:])
    path.write_text("\n".join(lines) + "\n")
    panel = load(str(path), DataConfig()).panel
    np.testing.assert_array_equal(list(panel)[1], EXACT["whole numbers on a high level"])
