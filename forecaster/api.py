"""Train, forecast and backtest from Python, by the same code as the command line.

    import forecaster

    model = forecaster.train("data/sales.csv", target="sales", horizon=14)
    model.metrics["verdict"]
    model.predict().frame

Data is a path, a glob, a SQL URL or a DataFrame. Notes go to the logger `forecaster`. Every failure is a
`forecaster.errors.ForecastError` with a message and a hint.
"""

import atexit
import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Unpack

import pandas as pd

from forecaster.api_options import BacktestOptions, TableOptions, TrainOptions, to_keys
from forecaster.errors import DependencyError
from forecaster.events import Event, Note
from forecaster.parallel.cluster import use_cluster
from forecaster.store import bundle as store
from forecaster.store.json_files import read_object

Data = str | Path | pd.DataFrame

_LOGGER = logging.getLogger("forecaster")
_ROWS_PER_FRAME = 100_000


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of one or more series.

    Attributes:
        frame: unique_id, ds, cutoff, step, model, mean, median, q0.1 ... q0.9, status; a row for each series and step.
    """

    frame: pd.DataFrame

    def _repr_html_(self) -> str:
        return str(self.frame.to_html(max_rows=20))


@dataclass(frozen=True)
class Results:
    """The folder that a command wrote.

    Attributes:
        folder: a bundle, or the results of a backtest.
    """

    folder: Path

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json: the scores, the skills and the verdict."""
        return read_object(self.folder / store.METRICS, hint="run the command that wrote it again")

    def _repr_html_(self) -> str:
        """Return the main chart of the report, or the scores if matplotlib is missing."""
        from forecaster.workflows.report.make import report

        try:
            return report(self.folder, picture="svg").content.decode()
        except DependencyError:
            block = self.metrics.get("holdout") or self.metrics["backtest"]
            return str(pd.DataFrame(block.get("models") or block["overall"]).T.to_html())


@dataclass(frozen=True)
class Model(Results):
    """A trained model, saved as a bundle."""

    @property
    def holdout(self) -> pd.DataFrame:
        """The forecasts of the held-out steps beside the actual values, in the column `y`."""
        return _read_table(self.folder / "holdout.csv")

    def predict(
        self,
        data: Data | None = None,
        *,
        horizon: int | None = None,
        series: Sequence[str] = (),
        future: Data | None = None,
        levels: Sequence[float] = (),
    ) -> Forecasts:
        """Forecast the steps after the data; see `predict`."""
        return predict(data, bundle=self.folder, horizon=horizon, series=series, future=future, levels=levels)


@dataclass(frozen=True)
class Backtest(Results):
    """Forecasts from past cutoffs, and their scores."""

    @property
    def frame(self) -> pd.DataFrame:
        """The forecasts of all folds beside the actual values, in the column `y`."""
        return _read_table(self.folder / "backtest.csv")


def train(
    data: Data,
    *,
    horizon: int | None = None,
    model: str | None = None,
    out: str | Path | None = None,
    **options: Unpack[TrainOptions],
) -> Model:
    """Train a model, evaluate it on the last steps, and save it as a bundle.

    Args:
        data: the table.
        horizon: steps to forecast; None for the default of the frequency.
        model: as in `--model`.
        out: the folder of the bundle; None for `runs/<name>-<model>-<time>`.
        options: the options of the command, such as `preset`, `target` and `seed`; see `api_options`. `settings` has
            any key of a config, such as `{"training.steps": 500}`.

    Raises: UsageError: an option is unknown; ForecastError: as the command does.
    """
    from forecaster.workflows import train as workflow

    keys = to_keys(options, TrainOptions, train)
    keys |= _without_none({"data.horizon": horizon, "model.kind": model})
    config = _load_config(data, options.get("config"), keys)
    with use_cluster(options.get("cluster") or os.environ.get("FORECAST_CLUSTER")):
        return Model(workflow.train(config, out=_as_folder(out), watch=_log).folder)


