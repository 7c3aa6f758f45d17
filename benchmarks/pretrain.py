"""Train, evaluate and export the pretrained network.

    python -m benchmarks.pretrain train FOLDER [--steps 9500] [--hidden 192] [--layers 2] [--cell gru] [--seed 0]
    python -m benchmarks.pretrain evaluate FOLDER... --data DIR [--test]
    python -m benchmarks.pretrain export FOLDER --name 2026-11

`train` draws synthetic series by the mixture of the package. It writes a checkpoint to FOLDER every few minutes, and
continues from it when the same command is started again; the result is the same as that of an uninterrupted run.
`evaluate` forecasts the last horizon of each training file in DIR from the steps before it. With `--test`, it
forecasts the test files instead; do that once, after everything is decided. Both write the scores to FOLDER. `export`
writes the weights in float16, the graph and the card with these scores into the package, and prints their sizes.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from safetensors.torch import save as serialise

from benchmarks.panel import describe_machine
from forecaster.batches.standardise import standardise
from forecaster.forecast import DECILES, GRAPH_FILE, PROBABILITIES
from forecaster.network.export import trace_zero_shot
from forecaster.network.zero_shot import Architecture, ZeroShotNetwork
from forecaster.pretraining.feed import Feed, FeedPlan
from forecaster.pretraining.mixture import load_mixture
from forecaster.pretraining.training import Pretraining, Schedule
from forecaster.store import pretrained

_SECONDS_BETWEEN_CHECKPOINTS = 240
_STEPS_PER_LINE = 250
_ROWS = 512
_CHECKPOINT, _WEIGHTS, _SETTINGS = "checkpoint.safetensors", "weights.safetensors", "settings.json"
_SECONDS, _TAIL_SCORES, _TEST_SCORES = "seconds.json", "scores_tails.json", "scores_test.json"
_LIMITS = (
    "Hourly series: networks trained on the panel have a quarter less error on M4 hourly (OWA 0.41 to 0.47, not 0.59).",
    "Daily series with holidays: on us_births, the seasonal naive forecast has less error.",
    "Quarterly series: the Theta method has less error on M3.",
    "Intervals of 80 % cover 70 to 85 % of the values, fewest where a series changes its habits.",
    "Covariates and relations between series are not used; seasons other than the given one and a week are not known.",
)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """A file to forecast.

    Attributes:
        name: the start of the names of its two files.
        season, second_season: the seasons that the network is given.
        scored_season: the season of MASE.
        horizon: steps to forecast.
        tails: cutoffs before the end of each training series that are forecast, a horizon apart.
        naive2: sMAPE and MASE of Naive2, the divisors of OWA.
    """

    name: str
    season: int
    second_season: int
    scored_season: int
    horizon: int
    tails: int = 1
    naive2: tuple[float, float] | None = None


PANELS = (
    Panel("m3_monthly", 12, 12, 12, 18),
    Panel("m3_quarterly", 4, 4, 4, 8),
    Panel("m3_yearly", 1, 1, 1, 6),
    Panel("m3_other", 1, 1, 1, 8),
    Panel("m4_weekly", 52, 52, 1, 13, naive2=(9.161, 2.777)),
    Panel("m4_hourly", 24, 168, 24, 48, naive2=(18.383, 2.395)),
    Panel("hospital", 12, 12, 12, 12),
    Panel("nn5_weekly", 52, 52, 1, 8),
    Panel("us_births", 7, 7, 7, 30, tails=12),
)


def train(folder: Path, arguments: argparse.Namespace) -> None:
    architecture = Architecture(
        PROBABILITIES, cell=arguments.cell, hidden=arguments.hidden, layers=arguments.layers, patch=arguments.patch
    )
    schedule = Schedule(arguments.steps, rate=arguments.rate)
    size = architecture
    plan = FeedPlan(size.history, size.horizon, size.patch, size.contexts, forecasts=arguments.batch)
    mixture = load_mixture(arguments.mixture)
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "architecture": asdict(architecture),
        "schedule": asdict(schedule),
        "mixture": mixture.version,
        "forecasts_per_step": arguments.batch,
        "seed": arguments.seed,
    }
    (folder / _SETTINGS).write_text(json.dumps(settings, indent=2) + "\n")
    training = Pretraining(architecture, schedule, arguments.seed)
    if (folder / _CHECKPOINT).exists():
        training.restore(load_file(folder / _CHECKPOINT))
        print(f"resumed after {training.step} steps", flush=True)
    seconds = json.loads((folder / _SECONDS).read_text()) if (folder / _SECONDS).exists() else 0.0
    started = saved = time.monotonic()
    losses = []
    with Feed(mixture, plan, arguments.seed) as feed:
        for progress in training.steps(feed.batch):
            losses.append(progress.loss)
            if progress.step % _STEPS_PER_LINE == 0:
                mean = float(np.mean(losses[-_STEPS_PER_LINE:]))
                print(
                    f"step {progress.step} loss {mean:.4f} rate {progress.rate:.5f} {progress.seconds:.0f} s",
                    flush=True,
                )
            if time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
                save(training.state(), folder / _CHECKPOINT)
                saved = time.monotonic()
                (folder / _SECONDS).write_text(json.dumps(seconds + saved - started))
    save(training.state(), folder / _CHECKPOINT)
    (folder / _SECONDS).write_text(json.dumps(seconds + time.monotonic() - started))
    save(training.weights(), folder / _WEIGHTS)


def save(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    save_file({name: value.contiguous() for name, value in tensors.items()}, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def load_network(folder: Path) -> ZeroShotNetwork:
    settings = json.loads((folder / _SETTINGS).read_text())
    network = ZeroShotNetwork(Architecture.from_dict(settings["architecture"]))
    if (folder / _WEIGHTS).exists():
        network.load_state_dict(load_file(folder / _WEIGHTS), strict=False)
    else:
        state = load_file(folder / _CHECKPOINT)
        print(f"{folder}: the newest weights, after {int(state['step'][0])} steps")
        weights = {name.removeprefix("network."): value for name, value in state.items() if name.startswith("network.")}
        network.load_state_dict(weights, strict=False)
    return network.eval()


def forecast(network: ZeroShotNetwork, histories: list[Array], panel: Panel) -> Array:
    """Return the quantiles [N, H, Q] after each history, for horizons up to that of the network."""
    size = network.architecture
    lengths = np.array([len(history) for history in histories])
    classes = np.searchsorted(size.contexts[:-1], lengths)
    quantiles = np.empty((len(histories), panel.horizon, len(PROBABILITIES)))
    for number, context in enumerate(size.contexts):
        members = np.flatnonzero(classes == number)
        for first in range(0, len(members), _ROWS):
            rows = members[first : first + _ROWS]
            values = np.full((len(rows), size.history), np.nan)
            for row, index in zip(values, rows, strict=True):
                row[-min(lengths[index], size.history) :] = histories[index][-size.history :]
            season, second = (np.full(len(rows), m) for m in (panel.season, panel.second_season))
            scaled = standardise(values, season)
            history = torch.from_numpy(scaled.values)
            with torch.inference_mode():
                seasons = torch.from_numpy(season), torch.from_numpy(second)
                up = network(history, history[:, -context:], *seasons)
                down = network(-history, -history[:, -context:], *seasons).flip(-1)
            quantiles[rows] = scaled.restore(((up - down) / 2).numpy())[:, : panel.horizon]
    return quantiles


def scores(quantiles: Array, histories: list[Array], actuals: list[Array], panel: Panel) -> dict[str, float]:
    """Score forecasts by the competitions' definitions."""
    actual, median = np.stack(actuals), quantiles[:, :, PROBABILITIES.index(0.5)]
    error, lag = np.abs(actual - median), panel.scored_season
    scale = np.array([np.abs(h[lag:] - h[:-lag]).mean() if len(h) > lag else np.nan for h in histories])
    scale[scale == 0] = np.nan
    mase = float(np.nanmean(error.mean(1) / scale))
    smape = float((200 * error / np.maximum(np.abs(actual) + np.abs(median), 1e-300)).mean())
    deciles = quantiles[:, :, [PROBABILITIES.index(p) for p in DECILES]]
    gap, levels = actual[..., None] - deciles, np.array(DECILES)
    wql = float(2 * np.maximum(levels * gap, (levels - 1) * gap).sum((0, 1)).mean() / np.abs(actual).sum())
    is_covered = (actual >= deciles[..., 0]) & (actual <= deciles[..., -1])
    result = {"mase": mase, "smape": smape, "wql": wql, "coverage80": float(is_covered.mean())}
    if panel.naive2:
        result["owa"] = (smape / panel.naive2[0] + mase / panel.naive2[1]) / 2
    return result


