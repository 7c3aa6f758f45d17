"""The comparison of fine-tuning with its alternatives, on a tiny panel."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import fine_tune
from benchmarks.panel import read
from forecaster.models.build import build
from forecaster.models.fine_tuned import FineTunedForecaster
from forecaster.store import pretrained
from tests.conftest import MakePanel

pytestmark = [
    pytest.mark.skipif(not find_spec("onnx"), reason="the small network is written by onnx"),
    pytest.mark.usefixtures("small_network"),
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Two series of 90 months, and the six months after them."""
    months = pd.date_range("2015-01-01", periods=96, freq="MS").strftime("%Y-%m-%d")
    noise = np.random.default_rng(0).normal(0, 1, (2, 96))
    wave = 50 + 10 * np.sin(np.arange(96) * 2 * np.pi / 12)
    whole = pd.concat(
        [
            pd.DataFrame({"unique_id": f"s{n}", "ds": months, "y": wave + noise[n]}).assign(step=range(96))
            for n in (0, 1)
        ]
    )
    paths = tmp_path / "train.csv", tmp_path / "test.csv"
    for path, part in zip(paths, (whole[whole["step"] < 90], whole[whole["step"] >= 90]), strict=True):
        part.drop(columns="step").to_csv(path, index=False)
    return paths


def test_training_from_scratch_starts_from_random_weights(make_panel: MakePanel) -> None:
    panel = make_panel([np.sin(np.arange(90.0))], season=6)
    config = fine_tune.scratch_config(panel, 4, seconds=1.0, seed=3)
    starts = []
    for kind in (fine_tune.FromScratch, FineTunedForecaster):
        forecaster = kind(config)
        forecaster.fit(panel, np.zeros(1, np.int64), watch=lambda event: None, checkpoint=None)
        starts.append(forecaster.state())
    shipped = pretrained.find().read_arrays()
    name = next(name for name, value in shipped.items() if value.std() > 0)
    assert (starts[1][f"network.{name}"] == shipped[name]).all()
    assert (starts[0][f"network.{name}"] != shipped[name]).any()
    assert build(config).name == "fine_tuned"


def test_the_median_is_taken_quantile_by_quantile() -> None:
    columns = {f"q0.{n}": [float(n), 0.0] for n in range(1, 10)}
    tables = [
        pd.DataFrame({"unique_id": ["b", "a"], "step": [1, 1], "median": [shift, 1.0], **columns})
        for shift in (1.0, 5.0, 2.0)
    ]
    result = fine_tune.median(tables)
    assert result["unique_id"].tolist() == ["a", "b"]
    assert result["median"].tolist() == [1.0, 2.0]


@pytest.mark.slow
def test_all_five_forecasts_are_scored(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, _ = read(*files, 12)

    def forecast(data: Path, flags: list[str]) -> tuple[pd.DataFrame, float]:
        return fine_tune.train_from_scratch(panel, 6, 0.5, seed=1), 1.0  # the command would not know the small network

    monkeypatch.setattr(fine_tune, "run", forecast)
    options = [
        "--train",
        files[0],
        "--test",
        files[1],
        "--season",
        12,
        "--seconds",
        "0.5",
        "--json",
        tmp_path / "r.json",
    ]
    fine_tune.main([str(option) for option in options])
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert [row["model"] for row in rows] == ["zero_shot", "fine_tuned", "scratch", "fast", "median"]
    assert all({"smape", "mase", "wql", "coverage80", "seconds"} <= row.keys() for row in rows)
