"""The examples in configs/ load, and run."""

from pathlib import Path

import pytest

from forecaster.config import Config, load
from tests.cli.conftest import QUICK, SAMPLES, Forecast

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_an_example_runs(forecast: Forecast, path: Path) -> None:
    done = forecast("train", SAMPLES / "seattle_weather.csv", "--config", path, *QUICK, "-o", "b")
    assert done.code == 0, done.err


def test_the_full_example_holds_every_default() -> None:
    assert load(CONFIGS[0], environment={}) == Config()
    text = CONFIGS[0].read_text()
    for section in Config().model_dump().values():
        for key in section:
            assert f"\n  {key}:" in text
