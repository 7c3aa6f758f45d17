"""The metrics beside a script that scores forecasts by the competitions' definitions, named by `SCORE_SCRIPT`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecaster.evaluation.metrics import Scale
from forecaster.evaluation.score import score
from tests.conftest import MakePanel
from tests.evaluation.test_oracle import HORIZON, LENGTH, SEASON, SERIES, draw

SCRIPT = os.environ.get("SCORE_SCRIPT")


@pytest.mark.skipif(SCRIPT is None, reason="SCORE_SCRIPT names no script")
def test_a_score_says_what_the_script_says(make_panel: MakePanel, tmp_path: Path) -> None:
    panel, actual, forecast = draw(make_panel, 0)
    past = np.tile(np.arange(LENGTH - HORIZON), SERIES)
    train = {"unique_id": np.repeat(panel.ids, LENGTH - HORIZON), "ds": past, "y": np.concatenate(list(panel))}
    pd.DataFrame(train).to_csv(tmp_path / "train.csv", index=False)
    table = forecast.to_frame(actual=actual)
    table[["unique_id", "ds", "y"]].to_csv(tmp_path / "test.csv", index=False)
    table.to_csv(tmp_path / "forecasts.csv", index=False)
    files = [tmp_path / name for name in ("train.csv", "test.csv", "forecasts.csv")]
    command = [sys.executable, str(SCRIPT), *map(str, files), "--season", str(SEASON), "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    found = score(forecast, actual, Scale.of(panel))
    common = {name.lower(): value for name, value in told.items() if name.lower() in found}
    assert {"smape", "mase", "nd", "wql", "coverage80"} <= common.keys()
    for name, value in common.items():
        assert_allclose(value, found[name], rtol=1e-5, err_msg=name)
