"""What a peer is asked to do, the same for all; a script of a peer holds what is particular to it.

    PYTHON -m benchmarks.peers.PEER steps --data F --out FORECASTS.csv      read, train, forecast all series, write
    PYTHON -m benchmarks.peers.PEER save --data F --model FOLDER            read, train, save
    PYTHON -m benchmarks.peers.PEER predict --data F --model FOLDER --out FORECASTS.csv    read, load, forecast, write

with --cell gru or lstm, --horizon, --season, --freq and --steps. PYTHON is that of the peer's own environment. The
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
        freq: pandas' name of a step.
        steps: of the optimizer.
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
    """A library's verbs.

    Attributes:
        train: a table and a task -> a model.
        predict: a model, a table and a task -> forecasts: columns unique_id, ds, y.
        save, load: a model to a folder that exists, and back, given the task that it was trained for.
    """

    train: Callable[[pd.DataFrame, Task], Any]
    predict: Callable[[Any, pd.DataFrame, Task], pd.DataFrame]
    save: Callable[[Any, Path], None]
    load: Callable[[Path, Task], Any]


def perform(peer: Peer, argv: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
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
    given = parser.parse_args(argv)
    hush()
    task = Task(given.cell, given.horizon, given.season, given.freq, given.steps)
    frame = pd.read_csv(given.data, parse_dates=["ds"])
    model = peer.load(given.model, task) if given.what == "predict" else peer.train(frame, task)
    if given.what == "save":
        given.model.mkdir(parents=True, exist_ok=True)
        peer.save(model, given.model)
    else:
        peer.predict(model, frame, task)[["unique_id", "ds", "y"]].to_csv(given.out, index=False)


def hush() -> None:
    """Keep notes of Lightning and warnings of libraries off the terminal."""
    warnings.filterwarnings("ignore")
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


def ahead(ends: "pd.Series[Any]", task: Task) -> pd.DataFrame:
    """The rows to forecast.

    Args:
        ends: last timestamp of each series, by unique_id.

    Returns: unique_id and ds, `task.horizon` rows a series, in the order of `ends`.
    """
    steps = [pd.tseries.frequencies.to_offset(task.freq) * step for step in range(1, task.horizon + 1)]
    columns = {step: ends + offset for step, offset in enumerate(steps)}
    long = pd.DataFrame(columns).stack()
    return pd.DataFrame({"unique_id": long.index.get_level_values(0), "ds": long.to_numpy()})


QUIET = {  # what Lightning is told not to do, by its own names
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "logger": False,
    "accelerator": "cpu",
}
