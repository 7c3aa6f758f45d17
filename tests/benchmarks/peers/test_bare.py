"""The bare loop, which stands for all peers: what it is asked for, and that it does honest work."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import tables
from benchmarks.peers import bare
from benchmarks.peers.task import Peer, Task, ahead, perform

PEER = Peer(bare.train, bare.predict, bare.save, bare.load)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    tables.write_large(tmp_path / "data.csv", series=3, steps=260)
    return tmp_path / "data.csv"


@pytest.mark.slow
def test_a_saved_model_forecasts_what_the_trained_one_did(data: Path, tmp_path: Path) -> None:
    usual = ["--data", str(data), "--horizon", "24", "--steps", "2", "--cell", "lstm"]
    perform(PEER, ["steps", *usual, "--out", str(tmp_path / "at-once.csv")])
    perform(PEER, ["save", *usual, "--model", str(tmp_path / "model")])
    perform(PEER, ["predict", *usual, "--model", str(tmp_path / "model"), "--out", str(tmp_path / "later.csv")])
    assert (tmp_path / "later.csv").read_bytes() == (tmp_path / "at-once.csv").read_bytes()
    frame = pd.read_csv(tmp_path / "later.csv")
    assert list(frame.columns) == ["unique_id", "ds", "y"]
    assert list(frame.groupby("unique_id").size()) == [24, 24, 24]


def test_the_bare_loop_learns(data: Path) -> None:
    frame = pd.read_csv(data, parse_dates=["ds"])
    actual = frame.groupby("unique_id").tail(24)
    known = frame.drop(actual.index)
    errors = []
    for steps in (1, 60):
        task = Task("gru", horizon=24, season=24, freq="h", steps=steps, context=48, batch=64, rate=0.01)
        found = bare.predict(bare.train(known, task), known, task)
        assert (found["ds"].to_numpy() == actual["ds"].to_numpy()).all()
        errors.append(np.abs(found["y"].to_numpy() - actual["y"].to_numpy()).mean())
    assert errors[1] < 0.6 * errors[0]


def test_the_rows_ahead_are_in_the_order_of_the_series() -> None:
    ends = pd.Series(pd.to_datetime(["2024-01-31", "2023-12-31"]), index=["b", "a"])
    found = ahead(ends, Task("gru", horizon=2, season=12, freq="ME", steps=1))
    assert list(found["unique_id"]) == ["b", "b", "a", "a"]
    assert [f"{day:%Y-%m-%d}" for day in found["ds"]] == ["2024-02-29", "2024-03-31", "2024-01-31", "2024-02-29"]
