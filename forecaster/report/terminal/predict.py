"""What lies ahead, as a table and drawn: a fan chart of one series, sparklines of many."""

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forecaster.forecast import Forecast
from forecaster.panel import Floats, Panel
from forecaster.report.terminal.plot import Sparkline, fan
from forecaster.report.words import number

_ROWS = 14
_PAST, _AHEAD = 16, 8  # characters of a sparkline


def outlook(forecast: Forecast, panel: Panel | None = None, *, series: int | None = None) -> RenderableType:
    """The steps of one series, or the next step of each of many.

    Args:
        series: how many there are, where the forecast holds only the first of them.
        panel: that the forecast was made from, to draw both; None draws nothing.
    """
    series = series or len(forecast.ids)
    one = series == 1
    table = Table(box=None, pad_edge=False)
    table.add_column("ds" if one else "unique_id")
    for name in () if one else ("ds",):
        table.add_column(name)
    for name in (forecast.model, "80% from", "to"):
        table.add_column(name, justify="right")
    if panel and not one:
        table.add_column("seen", no_wrap=True)
        table.add_column("ahead", no_wrap=True)
    stamps = forecast.frequency.format(forecast.ds.ravel(), forecast.zone).reshape(forecast.ds.shape)
    cells = [(0, step) for step in range(forecast.horizon)] if one else [(row, 0) for row in range(len(forecast.ids))]
    for row, step in cells[:_ROWS]:
        names = [str(stamps[row, step])] if one else [str(forecast.ids[row]), str(stamps[row, step])]
        values = (forecast.mean, forecast.at(0.1), forecast.at(0.9))
        drawn = _sparklines(forecast, panel, row) if panel and not one else []
        table.add_row(*names, *(number(float(array[row, step])) for array in values), *drawn)
    hidden = (forecast.horizon if one else series) - min(len(cells), _ROWS)
    if one:
        title = f"Forecast of {forecast.ids[0]}"
    else:
        title = f"Forecast of {series} series: the first of {forecast.horizon} steps"
    parts: list[RenderableType] = [Text(title, style="bold"), table]
    if panel and one:
        parts.insert(1, fan(forecast, panel, 0))
        parts.insert(2, Text())
    if hidden > 0:
        parts.append(Text(f"... and {hidden} more {'steps' if one else 'series'}"))
    return Group(*parts)


def hindsight(forecast: Forecast, panel: Panel, actual: Floats) -> RenderableType:
    """What was forecast of the held-out steps, drawn over what came true: the first series of many.

    Args:
        panel: that the forecast was made from.
        actual: [N, H].
    """
    scope = f" of {forecast.ids[0]}, the first of {len(forecast.ids)} series" if len(forecast.ids) > 1 else ""
    title = Text(f"Held-out steps{scope}, as they came and as they were forecast", style="bold")
    return Group(title, fan(forecast, panel, 0, actual=actual[0]), Text())


def _sparklines(forecast: Forecast, panel: Panel, row: int) -> list[RenderableType]:
    """The steps before the cutoff and those after it, on one scale."""
    past = panel.values[panel.begin[row] : panel.end[row], 0][-max(2 * forecast.horizon, _PAST) :].astype(float)
    ahead = forecast.mean[row].astype(float)
    low, high = min(np.nanmin(past), ahead.min()), max(np.nanmax(past), ahead.max())
    return [Sparkline(past, _PAST, low, high), Sparkline(ahead, _AHEAD, low, high)]
