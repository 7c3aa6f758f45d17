"""The protocol of long-term forecasting, on made-up files and against a plain loop over rows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from benchmarks import ltsf
from benchmarks.ltsf import Rows
from forecaster.config import ScaleKind
from forecaster.errors import ConfigError, DataError
from forecaster.frequency import DAY, HOUR, MINUTE
from forecaster.models.naive import SeasonalNaive
from forecaster.settings import load

COUNT, SEASON = 300, 6


def write(path: Path, *, count: int = COUNT, freq: str = "h", columns: int = 2) -> pd.DataFrame:
    """Save `columns` noisy waves of very different size, with a column of text."""
    time = np.arange(count)[:, None]
    wave = np.sin(2 * np.pi * time / SEASON) + np.random.default_rng(0).normal(0, 0.3, (count, columns))
    frame = pd.DataFrame(50 + wave * 10.0 ** np.arange(columns), columns=[f"c{number}" for number in range(columns)])
    frame.insert(0, "date", pd.date_range("2020-01-01", periods=count, freq=freq).astype(str))
    frame["place"] = "here"
    frame.to_csv(path, index=False)
    return frame


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path / "load.csv")
    return tmp_path / "load.csv"


@pytest.mark.parametrize("name", ["ETTh1.csv", "etth2.csv", "ett.csv"])
def test_hourly_files_of_the_ett_have_months_of_rows(name: str) -> None:
    assert ltsf.divide(name, 17_420, HOUR) == Rows(8640, 2880, 2880)


def test_quarter_hourly_files_of_the_ett_have_four_times_as_many_rows() -> None:
    assert ltsf.divide("ETTm1.csv", 69_680, 15 * MINUTE) == Rows(34_560, 11_520, 11_520)


@pytest.mark.parametrize(("name", "step"), [("weather.csv", HOUR), ("ett_daily.csv", DAY)])
def test_other_files_are_parted_by_shares_that_leave_no_row_out(name: str, step: int) -> None:
    assert ltsf.divide(name, 20_009, step) == Rows(14_006, 2002, 4001)


def test_a_short_file_with_the_name_of_the_ett_is_refused() -> None:
    with pytest.raises(DataError, match=r"14399 rows.*14400"):
        ltsf.divide("etth1.csv", 14_399, HOUR)


def test_rows_beyond_the_protocol_are_not_read(tmp_path: Path) -> None:
    write(tmp_path / "etth9.csv", count=14_500, columns=1)
    panel, rows = ltsf.read(tmp_path / "etth9.csv")
    assert panel.lengths.tolist() == [rows.total] == [14_400]


def test_columns_are_standardised_by_their_training_rows_alone(data: Path) -> None:
    panel, rows = ltsf.read(data)
    assert rows == Rows(210, 30, 60)
    assert panel.ids.tolist() == ["c0", "c1"]
    assert panel.season == 24
    frame = pd.read_csv(data)
    for name, scaled in zip(panel.ids, panel, strict=True):
        column = frame[name].tolist()
        mean = sum(column[:210]) / 210
        variance = sum((value - mean) ** 2 for value in column[:210]) / 210
        np.testing.assert_allclose(scaled, [(value - mean) / variance**0.5 for value in column], atol=1e-5)


def test_a_column_that_is_constant_in_training_keeps_its_unit() -> None:
    np.testing.assert_array_equal(ltsf.standardise(np.array([[5.0], [5.0], [8.0]]), 2), [[0], [0], [3]])


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_windows_are_all_of_stride_one_whatever_the_batch(data: Path, size: int) -> None:
    panel, rows = ltsf.read(data)
    horizon = 50
    found = [
        (str(name), int(end - begin), actual.tolist())
        for windows, last in ltsf.split_windows(panel, rows.test, horizon, points=size * horizon)
        for name, begin, end, actual in zip(
            windows.ids, windows.begin, windows.end, windows.actual(horizon, last), strict=True
        )
    ]
    expected = [
        (name, first, column[first : first + horizon].tolist())
        for name, column in zip(panel.ids, panel, strict=True)
        for first in range(rows.train + rows.validation, rows.total - horizon + 1)
    ]
    assert len(expected) == 2 * (60 - horizon + 1)
    assert found == expected


def test_windows_share_the_memory_of_the_panel(data: Path) -> None:
    panel, rows = ltsf.read(data)
    windows, _ = next(ltsf.split_windows(panel, rows.test, 5))
    assert windows.values is panel.values


def test_a_horizon_longer_than_the_test_rows_is_refused(data: Path) -> None:
    panel, rows = ltsf.read(data)
    with pytest.raises(DataError, match="60 test rows have no window of 61 steps"):
        next(ltsf.split_windows(panel, rows.test, 61))


def test_figures_are_those_of_a_plain_loop(data: Path) -> None:
    panel, rows = ltsf.read(data, SEASON)
    horizon = 8
    squares, absolutes, inside = [], [], []
    for column in panel:
        for first in range(rows.total - rows.test, rows.total - horizon + 1):
            for step in range(horizon):
                position = first + step
                forecast = column[first - SEASON + step % SEASON]
                squares.append(float(column[position] - forecast) ** 2)
                absolutes.append(abs(float(column[position] - forecast)))
                history = column[:first].astype(float)
                deviation = np.mean((history[SEASON:] - history[:-SEASON]) ** 2) ** 0.5
                half = 1.281552 * deviation * (step // SEASON + 1) ** 0.5
                inside.append(abs(float(column[position] - forecast)) <= half)
    figures = ltsf.score(SeasonalNaive(), panel, rows.test, horizon)
    assert figures == {
        "mse": pytest.approx(np.mean(squares), abs=1e-4),
        "mae": pytest.approx(np.mean(absolutes), abs=1e-4),
        "coverage80": pytest.approx(np.mean(inside), abs=1e-3),
    }


def test_a_value_that_is_missing_counts_nowhere(data: Path) -> None:
    panel, rows = ltsf.read(data, SEASON)
    first = panel.select(np.array([0]))
    values = panel.values.copy()
    values[first.end[0] - 1] = np.nan
    whole = ltsf.score(SeasonalNaive(), first.cut(1), rows.test - 1, 1)
    holed = ltsf.score(SeasonalNaive(), replace(first, values=values), rows.test, 1)
    assert holed == whole


def test_a_fit_sees_no_test_row_and_stops_by_the_validation_rows(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    panel, rows = ltsf.read(data, SEASON)
    fits = []

    class Recording(SeasonalNaive):
        def fit(self, panel, validation, *, watch, checkpoint) -> None:  # type: ignore[no-untyped-def]
            fits.append((panel.lengths.tolist(), validation.tolist()))

    monkeypatch.setattr(ltsf, "build", lambda config: Recording())
    ltsf.evaluate(load(environment={}), panel, rows, 5)
    assert fits == [([240, 240], [30, 30])]


NETWORK = ["--preset", "fast", "--set", "model.hidden=4", "--set", "training.steps=2", "--context", "12"]


def test_one_seed_gives_a_row_a_horizon(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    ltsf.main(["--data", str(data), "--horizons", "4,9", *NETWORK, "--json", str(out)])
    document = json.loads(out.read_text())
    assert list(document) == ["rows", "mean", "seed", "settings", "machine"]
    assert [row["horizon"] for row in document["rows"]] == [4, 9]
    assert all(set(row) == {"horizon", "mse", "mae", "coverage80", "seconds"} for row in document["rows"])
    assert document["mean"]["mse"] == pytest.approx(np.mean([row["mse"] for row in document["rows"]]), abs=1e-4)
    assert document["seed"] == 1
    assert document["settings"]["resolved"]["9"]["model"]["context"] == 12
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["horizon", "4", "9", "mean"]


def test_several_seeds_name_their_rows_and_their_mean_closes_the_table(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    ltsf.main(["--data", str(data), "--horizons", "4", "--seeds", "3,5", *NETWORK, "--json", str(out)])
    document = json.loads(out.read_text())
    assert [row["seed"] for row in document["rows"]] == document["seed"] == [3, 5]
    assert document["rows"][0]["mse"] != document["rows"][1]["mse"]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["3", "3", "5", "5", "all", "all"]


def test_a_context_that_the_segments_would_lengthen_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fed_back = ["--set", "embed.width=5", "--set", "decode.kind=recursive"]
    with pytest.raises(SystemExit) as stop:
        ltsf.main(["--data", str(data), "--horizons", "4", *NETWORK, *fed_back])
    assert stop.value.code == ConfigError.code
    assert "would read 15 steps" in capsys.readouterr().err


def test_what_training_chooses_is_chosen_and_recorded(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    ltsf.main(["--data", str(data), "--horizons", "4", *NETWORK, "--set", "scale.kind=auto", "--json", str(out)])
    chosen = json.loads(out.read_text())["settings"]["resolved"]["4"]["scale"]["kind"]
    assert chosen in get_args(ScaleKind)


@pytest.mark.parametrize("context", [[], ["--context", "0"]])
def test_without_a_context_the_product_chooses(data: Path, tmp_path: Path, context: list[str]) -> None:
    out = tmp_path / "out.json"
    options = [
        "--preset",
        "fast",
        "--horizons",
        "4",
        "--set",
        "model.hidden=4",
        "--set",
        "training.steps=1",
        "--season",
        "6",
    ]
    ltsf.main(["--data", str(data), *options, *context, "--json", str(out)])
    resolved = json.loads(out.read_text())["settings"]["resolved"]["4"]["model"]["context"]
    assert resolved > SEASON
    assert resolved % SEASON == 0


def test_a_preset_reaches_the_config(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def record(*, overrides, settings):  # type: ignore[no-untyped-def]
        seen.update(overrides)
        return load(overrides={"data.horizon": 4, "model.kind": "naive"}, environment={})

    monkeypatch.setattr(ltsf, "load", record)
    ltsf.main(["--data", str(data), "--horizons", "4", "--preset", "best"])
    assert seen["preset"] == "best"


def test_a_file_without_dates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("when,y\n1,2\n")
    with pytest.raises(DataError, match="needs a column date"):
        ltsf.read(tmp_path / "a.csv")