def read_panel(data: Path, panel: Panel, *, is_test: bool) -> Iterator[tuple[list[Array], list[Array]]]:
    """Yield the histories of a panel and the actual values after them, for each set of cutoffs."""
    series = _read(data / f"{panel.name}_train.csv")
    if is_test:
        actuals = _read(data / f"{panel.name}_test.csv")
        yield [series[key] for key in actuals], list(actuals.values())
        return
    least, horizon = max(panel.season, 2) + 2, panel.horizon
    for number in range(panel.tails):
        end = number * horizon
        cut = [values[: len(values) - end] for values in series.values() if len(values) - end > horizon + least]
        yield [values[:-horizon] for values in cut], [values[-horizon:] for values in cut]


def _read(path: Path) -> dict[str, Array]:
    frame = pd.read_csv(path, dtype={"unique_id": str, "ds": str})
    return {str(key): group.y.to_numpy(float) for key, group in frame.groupby("unique_id", sort=False)}


def evaluate(network: ZeroShotNetwork, data: Path, *, is_test: bool, names: list[str] | None = None) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for panel in PANELS:
        if names and panel.name not in names:
            continue
        tails = [
            scores(forecast(network, histories, panel), histories, actuals, panel)
            for histories, actuals in read_panel(data, panel, is_test=is_test)
        ]
        results[panel.name] = {name: round(float(np.mean([each[name] for each in tails])), 5) for name in tails[0]}
        line = " ".join(f"{name} {value:.4f}" for name, value in results[panel.name].items())
        print(f"{panel.name:14} {line}", flush=True)
    ratios = [row["mase"] for row in results.values()]
    print(f"geometric mean of MASE {np.exp(np.mean(np.log(ratios))):.4f}", flush=True)
    return results


