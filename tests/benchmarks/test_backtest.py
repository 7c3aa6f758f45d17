"""The benchmark of backtests compares the same forecasts."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import backtest as benchmark
from benchmarks import ltsf
from forecaster.evaluation.backtest import Plan, backtest, find_participants

SMALL = ["model.hidden=4", "model.context=12", "embed.width=4"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    wave = np.sin(2 * np.pi * np.arange(200) / 24)
    frame = pd.DataFrame({"date": pd.date_range("2020-01-01", periods=200, freq="h"), "a": wave, "b": 5 * wave})
    frame.to_csv(tmp_path / "load.csv", index=False)
    return tmp_path / "load.csv"


@pytest.mark.parametrize("preset", ["fast", "default"])
def test_the_bare_pass_forecasts_what_the_engine_does(data: Path, preset: str) -> None:
    arguments = argparse.Namespace(preset=preset, model="gru", horizon=8, settings=[*SMALL, "ensemble.workers=1"])
    panel, _ = ltsf.read(data)
    plan = Plan(8, folds=7, stride=1, refit=0)
    forecaster = benchmark.fit_network(arguments, panel, plan)
    rows = plan.visible_rows(panel, *np.nonzero(find_participants(panel, plan)))
    with torch.inference_mode():
        means = [
            torch.cat([network(batch).mean for batch in batches])
            for network, batches in benchmark.prepare_batches(forecaster, rows, 8)
        ]
    found = backtest(lambda _: forecaster, panel, plan).forecast.median
    np.testing.assert_allclose(np.median(means, axis=0), found, rtol=1e-4, atol=1e-5)


def test_the_figures_say_what_was_measured(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    settings = [part for setting in SMALL for part in ("--set", setting)]
    benchmark.main(["speed", "--data", str(data), "--folds", "7", "--horizon", "8", *settings, "--json", str(out)])
    figures = json.loads(out.read_text())["speed"]
    assert (figures["rows"], figures["contexts"]) == (14, [12])
    assert figures["ratio"] > 0
