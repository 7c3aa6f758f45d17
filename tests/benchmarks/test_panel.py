"""What the benchmark of a panel hands to the command, and what it writes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import panel
from forecaster.models.naive import SeasonalNaive

HORIZON = 3


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    rows = [(name, step, 10.0 * size + step) for size, name in enumerate("ab", 1) for step in range(20 + HORIZON)]
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "y"])
    for name, part in (("train", frame[frame.ds < 20]), ("test", frame[frame.ds >= 20])):
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    return ["--train", str(tmp_path / "train.csv"), "--test", str(tmp_path / "test.csv"), "--season", "4"]


@pytest.fixture
def flags(monkeypatch: pytest.MonkeyPatch, files: list[str]) -> list[list[str]]:
    """Put the seasonal naive forecast in the command's place; give the flags of its calls."""
    calls: list[list[str]] = []

    def run(data: Path, flags: list[str]) -> tuple[pd.DataFrame, float]:
        calls.append(flags)
        history, _ = panel.read(data, Path(files[3]), 4)
        return SeasonalNaive().predict(history, HORIZON).to_frame(), 1.0

    monkeypatch.setattr(panel, "run", run)
    return calls


def test_the_preset_and_the_model_become_flags_of_the_command(files: list[str], flags: list[list[str]]) -> None:
    panel.main([*files, "--seeds", "7", "--preset", "best", "--model", "gru", "--set", "training.steps=3"])
    expected = "--horizon 3 --season 4 --set training.steps=3 --model gru --preset best --seed 7"
    assert flags == [expected.split()]


def test_flags_that_were_not_given_are_left_to_the_command(files: list[str], flags: list[list[str]]) -> None:
    panel.main([*files, "--seeds", "7"])
    assert flags == [["--horizon", "3", "--season", "4", "--seed", "7"]]


@pytest.mark.parametrize(("seeds", "written"), [("1,2", [1, 2]), ("4", 4)])
def test_the_file_holds_a_row_a_seed_and_their_mean(
    files: list[str], flags: list[list[str]], tmp_path: Path, seeds: str, written: object
) -> None:
    out = tmp_path / "out.json"
    panel.main([*files, "--seeds", seeds, "--naive2", "10,2", "--json", str(out)])
    document = json.loads(out.read_text())
    assert list(document) == ["rows", "mean", "seed", "settings", "machine"]
    assert [row["seed"] for row in document["rows"]] == list(np.atleast_1d(written))
    assert document["seed"] == written
    mean = document["mean"]
    assert list(mean) == ["smape", "mase", "owa", "wql", "coverage80", "seconds"]
    assert mean["mase"] == 1  # a season later a line of slope 1 is 4 higher, in the past as in the future
    assert mean["owa"] == pytest.approx((mean["smape"] / 10 + 1 / 2) / 2, abs=1e-4)
