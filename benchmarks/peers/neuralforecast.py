"""neuralforecast (Nixtla): its GRU and LSTM with their default, direct decoder. See `benchmarks.peers.task`."""

from pathlib import Path

import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MAE
from neuralforecast.models import GRU, LSTM

from benchmarks.peers.task import QUIET, Peer, Task, perform


def train(frame: pd.DataFrame, task: Task) -> NeuralForecast:
    network = {"gru": GRU, "lstm": LSTM}[task.cell](
        h=task.horizon,
        input_size=task.context,
        encoder_n_layers=1,
        encoder_hidden_size=task.hidden,
        decoder_layers=1,
        decoder_hidden_size=task.hidden,
        loss=MAE(),
        learning_rate=task.rate,
        windows_batch_size=task.batch,
        max_steps=task.steps,
        scaler_type="standard",
        **QUIET,
    )
    model = NeuralForecast([network], freq=task.freq)
    model.fit(frame)
    return model


def predict(model: NeuralForecast, frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    forecasts: pd.DataFrame = model.predict(df=frame)
    return forecasts.rename(columns={task.cell.upper(): "y"})


def save(model: NeuralForecast, folder: Path) -> None:
    model.save(str(folder), overwrite=True, save_dataset=False)


def load(folder: Path, task: Task) -> NeuralForecast:
    return NeuralForecast.load(str(folder), allow_pickle=True)


if __name__ == "__main__":
    perform(Peer(train, predict, save, load))
