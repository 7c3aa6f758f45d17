"""Compare the pretrained network, fine-tuning and training from scratch on one panel.

    python -m benchmarks.fine_tune --train F --test F --season m [--horizon H] [--seconds 60] [--seed 1]
        [--naive2 a,b] [--json FILE]

Five forecasts of the steps after the training file are scored against the test file:

zero_shot    the pretrained network as it is
fine_tuned   the same network, trained further for at most `--seconds`
scratch      a network of the same architecture with random weights, trained for as many seconds
fast         the preset `fast`
median       the median of zero_shot, fine_tuned and fast, quantile by quantile

All but `scratch` run by the real command. Each forecast is calibrated as by default.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.panel import describe_machine, read, run, score
from forecaster.config import Config, DataConfig
from forecaster.config.tree import validate
from forecaster.evaluation.split import split
from forecaster.events import ignore
from forecaster.forecast import DECILES
from forecaster.models.calibrated import Calibrated
from forecaster.models.fine_tuned import FineTunedForecaster
from forecaster.models.state import Arrays
from forecaster.network.zero_shot import Architecture, ZeroShotNetwork
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from forecaster.store import pretrained
from forecaster.store.pretrained import PretrainedWeights

_SCRATCH_STEPS = 100_000  # more than the seconds are sufficient for
_SCRATCH_RATE = 0.002  # the rate of the pretraining


class FromScratch(FineTunedForecaster):
    """The architecture of the pretrained network, trained from random weights."""

    def read_start(self, weights: PretrainedWeights) -> Arrays:
        torch.manual_seed(self.config.training.seed)
        network = ZeroShotNetwork(Architecture.from_dict(weights.card["architecture"]))
        return {name: value.numpy() for name, value in network.state_dict().items()}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--season", type=int, required=True)
    parser.add_argument("--horizon", type=int, help="steps to score; those of the test file by default")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--naive2", help="sMAPE,MASE of Naive2, to give OWA")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    panel, truth = read(arguments.train, arguments.test, arguments.season)
    horizon = arguments.horizon or truth.shape[1]
    truth = truth[:, :horizon]
    shared = ["--horizon", str(horizon), "--season", str(arguments.season), "--seed", str(arguments.seed)]
    tables: dict[str, pd.DataFrame] = {}
    seconds: dict[str, float] = {}
    for name, flags in (
        ("zero_shot", ["--model", "pretrained"]),
        ("fine_tuned", ["--model", "pretrained", "--set", "training.start=pretrained"]),
        ("fast", ["--preset", "fast"]),
    ):
        limit = ["--budget", f"{arguments.seconds:g}s"] if name == "fine_tuned" else []
        tables[name], seconds[name] = run(arguments.train, [*shared, *flags, *limit])
    started = time.perf_counter()
    tables["scratch"] = train_from_scratch(panel, horizon, arguments.seconds, arguments.seed)
    seconds["scratch"] = time.perf_counter() - started
    tables["median"] = median([tables[name] for name in ("zero_shot", "fine_tuned", "fast")])
    seconds["median"] = sum(seconds[name] for name in ("zero_shot", "fine_tuned", "fast"))
    rows = []
    for name in ("zero_shot", "fine_tuned", "scratch", "fast", "median"):
        figures = score(panel, truth, tables[name], arguments.naive2)
        rows.append({"model": name, **figures, "seconds": round(seconds[name], 1)})
        print(json.dumps(rows[-1]), flush=True)
    if arguments.json:
        weights = pretrained.find()
        settings = {"seconds": arguments.seconds, "seed": arguments.seed, "weights": weights.hash}
        document = {"rows": rows, "settings": settings, "machine": describe_machine()}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


def train_from_scratch(panel: Panel, horizon: int, seconds: float, seed: int) -> pd.DataFrame:
    """Return the forecasts table of a network with random first weights that is trained as `forecast train` does."""
    config = scratch_config(panel, horizon, seconds, seed)
    parts = split(panel, horizon, is_calibrated=True)
    forecaster = Calibrated(FromScratch(config), horizon=horizon)
    forecaster.fit(panel.cut(parts.holdout), parts.tail, watch=ignore, checkpoint=None)
    forecaster.fit(panel, None, watch=ignore, checkpoint=None)
    return forecaster.predict(panel, horizon).to_frame()


def scratch_config(panel: Panel, horizon: int, seconds: float, seed: int) -> Config:
    """Return the settings of fine-tuning, but with the rate of the pretraining and without a limit of steps."""
    training = {
        "start": "pretrained",
        "budget": seconds,
        "seed": seed,
        "steps": _SCRATCH_STEPS,
        "learning_rate": _SCRATCH_RATE,
        "patience": _SCRATCH_STEPS,
    }
    config = validate({"model": {"kind": "pretrained"}, "training": training}, "settings")
    return resolve(config.model_copy(update={"data": DataConfig(horizon=horizon, season=panel.season)}), panel)


def median(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the median of forecasts tables, quantile by quantile, as an ensemble computes it."""
    keys, columns = ["unique_id", "step"], ["median", *(f"q{p:g}" for p in DECILES)]
    parts = [table.astype({"unique_id": str}).set_index(keys).sort_index()[columns] for table in tables]
    values = np.median([part.to_numpy() for part in parts], axis=0)
    return pd.DataFrame(values, index=parts[0].index, columns=columns).reset_index()


if __name__ == "__main__":
    main()
