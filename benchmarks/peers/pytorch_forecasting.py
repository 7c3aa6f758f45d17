"""pytorch-forecasting: RecurrentNetwork, an encoder and a decoder that feeds back. See `benchmarks.peers.task`."""

from pathlib import Path

import lightning.pytorch as lightning
import numpy as np
import pandas as pd
import torch
from pytorch_forecasting import RecurrentNetwork, TimeSeriesDataSet
from pytorch_forecasting.data import EncoderNormalizer
from pytorch_forecasting.metrics import MAE

from benchmarks.peers.task import QUIET, Peer, Task, ahead, perform

_NETWORK, _DATASET = "network.ckpt", "dataset.pt"


def train(frame: pd.DataFrame, task: Task) -> tuple[lightning.Trainer, RecurrentNetwork, dict[str, object]]:
    dataset = TimeSeriesDataSet(
        number_rows(frame),
        time_idx="number",
        target="y",
        group_ids=["unique_id"],
        min_encoder_length=task.context,
        max_encoder_length=task.context,
        min_prediction_length=task.horizon,
        max_prediction_length=task.horizon,
        time_varying_unknown_reals=["y"],
        target_normalizer=EncoderNormalizer(),
        add_encoder_length=False,
    )
    network = RecurrentNetwork.from_dataset(
        dataset,
        cell_type=task.cell.upper(),
        hidden_size=task.hidden,
        rnn_layers=1,
        dropout=0.0,
        learning_rate=task.rate,
        optimizer="adam",
        loss=MAE(),
        log_interval=-1,
        log_val_interval=-1,
    )
    trainer = lightning.Trainer(max_steps=task.steps, max_epochs=10**6, **QUIET)
    trainer.fit(network, dataset.to_dataloader(train=True, batch_size=task.batch, num_workers=0))
    return trainer, network, dataset.get_parameters()


def predict(model: tuple[object, RecurrentNetwork, dict[str, object]], frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Forecast; the library needs rows for the steps to forecast, too."""
    _, network, parameters = model
    rows = number_rows(frame).groupby("unique_id", sort=False).tail(task.context)
    ends = frame.groupby("unique_id", sort=False)["ds"].max()
    future = ahead(ends, task)
    last = rows.groupby("unique_id", sort=False)["number"].max().to_numpy()
    steps = np.arange(1, task.horizon + 1)
    empty = pd.DataFrame({"unique_id": future["unique_id"], "number": (last[:, None] + steps).ravel(), "y": 0.0})
    table = pd.concat([rows, empty], ignore_index=True)
    dataset = TimeSeriesDataSet.from_parameters(parameters, table, predict=True, stop_randomization=True)
    batches = dataset.to_dataloader(train=False, batch_size=1024, num_workers=0)
    forecasts = network.predict(batches, return_index=True, trainer_kwargs=QUIET)
    order = forecasts.index["unique_id"].to_list()
    return ahead(ends[order], task).assign(y=forecasts.output.numpy().ravel())


def number_rows(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = frame.groupby("unique_id", sort=False).cumcount()
    return frame[["unique_id", "y"]].assign(unique_id=frame["unique_id"].astype(object), number=numbers)


def save(model: tuple[lightning.Trainer, RecurrentNetwork, dict[str, object]], folder: Path) -> None:
    trainer, _, parameters = model
    trainer.save_checkpoint(folder / _NETWORK)
    torch.save(parameters, folder / _DATASET)


def load(folder: Path, task: Task) -> tuple[None, RecurrentNetwork, dict[str, object]]:
    network = RecurrentNetwork.load_from_checkpoint(folder / _NETWORK, weights_only=False)
    return None, network, torch.load(folder / _DATASET, weights_only=False)


if __name__ == "__main__":
    perform(Peer(train, predict, save, load))
