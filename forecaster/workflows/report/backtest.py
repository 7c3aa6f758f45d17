"""What a report tells of a backtest: its scores, and its forecasts beside what came true."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.errors import InputError
from forecaster.evaluation import scored_rows as scores
from forecaster.report.page.backtest import Folds
from forecaster.report.page.picks import pick
from forecaster.store import bundle
from forecaster.workflows.backtest import TABLE
from forecaster.workflows.report.tables import parse_rows


def gather(folder: Path, metrics: Mapping[str, Any], *, wanted: Sequence[str] = ()) -> Folds:
    """Read what `forecast backtest` wrote.

    Args:
        wanted: series to draw, whatever else is drawn.

    Raises:
        InputError: the table is missing or none.
        UsageError: a wanted series is not there.
    """
    try:
        rows = parse_rows((folder / TABLE).read_bytes(), folder / TABLE)
        config = (folder / bundle.CONFIG).read_text("utf-8")
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}", hint="run the backtest again") from error
    block = metrics["backtest"]
    model = str(rows["model"].iloc[0])
    listed = {name: each for name, each in block["by_series"].items() if model in each}
    rows["scale"] = rows["unique_id"].map({name: _scale(each[model]) for name, each in listed.items()}).astype(float)
    table = scores.by_series(rows)
    for column, name in (("mase", model), ("seasonal_naive", "seasonal_naive")):  # as the backtest has scored it
        known = {series: each[name]["mase"] for series, each in listed.items()}
        table[column] = pd.Series(known, dtype=np.float64).reindex(table.index)
    horizon = int(block["horizon"]) * min(int(block["folds"]), 24)
    ranked = table["smape" if block["unlisted"] else "mase"]  # of the best series, no MASE may be listed
    picks = pick([str(name) for name in table.index], ranked, horizon=horizon, columns=8, wanted=wanted)
    return Folds(folder.resolve().name, model, metrics, config, rows, table, picks)


def _scale(score: Mapping[str, float | None]) -> float:
    """What MASE divides by, of a mean over all cutoffs."""
    mae, mase = score["mae"], score["mase"]
    return mae / mase if mae and mase else np.nan
