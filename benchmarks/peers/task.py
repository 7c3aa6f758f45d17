"""The task of all peers; the script of a peer contains only the code for its library.

    PYTHON -m benchmarks.peers.PEER steps --data F --out FORECASTS.csv      read, train, forecast all series, write
    PYTHON -m benchmarks.peers.PEER save --data F --model FOLDER            read, train, save
    PYTHON -m benchmarks.peers.PEER predict --data F --model FOLDER --out FORECASTS.csv    read, load, forecast, write

with --cell gru or lstm, --horizon, --season, --freq and --steps. PYTHON is that of the peer's environment. The
table is long, with columns unique_id, ds and y; the forecasts have the same columns.
"""

import argparse
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Task:
    """The network and its training.

    Attributes:
        horizon, season, context: steps of the series.
        freq: the name of a step in pandas.
        steps: training steps.
    """

    cell: str
    horizon: int
    season: int
    freq: str
    steps: int
    context: int = 168
    hidden: int = 64
    batch: int = 256
    rate: float = 0.001


@dataclass(frozen=True)
class Peer:
    """The functions that run a library.

    Attributes:
        train: trains a model on a table, for a task.
        predict: returns the forecasts of a model for a table: columns unique_id, ds, y.
        save: writes a model to an existing folder.
        load: reads a model from a folder, for the task that it was trained for.
    """

    train: Callable[[pd.DataFrame, Task], Any]
    predict: Callable[[Any, pd.DataFrame, Task], pd.DataFrame]
    save: Callable[[Any, Path], None]
    load: Callable[[Path, Task], Any]


def perform(peer: Peer, argv: Sequence[str] | None = None) -> None:
    """Run a peer by the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["steps", "save", "predict"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="folder of a saved model")
    parser.add_argument("--out", type=Path, help="forecasts")
    parser.add_argument("--cell", default="gru")
    parser.add_argument("--horizon", type=int, default=48)
    parser.add_argument("--season", type=int, default=24)
    parser.add_argument("--freq", default="h")
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args(argv)
    silence()
    task = Task(arguments.cell, arguments.horizon, arguments.season, arguments.freq, arguments.steps)
    frame = pd.read_csv(arguments.data, parse_dates=["ds"])
    model = peer.load(arguments.model, task) if arguments.what == "predict" else peer.train(frame, task)
    if arguments.what == "save":
        arguments.model.mkdir(parents=True, exist_ok=True)
        peer.save(model, arguments.model)
    else:
        peer.predict(model, frame, task)[["unique_id", "ds", "y"]].to_csv(arguments.out, index=False)


def silence() -> None:
    """Silence the notes of Lightning and the warnings of libraries."""
    warnings.filterwarnings("ignore")
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


def ahead(ends: "pd.Series[Any]", task: Task) -> pd.DataFrame:
    """List the rows to forecast.

    Args:
        ends: last timestamp of each series, by unique_id.

    Returns:
        The columns unique_id and ds with `task.horizon` rows for each series, in the order of `ends`.
    """
    steps = [pd.tseries.frequencies.to_offset(task.freq) * step for step in range(1, task.horizon + 1)]
    columns = {step: ends + offset for step, offset in enumerate(steps)}
    long = pd.DataFrame(columns).stack()
    return pd.DataFrame({"unique_id": long.index.get_level_values(0), "ds": long.to_numpy()})


QUIET = {  # options that silence the trainer of Lightning
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "logger": False,
    "accelerator": "cpu",
}
