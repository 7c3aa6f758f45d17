"""GluonTS with torch: DeepAR, its recurrent network (an LSTM whatever the cell). See `benchmarks.peers.task`."""

import tempfile
from pathlib import Path

import pandas as pd
from gluonts.dataset.pandas import PandasDataset
from gluonts.model.predictor import Predictor
from gluonts.torch.model.deepar import DeepAREstimator

from benchmarks.peers.task import QUIET, Peer, Task, ahead, perform

# The estimator always writes a checkpoint, restores it at the end, and fails if checkpoints are turned off.
_TRAINER = {name: value for name, value in QUIET.items() if name != "enable_checkpointing"}


def train(frame: pd.DataFrame, task: Task) -> Predictor:
    with tempfile.TemporaryDirectory() as folder:
        estimator = DeepAREstimator(
            freq=task.freq,
            prediction_length=task.horizon,
            context_length=task.context,
            num_layers=1,
            hidden_size=task.hidden,
            lags_seq=[1],
            time_features=[],
            lr=task.rate,
            batch_size=task.batch,
            num_batches_per_epoch=task.steps,
            trainer_kwargs={**_TRAINER, "max_epochs": 1, "default_root_dir": folder},
        )
        return estimator.train(dataset(frame, task), cache_data=True)


def predict(model: Predictor, frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    means = {forecast.item_id: forecast.mean for forecast in model.predict(dataset(frame, task))}
    rows = ahead(frame.groupby("unique_id", sort=False)["ds"].max()[list(means)], task)
    return rows.assign(y=[value for mean in means.values() for value in mean])


def dataset(frame: pd.DataFrame, task: Task) -> PandasDataset:
    return PandasDataset.from_long_dataframe(frame, item_id="unique_id", timestamp="ds", target="y", freq=task.freq)


def save(model: Predictor, folder: Path) -> None:
    model.serialize(folder)


def load(folder: Path, task: Task) -> Predictor:
    return Predictor.deserialize(folder)


if __name__ == "__main__":
    perform(Peer(train, predict, save, load))
