"""The result of `forecast predict` for the terminal: a table, and a fan chart of one series or sparklines of many."""

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.forecast import Forecast
from forecaster.panel import Floats, Panel
from forecaster.report.terminal.layout import Fitted, Sentence
from forecaster.report.terminal.plot import Sparkline, fan
from forecaster.report.words import number, plural

_MAX_ROWS = 14
_PAST_CHARACTERS, _FUTURE_CHARACTERS = 10, 5  # widths of the sparklines


def summary(forecast: Forecast, panel: Panel | None = None, *, series: int | None = None) -> RenderableType:
    """Return the steps of a single series, or the first step of each of several.

    Args:
        forecast: the forecast, possibly of the first series only.
        panel: the panel that the forecast was made from, to draw both; None draws nothing.
        series: the number of all series if the forecast has only the first ones.
    """
    series = series or len(forecast.ids)
    if series == 1:
        return _show_one(forecast, panel)
    return _show_many(forecast, panel, series)


def summarize_shards(written: int, skipped: int, *, series: int, fallbacks: int) -> RenderableType:
    """Return one line that counts the shards of a forecast.

    Args:
        written, skipped: shards of this run and of earlier ones.
        series: of all shards.
        fallbacks: series of the written shards with a simpler forecast.
    """
    total = plural(written + skipped, "shard")
    return Sentence(f"{series:,} series in {total}: {written:,} written, {skipped:,} skipped, {fallbacks:,} fallbacks")


def holdout_chart(forecast: Forecast, panel: Panel, actual: Floats) -> RenderableType:
    """Return a chart of the held-out steps of the first series: the forecast over the actual values.

    Args:
        panel: the panel that the forecast was made from.
        actual: [N, H] the actual values.
    """
    scope = f" of {forecast.ids[0]}, the first of {len(forecast.ids):,} series" if len(forecast.ids) > 1 else ""
    title = Sentence(f"The held-out steps{scope}: forecast and actual values", style="bold")
    return Group(title, fan(forecast, panel, 0, actual=actual[0]), Text())


def _show_one(forecast: Forecast, panel: Panel | None) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    table.add_column("time")
    _add_value_columns(table, forecast.model)
    stamps = forecast.frequency.format(forecast.ds[0], forecast.zone)
    for step in range(min(forecast.horizon, _MAX_ROWS)):
        table.add_row(str(stamps[step]), *_values(forecast, 0, step))
    parts: list[RenderableType] = [Sentence(f"Forecast of {forecast.ids[0]}", style="bold")]
    if panel:
        parts += [fan(forecast, panel, 0), Text()]
    parts.append(Fitted(table, ("median",)))
    if forecast.horizon > _MAX_ROWS:
        parts.append(Sentence(f"... and {forecast.horizon - _MAX_ROWS:,} more steps"))
    return Group(*parts)


def _show_many(forecast: Forecast, panel: Panel | None, series: int) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    table.add_column("unique_id")
    table.add_column("time")
    _add_value_columns(table, forecast.model)
    if panel:
        table.add_column("past", no_wrap=True)
        table.add_column("next", no_wrap=True)
    stamps = forecast.frequency.format(forecast.ds.ravel(), forecast.zone).reshape(forecast.ds.shape)
    rows = min(len(forecast.ids), _MAX_ROWS)
    for row in range(rows):
        charts = _sparklines(forecast, panel, row) if panel else []
        table.add_row(str(forecast.ids[row]), str(stamps[row, 0]), *_values(forecast, row, 0), *charts)
    title = f"Forecast of {series:,} series: the first of {forecast.horizon:,} steps"
    parts: list[RenderableType] = [Sentence(title, style="bold"), Fitted(table, ("past", "next", "time", "median"))]
    if series > rows:
        parts.append(Sentence(f"... and {series - rows:,} more series"))
    return Group(*parts)


def _add_value_columns(table: Table, model: str) -> None:
    for title in (f"{model} mean", "median", "80% from", "to"):
        table.add_column(title, justify="right")


def _values(forecast: Forecast, row: int, step: int) -> list[str]:
    """Return the mean, the median, and the bounds of the 80 % interval."""
    columns = (forecast.mean, forecast.median, forecast.at(0.1), forecast.at(0.9))
    return [number(float(values[row, step])) for values in columns]


def _sparklines(forecast: Forecast, panel: Panel, row: int) -> list[RenderableType]:
    """Return the last steps before the cutoff and the forecast, on one scale."""
    steps = max(2 * forecast.horizon, _PAST_CHARACTERS)
    past = panel.values[panel.begin[row] : panel.end[row], 0][-steps:].astype(float)
    future = forecast.median[row].astype(float)
    low, high = min(np.nanmin(past), future.min()), max(np.nanmax(past), future.max())
    return [Sparkline(past, _PAST_CHARACTERS, low, high), Sparkline(future, _FUTURE_CHARACTERS, low, high)]
