"""The shortest possible script without a forecasting library: pandas and a torch loop. See `benchmarks.peers.task`."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from benchmarks.peers.task import Peer, Task, ahead, perform

_FILE = "network.pt"


class Bare(nn.Module):
    """Standardise a window, read it step by step, and project the last state to all steps of the horizon."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.cell = getattr(nn, task.cell.upper())(1, task.hidden, batch_first=True)
        self.project = nn.Linear(task.hidden, task.horizon)

    def forward(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return forecasts [B, H] of windows [B, L], and the spread of each window [B, 1]."""
        spread, mean = torch.std_mean(context, dim=1, keepdim=True)
        spread = spread + 1e-6
        states, _ = self.cell(((context - mean) / spread)[..., None])  # [B, L, D]
        return self.project(states[:, -1]) * spread + mean, spread


def train(frame: pd.DataFrame, task: Task) -> Bare:
    torch.manual_seed(0)
    values = torch.from_numpy(frame["y"].to_numpy(np.float32))
    length = task.context + task.horizon
    begin, end = bounds(frame)
    starts = torch.from_numpy(np.concatenate([np.arange(a, b - length + 1) for a, b in zip(begin, end, strict=True)]))
    span = torch.arange(length)
    network = Bare(task)
    optimizer = torch.optim.Adam(network.parameters(), task.rate)
    for _ in range(task.steps):
        window = values[starts[torch.randint(len(starts), (task.batch,))][:, None] + span]  # [B, L + H]
        forecast, spread = network(window[:, : task.context])
        loss = ((forecast - window[:, task.context :]) / spread).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


def predict(network: Bare, frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    values = torch.from_numpy(frame["y"].to_numpy(np.float32))
    _, end = bounds(frame)
    contexts = values[torch.from_numpy(end)[:, None] + torch.arange(-task.context, 0)]  # [N, L]
    with torch.inference_mode():
        forecasts = torch.cat([network(part)[0] for part in torch.split(contexts, 1024)])
    last = frame.iloc[end - 1].set_index("unique_id")["ds"]
    return ahead(last, task).assign(y=forecasts.numpy().ravel())


def bounds(frame: pd.DataFrame) -> tuple["np.ndarray[tuple[int], np.dtype[np.int64]]", ...]:
    """Return [N] the first row of each series, and [N] the row after its last one; rows are sorted by series."""
    ids = frame["unique_id"].to_numpy()
    change = np.flatnonzero(ids[1:] != ids[:-1]) + 1
    return np.concatenate([[0], change]), np.concatenate([change, [len(ids)]])


def save(network: Bare, folder: Path) -> None:
    torch.save(network.state_dict(), folder / _FILE)


def load(folder: Path, task: Task) -> Bare:
    network = Bare(task)
    network.load_state_dict(torch.load(folder / _FILE))
    return network


if __name__ == "__main__":
    perform(Peer(train, predict, save, load))
