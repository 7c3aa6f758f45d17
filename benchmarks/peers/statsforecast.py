"""statsforecast (Nixtla): no network; `--cell` names one of its models. See `benchmarks.peers.task`.

Its models are fitted to each series anew, so forecasting is fitting, and what it saves holds no series.
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
    found: pd.DataFrame = model.forecast(h=task.horizon, df=frame)
    return found


def save(model: StatsForecast, folder: Path) -> None:
    """Nothing is learnt before the series to forecast are there."""


def load(folder: Path, task: Task) -> StatsForecast:
    return build(task)


if __name__ == "__main__":
    perform(Peer(train, predict, save, load))
