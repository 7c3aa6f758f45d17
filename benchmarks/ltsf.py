"""Measure accuracy by the protocol of the papers on long-term forecasting (Informer, Autoformer, DLinear, SegRNN).

    python -m benchmarks.ltsf --data F --horizons 96,192,336,720 --context 96 [--seeds 1,2,3] [--model K] [--preset P]
        [--season m] [--set k=v] [--json FILE]

The file has a column `date` and a series in each numeric column; the split counts rows, not dates. Hourly files named
`ett*` have 8640 / 2880 / 2880 rows for training, validation and test, quarter-hourly ones four times as many, other
files 70 / 10 / 20 %. Each column is standardised by its training rows. For each horizon, one fit learns from the
training rows and stops by the validation rows, the last of which calibrate the intervals; there is no refit. Then every
window with targets in the test rows is forecast, with stride 1 and none dropped, and the mean forecast is scored on
standardised values. A network reads `--context` steps of a window; of the earlier steps of the column it uses only the
spread. Without `--context`, or with 0, the preset chooses.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.panel import describe_machine
from forecaster import runtime
from forecaster.config import Config
from forecaster.errors import ConfigError, DataError, ForecastError
from forecaster.evaluation.backtest import POINTS_AT_ONCE, iterate_parts
from forecaster.events import ignore
from forecaster.forecast import Forecaster
from forecaster.frequency import DAY, HOUR, MINUTE, Frequency
from forecaster.models.build import build
from forecaster.panel import Panel
from forecaster.selection.resolve import resolve
from forecaster.selection.scale import choose_scales
from forecaster.settings import load

_MONTH = 30 * DAY

Row = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """The numbers of rows for training, validation and test, in this order from the start of the file."""

    train: int
    validation: int
    test: int

    @property
    def total(self) -> int:
        return self.train + self.validation + self.test


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--horizons", type=_integers, default=[96, 192, 336, 720])
    parser.add_argument("--context", type=int, help="steps that a network reads; 0 lets the preset choose")
    parser.add_argument("--season", type=int, help="steps in a season; by the step of `date` if it is not given")
    parser.add_argument("--model")
    parser.add_argument("--preset")
    parser.add_argument("--seeds", type=_integers, default=[1])
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    try:
        document = measure(arguments)
    except ForecastError as error:
        parser.exit(error.code, f"{error.message}\nhint: {error.hint}\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit and score every horizon for every seed, print each row, and return the content of `--json`."""
    panel, rows = read(arguments.data, arguments.season)
    horizons, seeds = arguments.horizons, arguments.seeds
    resolved: dict[int, Any] = {}
    figures: list[Row] = []
    _print_row("seed", "horizon", "context", "MSE", "MAE", "coverage80", "seconds")
    for seed in seeds:
        for horizon in horizons:
            overrides = {
                "preset": arguments.preset,
                "data.horizon": horizon,
                "data.season": panel.season,
                "model.kind": arguments.model,
                "model.context": arguments.context or None,
                "training.seed": seed,
            }
            config = load(overrides=overrides, settings=tuple(arguments.settings))
            config = resolve(config, panel.cut(rows.test))
            context = getattr(config.model, "context", None)
            if arguments.context and context not in (None, arguments.context):
                raise ConfigError(
                    f"--context {arguments.context}: the model would read {context} steps, whole segments",
                    hint="pass --set embed.width=W with a W that divides the context",
                )
            runtime.prepare_torch(config.training.threads)
            config = choose_scales(config, panel.cut(rows.test), np.full(len(panel), rows.validation), watch=ignore)
            row = evaluate(config, panel, rows, horizon)
            figures.append({"seed": seed, **row} if len(seeds) > 1 else row)
            resolved[horizon] = config.model_dump(mode="json")
            _print_row(seed, horizon, context or "-", *_figures(row))
        _print_row(seed, "mean", "", *_figures(average(figures[-len(horizons) :])))
    if len(seeds) > 1:
        for horizon in horizons:
            _print_row("all", horizon, "", *_figures(average([row for row in figures if row["horizon"] == horizon])))
        _print_row("all", "mean", "", *_figures(average(figures)))
    mean = average(figures)
    return {
        "rows": figures,
        "mean": {"mse": mean["mse"], "mae": mean["mae"]},
        "seed": seeds if len(seeds) > 1 else seeds[0],
        "settings": {
            "data": arguments.data.name,
            "rows": [rows.train, rows.validation, rows.test],
            "season": panel.season,
            "context": arguments.context or None,
            "model": arguments.model,
            "preset": arguments.preset,
            "set": arguments.settings,
            "resolved": resolved,
        },
        "machine": describe_machine(),
    }


