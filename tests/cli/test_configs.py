"""The examples in configs/ load, and run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from forecaster.config import Config
from forecaster.config.schema import describe_config
from forecaster.errors import ConfigError
from forecaster.settings import explain, load
from tests.cli.conftest import QUICK, SAMPLES, Forecast
from tests.json_schema import validate

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
    assert Path("forecast.schema.json").read_bytes() == (CONFIGS[0].parent / ".forecast.schema.json").read_bytes()


def _check_first_line(path: Path) -> None:
    """Check a YAML file by the schema to which its first line points, as an editor does."""
    first = path.read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    place = first.partition("=")[2]
    assert not Path(place).is_absolute()
    problems = validate(yaml.safe_load(path.read_text()), json.loads((path.parent / place).read_text()))
    assert not problems, problems


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_examples_point_to_a_schema_that_accepts_them(path: Path) -> None:
    _check_first_line(path)


def test_files_that_init_writes_point_to_the_schema_beside_them(forecast: Forecast, sales: Path) -> None:
    Path("jobs").mkdir()
    done = forecast("init", sales, "-o", "jobs/a.yaml")
    assert "wrote jobs/a.yaml, and for editors jobs/.forecast.schema.json" in done.err
    assert forecast("init", sales, "--job", "-o", "jobs/b.yaml").code == 0
    for name in ("a", "b"):
        _check_first_line(Path(f"jobs/{name}.yaml"))
        assert str(Path.cwd()) not in Path(f"jobs/{name}.yaml").read_text().splitlines()[0]
    assert sorted(path.name for path in Path("jobs").iterdir()) == [".forecast.schema.json", "a.yaml", "b.yaml"]
    assert forecast("inspect", "jobs").code == 66  # The schema is no table.
    assert not forecast("init", sales, "-o", "-").out.startswith("# yaml-language-server")  # There is no folder.


def test_a_schema_of_another_version_is_replaced_and_of_another_program_left(forecast: Forecast, sales: Path) -> None:
    path = Path(".forecast.schema.json")
    path.write_text('{"title": "A config or job of forecast"}')
    assert forecast("init", sales, "-o", "a.yaml").code == 0
    _check_first_line(Path("a.yaml"))
    for text in ('{"title": "Mine"}', "[]", "not JSON"):
        path.write_text(text)
        Path("b.yaml").unlink(missing_ok=True)
        assert forecast("init", sales, "-o", "b.yaml").code == 0
        assert path.read_text() == text
        assert "yaml-language-server" not in Path("b.yaml").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "data: {path: a.csv, target: 'a, b', known: [promo], past: null, query_timeout: 10m, memory: 4GB}",
        "data: {format: {na: '-999,n.d.', decimal: {price: ','}}}\njob:",
        "preset: fast\nmodel: {hidden: 32}\nhead:",
        "model: {kind: lstm, layers: 2}\ntraining: {budget: 5m, steps: 100}",
        "model: {kind: auto_arima, history: 100}\nscale: {kind: mean_abs}",
        "job: {outputs: forecasts.csv, max_age: 2d, gate: null, levels: [80, 95.5]}",
        "ensemble: {seeds: 2, variants: [{model: {hidden: 8}}]}",
    ],
)
def test_the_schema_accepts_what_the_program_accepts(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    load(path, environment={})
    assert not validate(yaml.safe_load(text), describe_config())


@pytest.mark.parametrize(
    "text",
    ["preset: slow", "data: {targets: a}", "training: {steps: 0}", "model: {kind: gruu}", "model: [gru]", "jobs: {}"],
)
def test_the_schema_refuses_what_the_program_refuses(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load(path, environment={})
    assert validate(yaml.safe_load(text), describe_config())


def test_init_names_the_variables_whose_values_it_writes(
    forecast: Forecast, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "environment" not in forecast("init", "sales.csv").err
    monkeypatch.setenv("FORECAST_DATA__HORIZON", "9")
    monkeypatch.setenv("FORECAST_OTHER", "no key")
    done = forecast("init", "sales.csv", "--job")
    assert "nightly.yaml contains what the environment sets: FORECAST_DATA__HORIZON\n" in done.err
    assert "  horizon: 9 " in Path("nightly.yaml").read_text()
