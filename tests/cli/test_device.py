"""`--device`: what is trained where, and what is said where there is no GPU."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from tests.cli.conftest import QUICK, Forecast

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="about machines without a GPU")


@pytest.fixture
def trained(forecast: Forecast, sales: Path) -> Path:
    done = forecast("train", sales, *QUICK, "--device", "auto", "--no-refit", "-o", "b")
    assert done.code == 0, done.err
    return Path("b")


@pytest.mark.parametrize(
    "command", [("train",), ("backtest", "--model", "gru"), ("compare", "--models", "gru"), ("tune",)]
)
def test_a_gpu_that_is_not_there_is_a_dependency_that_is_missing(
    forecast: Forecast, sales: Path, command: tuple[str, ...]
) -> None:
    name, *rest = command
    done = forecast(name, sales, *rest, *QUICK, "--device", "cuda", "-o", "b")
    assert done.code == 69, done.err
    assert "device cuda: torch" in done.err
    assert "--device auto" in done.err
    assert not Path("b").exists()


def test_a_bundle_tells_where_it_was_trained_and_its_config_what_was_asked_for(trained: Path) -> None:
    manifest = json.loads((trained / "manifest.json").read_text())
    assert manifest["training"]["device"] == "cpu"
    assert yaml.safe_load((trained / "config.yaml").read_text())["training"]["device"] == "auto"


def test_predict_takes_a_device_and_gives_the_same_without_one(forecast: Forecast, trained: Path) -> None:
    for name, more in (("plain.csv", ()), ("auto.csv", ("--device", "auto"))):
        assert forecast("predict", "--bundle", trained, *more, "-o", name).code == 0
    assert Path("plain.csv").read_bytes() == Path("auto.csv").read_bytes()
    done = forecast("predict", "--bundle", trained, "--device", "cuda")
    assert done.code == 69
    assert "--device auto" in done.err


def test_a_backtest_of_a_bundle_may_run_elsewhere(forecast: Forecast, sales: Path, trained: Path) -> None:
    given = ("backtest", sales, "--bundle", trained, "--folds", "2")
    assert forecast(*given, "--device", "cpu", "-o", "here").code == 0
    done = forecast(*given, "--device", "cuda", "-o", "there")
    assert done.code == 69, done.err