def read(path: Path, season: int | None = None) -> tuple[Panel, Rows]:
    """Read the rows of the protocol as a panel of standardised columns, and their split.

    Args:
        season: steps in a season; None for the default of the step of `date`.

    Raises:
        DataError: there is no column `date`, no numeric one, or there are too few rows.
    """
    frame = pd.read_csv(path)
    columns = frame.drop(columns="date", errors="ignore").select_dtypes("number")
    if "date" not in frame or not columns.shape[1]:
        raise DataError(
            f"{path}: needs a column date and numeric columns", hint="rename the column of timestamps to date"
        )
    stamps = pd.to_datetime(frame["date"]).to_numpy("datetime64[us]").astype(np.int64)
    step = int(np.median(np.diff(stamps))) if len(stamps) > 1 else 0
    if step <= 0:
        raise DataError(f"{path}: the column date does not increase", hint="sort the rows by date")
    rows = divide(path.name, len(frame), step)
    values = standardise(columns.to_numpy(np.float64)[: rows.total], rows.train)
    length, count = values.shape
    end = np.arange(1, count + 1) * length
    frequency = Frequency("fixed", step)
    panel = Panel(
        values=values.T.reshape(-1, 1).astype(np.float32),
        begin=end - length,
        end=end,
        start=np.full(count, stamps[0]),
        ids=np.array([str(name) for name in columns], object),
        frequency=frequency,
        season=season or frequency.defaults()[0],
    )
    return panel, rows


def divide(name: str, count: int, step: int) -> Rows:
    """Split `count` rows that are `step` microseconds apart, by the name of the file.

    Raises:
        DataError: a file with a name of the ETT data is shorter than the 20 months of the protocol.
    """
    if name.lower().startswith("ett") and step in (HOUR, 15 * MINUTE):
        month = _MONTH // step
        rows = Rows(12 * month, 4 * month, 4 * month)
        if count < rows.total:
            raise DataError(
                f"{name}: has {count} rows, but the protocol for this name needs {rows.total}",
                hint="if it is not one of the ETT files, rename it to split it 70 / 10 / 20",
            )
        return rows
    train, test = int(count * 0.7), int(count * 0.2)
    return Rows(train, count - train - test, test)


def standardise(values: np.ndarray[Any, np.dtype[np.float64]], train: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Standardise columns [T, C] by mean and deviation of their first `train` rows; a constant keeps its unit."""
    deviation = np.nanstd(values[:train], axis=0)  # [C]
    scaled: np.ndarray[Any, np.dtype[np.float64]]
    scaled = (values - np.nanmean(values[:train], axis=0)) / np.where(deviation > 0, deviation, 1)
    return scaled


def evaluate(config: Config, panel: Panel, rows: Rows, horizon: int) -> Row:
    """Fit a resolved config on the rows before the test rows, and score it on all test windows."""
    runtime.prepare_torch(config.training.threads)
    started = time.perf_counter()
    forecaster = build(config)
    validation = np.full(len(panel), rows.validation)
    forecaster.fit(panel.cut(rows.test), validation, watch=ignore, checkpoint=None)
    figures = score(forecaster, panel, rows.test, horizon)
    return {"horizon": horizon, **figures, "seconds": round(time.perf_counter() - started, 1)}


def score(forecaster: Forecaster, panel: Panel, test: int, horizon: int) -> Row:
    """Return MSE, MAE and the coverage of 80 % intervals over all observed points of all windows."""
    squares = absolutes = covered = 0.0
    points = 0
    for windows, last in split_windows(panel, test, horizon):
        forecast = forecaster.predict(windows, horizon)
        actual = windows.actual(horizon, last)
        is_known = np.isfinite(actual)
        error = (actual.astype(np.float64) - forecast.median)[is_known]
        squares += float(np.sum(error**2))
        absolutes += float(np.sum(np.abs(error)))
        covered += int(((forecast.at(0.1) <= actual) & (actual <= forecast.at(0.9)))[is_known].sum())
        points += error.size
    figures = {"mse": squares / points, "mae": absolutes / points, "coverage80": covered / points}
    return {name: round(value, 4) for name, value in figures.items()}


def split_windows(
    panel: Panel, test: int, horizon: int, *, points: int = POINTS_AT_ONCE
) -> Iterator[tuple[Panel, np.ndarray[Any, np.dtype[np.int64]]]]:
    """Yield every window with its targets in the last `test` steps of its column, in parts (see `iterate_parts`).

    A window is a series that begins with its column, so that it has the phases and the spread of the column, and ends
    before the first target. All windows share the memory of the panel.

    Yields:
        A panel of n windows, and [n] the positions after the last row of their columns.

    Raises:
        DataError: there are fewer test rows than steps of the horizon.
    """
    count = test - horizon + 1
    if count < 1:
        raise DataError(f"{test} test rows have no window of {horizon} steps", hint="pass shorter --horizons")
    column, offset = np.divmod(np.arange(len(panel) * count), count)
    columns = panel.select(column)
    for indices, windows in iterate_parts(columns.cut(test - offset), horizon, points=points):
        yield windows, columns.end[indices]


def average(rows: Sequence[Row]) -> Row:
    """Average the figures and the seconds of rows."""
    names = ("mse", "mae", "coverage80", "seconds")
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in names}


def _print_row(*cells: object) -> None:
    print(" ".join(f"{cell:>10}" for cell in map(str, cells)), flush=True)


def _figures(row: Row) -> list[str]:
    return [f"{row[name]:.4f}" for name in ("mse", "mae", "coverage80")] + [f"{row['seconds']:.1f}"]


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