def load(folder: str | Path) -> Model:
    """Return a model that was trained before.

    Raises: InputError: there is no bundle in the folder, or it is damaged.
    """
    store.read(Path(folder))
    return Model(Path(folder))


def predict(
    data: Data | None = None,
    *,
    bundle: str | Path | None = None,
    model: Literal["pretrained"] | None = None,
    horizon: int | None = None,
    series: Sequence[str] = (),
    future: Data | None = None,
    levels: Sequence[float] = (),
    **options: Unpack[TableOptions],
) -> Forecasts:
    """Forecast the steps after the data.

    Args:
        data: the table; None for the one that the bundle was trained on.
        bundle: the folder of the bundle; None for `runs/latest` or, where nothing was trained, the pretrained network.
        model: `pretrained` for that network even if there is a bundle; it needs a table.
        horizon: steps; None for the trained horizon.
        series: the names of the series to forecast; empty for all.
        future: a table with the known covariates for the steps to forecast.
        levels: coverages in per cent whose bounds are added to the deciles.
        options: the columns and the format of the table, such as `target`. A bundle decides the columns, so they are
            for the pretrained network; `query`, `duplicates` and the format are always accepted.

    Raises: UsageError: an option is unknown or contradicts the bundle; ForecastError: as the command does.
    """
    from forecaster.workflows.predict import predict as workflow
    from forecaster.workflows.predicted import FreshData

    fresh = FreshData(
        source=None if data is None else _as_path(data),
        columns=to_keys(options, TableOptions, predict),
        later=None if future is None else _as_path(future),
        series=tuple(series),
        is_pretrained=model is not None,
    )
    folder = None if bundle is None else Path(bundle)
    predicted = workflow(fresh, folder=folder, horizon=horizon, watch=_log)
    size = _ROWS_PER_FRAME // predicted.horizon + 1
    frames = [part.forecast.frames(size, levels=tuple(levels)) for part in predicted.parts]
    return Forecasts(pd.concat(itertools.chain.from_iterable(frames), ignore_index=True))


def backtest(
    data: Data,
    *,
    model: str | None = None,
    folds: int | None = None,
    horizon: int | None = None,
    out: str | Path | None = None,
    **options: Unpack[BacktestOptions],
) -> Backtest:
    """Forecast from past cutoffs, and score the forecasts beside naive ones.

    Args:
        data: the table.
        model: as in `--model`.
        folds: the number of cutoffs; None for the default.
        horizon, out: see `train`.
        options: see `train`; also `stride`, `refit` and `window`.

    Raises: UsageError: an option is unknown; ForecastError: as the command does.
    """
    from forecaster.workflows import backtest as workflow

    keys = to_keys(options, BacktestOptions, backtest)
    keys |= _without_none({"data.horizon": horizon, "model.kind": model, "evaluation.folds": folds})
    config = _load_config(data, options.get("config"), keys)
    with use_cluster(options.get("cluster") or os.environ.get("FORECAST_CLUSTER")):
        return Backtest(workflow.backtest(config, out=_as_folder(out), watch=_log).folder)


def _load_config(data: Data, path: str | Path | None, keys: Mapping[str, Any]) -> Any:
    """Return the config of options by their keys, over those of a YAML file."""
    from forecaster.settings import load as load_config

    return load_config(_as_folder(path), overrides={**keys, "data.path": _as_path(data)})


def _without_none(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if value is not None}


def _as_path(data: Data) -> str:
    """Return the path of a table; a DataFrame is written to a temporary file, which lasts as long as the process."""
    if not isinstance(data, pd.DataFrame):
        return str(data)
    folder = tempfile.mkdtemp(prefix="forecast-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "data.parquet"
    data.to_parquet(path, index=False)
    return str(path)


def _as_folder(out: str | Path | None) -> Path | None:
    return None if out is None else Path(out)


def _read_table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"unique_id": str}, keep_default_na=False, na_values={"y": [""]})


def _log(event: Event) -> None:
    if isinstance(event, Note):
        _LOGGER.info(event.text)
