"""Darts (Unit8): BlockRNNModel, all steps of the horizon at once. See `benchmarks.peers.task`.

A saved model does not contain the scaler, which is fitted again to the series to forecast, as in the guide of Darts.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from darts import TimeSeries
from darts.dataprocessing.transformers import Scaler
from darts.models import BlockRNNModel
from sklearn.preprocessing import StandardScaler
from torch.nn import L1Loss

from benchmarks.peers.task import QUIET, Peer, Task, perform

_FILE = "model.pt"


def train(frame: pd.DataFrame, task: Task) -> BlockRNNModel:
    model = BlockRNNModel(
        task.context,
        task.horizon,
        model=task.cell.upper(),
        hidden_dim=task.hidden,
        n_rnn_layers=1,
        batch_size=task.batch,
        n_epochs=10**6,  # max_steps ends the training
        loss_fn=L1Loss(),
        optimizer_kwargs={"lr": task.rate},
        random_state=0,
        use_static_covariates=False,  # the names of the series
        pl_trainer_kwargs={**QUIET, "max_steps": task.steps},
    )
    _, scaled = scale(frame, task)
    model.fit(scaled)
    return model


def predict(model: BlockRNNModel, frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    scaler, scaled = scale(frame, task)
    forecasts = scaler.inverse_transform(model.predict(task.horizon, series=scaled))
    ids = [series.static_covariates["unique_id"].iloc[0] for series in scaled]
    parts = [pd.DataFrame({"ds": series.time_index, "y": series.values()[:, 0]}) for series in forecasts]
    return pd.concat(parts, keys=ids, names=["unique_id", None]).reset_index("unique_id")


def scale(frame: pd.DataFrame, task: Task) -> tuple[Scaler, list[TimeSeries]]:
    series = TimeSeries.from_group_dataframe(frame, "unique_id", time_col="ds", value_cols="y", freq=task.freq)
    scaler = Scaler(StandardScaler())
    return scaler, [each.astype(np.float32) for each in scaler.fit_transform(series)]


def save(model: BlockRNNModel, folder: Path) -> None:
    model.save(str(folder / _FILE), clean=True)


def load(folder: Path, task: Task) -> BlockRNNModel:
    return BlockRNNModel.load(str(folder / _FILE), pl_trainer_kwargs=QUIET, trusted=True)


if __name__ == "__main__":
    perform(Peer(train, predict, save, load))
