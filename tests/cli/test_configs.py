"""The examples in configs/ load, and run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from forecaster.config import Config
from forecaster.settings import explain
from tests.cli.conftest import QUICK, SAMPLES, Forecast

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
JOBS = ("nightly", "prices")


@pytest.mark.parametrize("path", [path for path in CONFIGS if path.stem not in JOBS], ids=lambda path: path.stem)
def test_an_example_runs(forecast: Forecast, path: Path) -> None:
    done = forecast("train", SAMPLES / "seattle_weather.csv", "--config", path, *QUICK, "-o", "b")
    assert done.code == 0, done.err


@pytest.mark.parametrize("name", JOBS)
def test_a_job_of_the_examples_runs(forecast: Forecast, tmp_path: Path, name: str) -> None:
    for folder in ("configs", "data"):
        shutil.copytree(CONFIGS[0].parents[1] / folder, tmp_path / folder)
    done = forecast("run", f"configs/{name}.yaml", *QUICK[2:6], "--set", "job.gate.skill=null")
    assert done.code == 0, done.err
    assert done.json["status"] == "published"
    assert all(Path(output.removeprefix("sqlite:///").partition("?")[0]).exists() for output in done.json["outputs"])
    assert forecast("run", f"configs/{name}.yaml", *QUICK[2:6], "--set", "job.gate.skill=null").code == 0


def test_a_job_that_init_wrote_runs(forecast: Forecast, sales: Path) -> None:
    Path("jobs").mkdir()
    given = ("--set", "model.kind=seasonal_naive", "--set", "conformal.kind=off")
    done = forecast("init", "sales.csv", "--job", "-o", "jobs/nightly.yaml", *given)
    assert done.code == 0, done.err
    assert "forecast run jobs/nightly.yaml --dry-run" in done.err
    text = Path("jobs/nightly.yaml").read_text()
    assert "  path: ../sales.csv  #" in text
    assert "    # max_age: 7d  # time since the last training" in text
    assert forecast("run", "jobs/nightly.yaml").json["status"] == "published"
    assert Path("jobs/forecasts.csv").exists()
    assert forecast("init", "sales.csv", "--job").code == 0
    assert Path("nightly.yaml").exists()
    assert forecast("init", "sales.csv", "--job", "--future-template", "-o", "x.csv").code == 2


def test_the_full_example_explains_every_key() -> None:
    """Written by `python -c 'from forecaster.settings import Config, explain; print(explain(Config()))'`."""
    _, _, body = CONFIGS[0].read_text().partition("\n\n")
    assert body == explain(Config())


@pytest.mark.parametrize(
    ("frequency", "periods", "expected"), [("h", 60, "1d"), ("D", 60, "3d"), ("W-MON", 60, "21d"), ("30min", 90, "1d")]
)
def test_a_job_refuses_data_that_is_three_steps_late(
    forecast: Forecast, tmp_path: Path, frequency: str, periods: int, expected: str
) -> None:
    end = pd.Timestamp.now().floor("h" if frequency in ("h", "30min") else "D")
    times = pd.date_range(end=end, periods=periods, freq=frequency)
    pd.DataFrame({"time": times, "load": np.arange(periods) % 7}).to_csv(tmp_path / "load.csv", index=False)
    assert forecast("init", "load.csv", "--job").code == 0
    assert yaml.safe_load(Path("nightly.yaml").read_text())["job"]["max_age"] == expected


def test_a_job_for_data_that_ended_long_ago_can_be_tried(forecast: Forecast, sales: Path) -> None:
    done = forecast("init", sales, "--job")
    assert "days ago, so max_age stays null: set it, for example to 3d" in done.err
    assert "max_age" not in yaml.safe_load(Path("nightly.yaml").read_text())["job"]


def test_the_schema_describes_the_files_that_init_writes(forecast: Forecast, sales: Path) -> None:
    done = forecast("init", "--schema")
    schema = json.loads(done.out)
    assert set(schema["properties"]) == set(Config.model_fields)
    assert forecast("init", sales, "--job").code == 0
    for section, values in yaml.safe_load(Path("nightly.yaml").read_text()).items():
        options = schema["properties"][section]
        names = [each["$ref"].rpartition("/")[2] for each in options.get("anyOf", [options]) if "$ref" in each]
        if isinstance(values, dict) and names:
            assert set(values) <= set(schema["$defs"][names[0]]["properties"]), section
    assert forecast("init", "--schema", "-o", "forecast.schema.json", "-q").code == 0
    assert json.loads(Path("forecast.schema.json").read_text()) == schema
    assert forecast("init", sales, "--schema").code == 2
