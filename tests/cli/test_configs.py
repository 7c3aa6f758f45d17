"""The examples in configs/ load, and run."""

from pathlib import Path

import pytest

from forecaster.config import Config
from forecaster.settings import explain
from tests.cli.conftest import QUICK, SAMPLES, Forecast

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_an_example_runs(forecast: Forecast, path: Path) -> None:
    done = forecast("train", SAMPLES / "seattle_weather.csv", "--config", path, *QUICK, "-o", "b")
    assert done.code == 0, done.err


def test_the_full_example_explains_every_key() -> None:
    """Written by `python -c 'from forecaster.settings import Config, explain; print(explain(Config()))'`."""
    _, _, body = CONFIGS[0].read_text().partition("\n\n")
    assert body == explain(Config())
