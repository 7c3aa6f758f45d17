"""The content of a backtest's page: its scores, and its forecasts beside the actual values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.evaluation import scored_rows as scores
from forecaster.report.page.backtest import BacktestContent
from forecaster.report.page.series_selection import select_series
from forecaster.store import bundle
from forecaster.store.regular_files import read_regular_file, read_text
from forecaster.workflows.backtest import TABLE
from forecaster.workflows.report.tables import parse_rows

_MAX_FOLDS_OF_SERIES = 24
_COLUMNS_OF_SERIES = 8  # numbers for each drawn step


def read_backtest(folder: Path, metrics: Mapping[str, Any], *, requested_ids: Sequence[str] = ()) -> BacktestContent:
    """Read the results of `forecast backtest`.

    Args:
        metrics: the content of metrics.json.
        requested_ids: series to draw in any case.

    Raises:
        InputError: the table is missing, or is not a table of forecasts.
        UsageError: a requested series does not exist.
    """
    hint = "run `forecast backtest` again"
    rows = parse_rows(read_regular_file(folder / TABLE, hint=hint), folder / TABLE)
    config = read_text(folder / bundle.CONFIG, hint=hint)
    block = metrics["backtest"]
    model = str(rows["model"].iloc[0])
    listed = {name: models for name, models in block["by_series"].items() if model in models}
    scales = {name: _scale(models[model]) for name, models in listed.items()}
    rows["scale"] = rows["unique_id"].map(scales).astype(float)
    table = scores.series_scores(rows)
    for column, name in (("mase", model), ("seasonal_naive", "seasonal_naive")):  # the scores of the backtest itself
        known = {series: models[name]["mase"] for series, models in listed.items()}
        table[column] = pd.Series(known, dtype=np.float64).reindex(table.index)
    horizon = int(block["horizon"]) * min(int(block["folds"]), _MAX_FOLDS_OF_SERIES)
    errors = table["smape" if block["unlisted"] else "mase"]  # metrics.json may lack the MASE of the best series
    names = [str(name) for name in table.index]
    selection = select_series(names, errors, horizon=horizon, columns=_COLUMNS_OF_SERIES, requested_ids=requested_ids)
    return BacktestContent(folder.resolve().name, model, metrics, config, rows, table, selection)


def _scale(score: Mapping[str, float | None]) -> float:
    """Return the divisor of MASE, from means over all cutoffs; NaN if there is none."""
    mae, mase = score["mae"], score["mase"]
    return mae / mase if mae and mase else np.nan
