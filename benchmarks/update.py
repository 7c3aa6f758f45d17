"""Measure the value of updates: a network trained once is updated after each horizon, or stays unchanged.

python -m benchmarks.update --data data/melbourne_temperature.csv --origins 4 --periods 8
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from forecaster.config import Config
from forecaster.config.job import ChallengerConfig
from forecaster.data.load import LoadedData
from forecaster.evaluation.metrics import Array, seasonal_error
from forecaster.events import ignore
from forecaster.forecast import Forecaster
from forecaster.models.build import build
from forecaster.panel import Panel
from forecaster.settings import load
from forecaster.store import bundle
from forecaster.store.bundle import Bundle
from forecaster.training import update as training
from forecaster.workflows.job.challenge import compare_update, update_champion
from forecaster.workflows.reading import read_data
from forecaster.workflows.source import Source
from forecaster.workflows.train import train_on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--origins", type=int, default=4, help="trainings, each on data that ends earlier")
    parser.add_argument("--periods", type=int, default=8, help="horizons after each training, an update after each")
    parser.add_argument("--steps", type=int, default=100, help="training steps of the network at most")
    parser.add_argument("--rate", type=float, default=training.RATE_SHARE, help="share of the learning rate")
    parser.add_argument("--share", type=float, default=training.STEP_SHARE, help="share of the steps")
    parser.add_argument("--anew", action="store_true", help="also train a new network after each period")
    arguments = parser.parse_args()
    training.RATE_SHARE, training.STEP_SHARE = arguments.rate, arguments.share
    print(
        json.dumps(
            measure(arguments.data, arguments.origins, arguments.periods, arguments.steps, is_anew=arguments.anew),
            indent=2,
        )
    )


def measure(data: Path, origins: int, periods: int, steps: int, *, is_anew: bool) -> dict[str, Any]:
    """Compare a model that stays unchanged, is always updated, is updated if it wins a test, or is trained again.

    Returns:
        MASE of each over all periods after the first; how many updates were tested, won the test, and were better in
        the next period; seconds of a training (fit and refit), of a test and of an update.
    """
    settings = (f"training.steps={steps}", "preset=fast", "model.kind=gru")
    config = load(overrides={"data": {"path": str(data)}}, settings=settings)
    loaded = read_data(Source.of(config.data), config, None, ignore)
    horizon = loaded.config.resolved_horizon
    errors: dict[str, list[float]] = {"as it is": [], "updated always": [], "updated where won": []}
    if is_anew:
        errors["trained anew"] = []
    tests = wins = improvements = 0
    seconds: dict[str, list[float]] = {"training": [], "test": [], "update": []}
    for origin in range(origins):
        end = (origin + 1) * periods * horizon  # steps between the end of the training data and the end of the data
        begun = time.perf_counter()
        trained = _train(_cut(loaded, end), config)
        seconds["training"].append(time.perf_counter() - begun)
        always = current = trained
        for period in range(1, periods):
            back = end - period * horizon
            now = _cut(loaded, back)
            begun = time.perf_counter()
            always = _update_bundle(always, now.panel)
            seconds["update"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            since = current.manifest.data.last_cutoff
            new = int(now.panel.frequency.index(np.array([since]), now.panel.cutoff[:1])[0])
            policy = ChallengerConfig()
            comparison = compare_update(current, now, policy, since=since, steps=new, watch=ignore)
            seconds["test"].append(time.perf_counter() - begun)
            tests += 1
            old, candidate = current, _update_bundle(current, now.panel)
            if comparison and comparison.is_challenger_better(policy.margin):
                wins, current = wins + 1, candidate
            actual = now.panel.actual(horizon, loaded.panel.end)
            scale = seasonal_error(now.panel, now.panel.season)
            models = [trained, always, current, *([_train(now, config)] if is_anew else [])]
            measured = [_error(_restore(model), now.panel, horizon, actual, scale) for model in models]
            for name, error in zip(errors, measured, strict=True):
                errors[name].append(error)
            improvements += _error(_restore(candidate), now.panel, horizon, actual, scale) < _error(
                _restore(old), now.panel, horizon, actual, scale
            )
    return {
        "mase": {name: round(float(np.mean(values)), 4) for name, values in errors.items()},
        "periods": len(errors["as it is"]),
        "tests": tests,
        "won": wins,
        "an update was better in the next period": improvements,
        "seconds": {name: round(float(np.mean(values)), 2) for name, values in seconds.items()},
    }


def _train(loaded: LoadedData, config: Config) -> Bundle:
    with tempfile.TemporaryDirectory() as folder:
        train_on(loaded, config, Path(folder) / "trained", data="-")
        return bundle.read(Path(folder) / "trained")


def _cut(loaded: LoadedData, back: int) -> LoadedData:
    """Return the data without its last `back` steps."""
    return replace(loaded, panel=loaded.panel.cut(back))


def _update_bundle(old: Bundle, panel: Panel) -> Bundle:
    data = old.manifest.data
    state = update_champion(old, panel, data.last_cutoff, watch=ignore).state()
    data = replace(data, last_cutoff=int(panel.cutoff.max()))
    return replace(old, state=state, manifest=replace(old.manifest, data=data))


def _restore(stored: Bundle) -> Forecaster:
    forecaster = build(stored.config)
    forecaster.restore(stored.state)
    return forecaster


def _error(forecaster: Forecaster, panel: Panel, horizon: int, actual: Array, scale: Array) -> float:
    return float(np.nanmean(np.abs(forecaster.predict(panel, horizon).median - actual)) / scale[0])


if __name__ == "__main__":
    main()