def export(folder: Path, name: str) -> None:
    """Write a trained network and its card to the package."""
    settings = json.loads((folder / _SETTINGS).read_text())
    network = load_network(folder)
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(value.half().float())
    weights = {key: value.half().contiguous() for key, value in network.state_dict().items()}
    files = {GRAPH_FILE: trace_zero_shot(network), pretrained.WEIGHTS: serialise(weights)}
    target = pretrained.FOLDER / name
    target.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (target / file).write_bytes(content)
        print(f"{target / file}: {len(content) / 1e6:.2f} MB")
    card = {
        "name": name,
        "context": network.architecture.history,
        "horizon": network.architecture.horizon,
        "architecture": settings["architecture"],
        "parameters": sum(value.numel() for value in network.parameters()),
        "training": {
            "data": "synthetic series only (docs/pretraining.md)",
            "mixture": settings["mixture"],
            "seed": settings["seed"],
            "schedule": settings["schedule"],
            "forecasts": settings["schedule"]["steps"] * settings["forecasts_per_step"],
            "hours": round(json.loads((folder / _SECONDS).read_text()) / 3600, 2),
            "processor": describe_machine(),
        },
        "scores": {
            title: json.loads((folder / file).read_text())
            for title, file in (("training_tails", _TAIL_SCORES), ("test_files", _TEST_SCORES))
            if (folder / file).exists()
        },
        "limits": _LIMITS,
        "licence": "Apache-2.0",
        "sha256": {file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
    }
    (target / pretrained.CARD).write_text(json.dumps(card, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["train", "evaluate", "export"])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--test", action="store_true")
    parser.add_argument("--panels", nargs="*")
    parser.add_argument("--name", default="2026-11", help="the name of the exported version")
    parser.add_argument("--steps", type=int, default=9_500)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--cell", default="gru")
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--patch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mixture", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for folder in arguments.folders:
        if arguments.action == "train":
            train(folder, arguments)
        elif arguments.action == "export":
            export(folder, arguments.name)
        else:
            scores = evaluate(load_network(folder), arguments.data, is_test=arguments.test, names=arguments.panels)
            path = folder / (_TEST_SCORES if arguments.test else _TAIL_SCORES)
            path.write_text(json.dumps(scores, indent=2) + "\n")


if __name__ == "__main__":
    main()
