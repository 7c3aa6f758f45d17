"""What an update between two trainings is worth: a network trained once, then updated once a horizon, or left as it is.

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
from forecaster.workflows.job.challenge import contest_update, update
from forecaster.workflows.train import read_data, train_on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--origins", type=int, default=4, help="trainings, each on data that ends earlier")
    parser.add_argument("--periods", type=int, default=8, help="horizons after each training, an update after each")
    parser.add_argument("--steps", type=int, default=100, help="training steps of the network at most")
    parser.add_argument("--rate", type=float, default=training.RATE_SHARE, help="share of the learning rate")
    parser.add_argument("--share", type=float, default=training.STEP_SHARE, help="share of the steps")
    parser.add_argument("--anew", action="store_true", help="also train anew after each period")
    given = parser.parse_args()
    training.RATE_SHARE, training.STEP_SHARE = given.rate, given.share
    print(json.dumps(measure(given.data, given.origins, given.periods, given.steps, is_anew=given.anew), indent=2))


def measure(data: Path, origins: int, periods: int, steps: int, *, is_anew: bool) -> dict[str, Any]:
    """Compare the model as it is, updated whatever comes, updated where the test is won, and trained anew each time.

    Returns: MASE over all periods after the first, of each; how often updates were tried, won the test, and were
        better in the next period; seconds of a training (fit and refit), of a test and of an update.
    """
    settings = (f"training.steps={steps}", "preset=fast", "model.kind=gru")
    config = load(overrides={"data": {"path": str(data)}}, settings=settings)
    loaded = read_data(str(data), config, None, ignore)
    horizon = loaded.config.resolved_horizon
    errors: dict[str, list[float]] = {"as it is": [], "updated always": [], "updated where won": []}
    if is_anew:
        errors["trained anew"] = []
    tried = won = right = 0
    seconds: dict[str, list[float]] = {"training": [], "test": [], "update": []}
    for origin in range(origins):
        end = (origin + 1) * periods * horizon  # steps from the end of what is trained on to the end of the data
        begun = time.perf_counter()
        trained = _train(_until(loaded, end), config)
        seconds["training"].append(time.perf_counter() - begun)
        always = chosen = trained
        for period in range(1, periods):
            back = end - period * horizon
            now = _until(loaded, back)
            begun = time.perf_counter()
            always = _updated(always, now.panel)
            seconds["update"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            since = int(chosen.manifest["data"]["last_cutoff"])
            new = int(now.panel.frequency.index(np.array([since]), now.panel.cutoff[:1])[0])
            policy = ChallengerConfig()
            found = contest_update(chosen, now, policy, since=since, steps=new, watch=ignore)
            seconds["test"].append(time.perf_counter() - begun)
            tried += 1
            old, both = chosen, _updated(chosen, now.panel)
            if found and found.is_won(policy.margin):
                won, chosen = won + 1, both
            actual = now.panel.actual(horizon, loaded.panel.end)
            scale = seasonal_error(now.panel, now.panel.season)
            models = [trained, always, chosen, *([_train(now, config)] if is_anew else [])]
            measured = [_error(_wake(each), now.panel, horizon, actual, scale) for each in models]
            for name, error in zip(errors, measured, strict=True):
                errors[name].append(error)
            right += _error(_wake(both), now.panel, horizon, actual, scale) < _error(
                _wake(old), now.panel, horizon, actual, scale
            )
    return {
        "mase": {name: round(float(np.mean(each)), 4) for name, each in errors.items()},
        "periods": len(errors["as it is"]),
        "tests": tried,
        "won": won,
        "an update was better in the next period": right,
        "seconds": {name: round(float(np.mean(each)), 2) for name, each in seconds.items()},
    }


def _train(loaded: LoadedData, config: Config) -> Bundle:
    with tempfile.TemporaryDirectory() as folder:
        train_on(loaded, config, Path(folder) / "trained", data="-")
        return bundle.read(Path(folder) / "trained")


def _until(loaded: LoadedData, back: int) -> LoadedData:
    """The data as it was so many steps ago."""
    return replace(loaded, panel=loaded.panel.cut(back))


def _updated(old: Bundle, panel: Panel) -> Bundle:
    data = old.manifest["data"]
    state = update(old, panel, int(data["last_cutoff"]), watch=ignore).state()
    manifest = {**old.manifest, "data": {**data, "last_cutoff": int(panel.cutoff.max())}}
    return replace(old, state=state, manifest=manifest)


def _wake(kept: Bundle) -> Forecaster:
    forecaster = build(kept.config)
    forecaster.restore(kept.state)
    return forecaster


def _error(forecaster: Forecaster, panel: Panel, horizon: int, actual: Array, scale: Array) -> float:
    return float(np.nanmean(np.abs(forecaster.predict(panel, horizon).mean - actual)) / scale[0])


if __name__ == "__main__":
    main()
