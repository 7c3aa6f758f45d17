"""statsforecast (Nixtla): no network; `--cell` names one of its models. See `benchmarks.peers.task`.

Its models are fitted when they forecast, so a saved model contains no series.
"""

from pathlib import Path

import pandas as pd
from statsforecast import StatsForecast, models

from benchmarks.peers.task import Peer, Task, perform


def build(task: Task) -> StatsForecast:
    return StatsForecast([getattr(models, task.cell)(season_length=task.season, alias="y")], freq=task.freq)


def train(frame: pd.DataFrame, task: Task) -> StatsForecast:
    return build(task)


def predict(model: StatsForecast, frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    forecasts: pd.DataFrame = model.forecast(h=task.horizon, df=frame)
    return forecasts


def save(model: StatsForecast, folder: Path) -> None:
    """Save nothing, because the models are fitted when they forecast."""


def load(folder: Path, task: Task) -> StatsForecast:
    return build(task)


if __name__ == "__main__":
    perform(Peer(train, predict, save, load))
