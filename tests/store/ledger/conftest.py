"""Small forecasts and panels for ledgers on both engines."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.panel import Panel
from forecaster.store.database import Database
from forecaster.store.ledger.open import open_ledger
from forecaster.store.ledger.record import Run
from tests.conftest import MakePanel

MakeForecast = Callable[..., Forecast]
START = datetime(2024, 1, 5, 3, 0, tzinfo=UTC)


@pytest.fixture
def ledger(url: str) -> Database:
    return open_ledger(url)


@pytest.fixture
def make_forecast() -> MakeForecast:
    """Give a function that forecasts a panel: quantile p of every step lies at `mean + 10 (p - 0.5)`."""

    def make(panel: Panel, mean: list[list[float]], *, model: str = "gru") -> Forecast:
        point = np.array(mean, np.float32)
        quantiles = point[:, :, None] + 10 * (np.array(PROBABILITIES, np.float32) - np.float32(0.5))
        return Forecast.of(panel, quantiles.astype(np.float32), model=model, mean=point)

    return make


@pytest.fixture
def known(make_panel: MakePanel) -> Panel:
    """Two daily series of four days from 2024-01-01: 1, 2, 3, 4 and 10, 20, 30, 40."""
    return make_panel([[1, 2, 3, 4], [10, 20, 30, 40]])


def run_of(key: str, job: str = "sales") -> Run:
    return Run(job, key, START, seconds=1.5, bundle="runs/x", details={"note": "ü"})
