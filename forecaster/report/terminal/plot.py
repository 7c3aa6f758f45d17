"""Charts made of characters: a fan chart of one series, sparklines of many.

Rich draws no lines. Plotext 6 compiles a kernel when it is installed, and plotext 5 is no longer maintained.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from forecaster.evaluation.metrics import Array
from forecaster.forecast import Forecast
from forecaster.panel import Floats, Panel
from forecaster.report.words import number

_CHART_ROWS = 12
_MAX_CHART_WIDTH = 100
_EMPTY_BRAILLE = "\u2800"
_BRAILLE_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # bits of the 4 rows and 2 columns of dots
_DOT_ROWS, _DOT_COLUMNS = 4, 2
_HISTORY_PER_HORIZON = 3  # steps of history for each step of the horizon
_MIN_HISTORY = 24


class _Marks(NamedTuple):
    """The characters of lines and shades; a line whose mark is empty consists of braille dots."""

    history: str
    forecast: str
    band: str
    edge: str
    blocks: str


_MARKS = _Marks("", "•", "░", "│", "▁▂▃▄▅▆▇█")  # Lines differ by more than their colour.
_ASCII_MARKS = _Marks("*", "o", ".", "|", "_.-=+*#@")
_STYLES = {"": "", "history": "", "forecast": "bold magenta", "band": "magenta"}


def _legend(marks: _Marks, margin: int, width: int) -> Iterator[Text]:
    """Yield the marks of the chart in their colours, each with its meaning, in lines of at most `width` characters."""
    meanings = {"history": "observed", "forecast": "forecast (median)", "band": "80 % interval"}
    line = Text()
    for name, mark in (("history", marks.history), ("forecast", marks.forecast), ("band", marks.band)):
        entry = Text.assemble(((mark or "⠒") * 2, _STYLES[name]), (f" {meanings[name]}", "dim"))
        if line and margin + 1 + line.cell_len + 3 + entry.cell_len > width:
            yield Text(" " * (margin + 1)) + line
            line = entry
        else:
            line = Text("   ").join([line, entry]) if line else entry
    yield Text(" " * (margin + 1)) + line


def _choose_marks(options: ConsoleOptions) -> _Marks:
    return _ASCII_MARKS if options.ascii_only else _MARKS


@dataclass(frozen=True)
class Fan:
    """A chart of the recent history of a series, followed by the median and the 80 % interval of its forecast.

    Attributes:
        history: [M] values up to the cutoff, then the actual values of forecast steps if they are known; NaN in gaps.
        begin: index in `history` of the first forecast step; M if no value after the cutoff is known.
        median, low, high: [H] the forecast, and the bounds of its 80 % interval.
        times: text of the first value's time, the cutoff's and the last forecast's.
    """

    history: Array
    begin: int
    median: Array
    low: Array
    high: Array
    times: tuple[str, str, str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bottom, top = self._range()
        labels = [number(top), number((top + bottom) / 2), number(bottom)]
        margin = max(map(len, labels)) + 1
        columns = max(min(options.max_width, _MAX_CHART_WIDTH) - margin - 1, 10)
        marks = _choose_marks(options)
        for row, cells in enumerate(self._draw(columns, bottom, top, marks)):
            label = {0: labels[0], _CHART_ROWS // 2: labels[1], _CHART_ROWS - 1: labels[2]}.get(row, "")
            line = Text(f"{label:>{margin - 1}} {marks.edge}", no_wrap=True)
            for character, name in cells:
                line.append(character, _STYLES[name])
            line.rstrip()
            yield line
        yield Text(" " * margin + _axis(columns, round(self._column(self.begin - 0.5, columns)), self.times))
        yield from _legend(marks, margin, options.max_width)

    def _range(self) -> tuple[float, float]:
        """Return the values of the lowest row and of the highest."""
        values = np.concatenate([self.history, self.median, self.low, self.high])
        values = values[np.isfinite(values)]
        low, high = float(values.min()), float(values.max())
        return (low, high) if high > low else (low - 1, high + 1)

    @property
    def _steps(self) -> int:
        return max(self.begin + len(self.median), len(self.history))

    def _column(self, step: float, columns: int) -> float:
        return step * (columns - 1) / max(self._steps - 1, 1)

    def _draw(self, columns: int, bottom: float, top: float, marks: _Marks) -> list[list[tuple[str, str]]]:
        """Return the characters of each row from the top, each with the name of what it shows."""
        cells = [[(" ", "")] * columns for _ in range(_CHART_ROWS)]
        future = self.begin + np.arange(len(self.median))

        def height(values: Array, rows: int) -> Array:
            return np.asarray((top - values) / (top - bottom) * (rows - 1))

        steps_of_columns = np.arange(columns) * max(self._steps - 1, 1) / max(columns - 1, 1)
        is_future = (steps_of_columns >= future[0] - 0.5) & (steps_of_columns <= future[-1] + 0.5)
        for column in np.flatnonzero(is_future).tolist():
            edges = np.array([np.interp(steps_of_columns[column], future, bound) for bound in (self.high, self.low)])
            first, last = np.rint(height(edges, _CHART_ROWS)).astype(int).tolist()
            for row in range(first, last + 1):
                cells[row][column] = (marks.band, "band")
        history = np.arange(len(self.history))
        for name, mark, steps, values in (
            ("forecast", marks.forecast, future, self.median),
            ("history", marks.history, history, self.history),
        ):
            dot_rows, dot_columns = (1, 1) if mark else (_DOT_ROWS, _DOT_COLUMNS)
            x = self._column(1, columns * dot_columns) * steps
            y = height(values, _CHART_ROWS * dot_rows)
            _add_line(cells, _trace_line(x, y), name, mark)
        return cells


@dataclass(frozen=True)
class Sparkline:
    """A row of characters, one for each step or for the mean of several steps; a gap is blank.

    Attributes:
        values: the values from the oldest.
        width: most characters of the row.
        low, high: values of the lowest and the highest character.
    """

    values: Array
    width: int
    low: float
    high: float

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.width, self.width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        blocks, span = _choose_marks(options).blocks, self.high - self.low
        text = ""
        for part in np.array_split(self.values, min(self.width, max(len(self.values), 1))):
            known = part[np.isfinite(part)]
            height = (known.mean() - self.low) / span if len(known) and span > 0 else 0.5
            text += blocks[round(float(np.clip(height, 0, 1)) * (len(blocks) - 1))] if len(known) else " "
        yield Text(text, no_wrap=True)


def fan(forecast: Forecast, panel: Panel, row: int, *, actual: Floats | None = None) -> Fan:
    """Return the chart of a series: its forecast after as much history as helps to evaluate it.

    Args:
        panel: the panel that the forecast was made from.
        row: index of the series.
        actual: [H] the actual values; None if they are unknown.
    """
    target = panel.values[panel.begin[row] : panel.end[row], 0].astype(float)
    count = min(len(target), max(_HISTORY_PER_HORIZON * forecast.horizon, _MIN_HISTORY))
    first = panel.frequency.timestamps(panel.start[row : row + 1], panel.lengths[row : row + 1] - count)
    stamps = np.array([first[0], forecast.cutoff[row], forecast.ds[row, -1]])
    low, median, high = (forecast.at(p)[row].astype(float) for p in (0.1, 0.5, 0.9))
    history = target[-count:] if actual is None else np.concatenate([target[-count:], actual])
    begin, cutoff, end = map(str, forecast.frequency.format(stamps, forecast.zone).tolist())
    return Fan(history, count, median, low, high, (begin, cutoff, end))


def _trace_line(x: Array, y: Array) -> set[tuple[int, int]]:
    """Return the dots (column, row) of a line through points; the line breaks at a missing point."""
    dots: set[tuple[int, int]] = set()
    before: tuple[float, float] | None = None
    for point in zip(x.tolist(), y.tolist(), strict=True):
        if not np.isfinite(point[1]):
            before = None
            continue
        start = before or point
        count = int(max(abs(point[0] - start[0]), abs(point[1] - start[1]))) + 1
        for part in np.linspace(0, 1, count + 1):
            dots.add((round(start[0] + part * (point[0] - start[0])), round(start[1] + part * (point[1] - start[1]))))
        before = point
    return dots


def _add_line(cells: list[list[tuple[str, str]]], dots: set[tuple[int, int]], name: str, mark: str) -> None:
    """Draw a line over the cells of a chart, with a mark per cell or, if the mark is empty, in braille dots."""
    dot_rows, dot_columns = (1, 1) if mark else (_DOT_ROWS, _DOT_COLUMNS)
    patterns: dict[tuple[int, int], int] = {}
    for x, y in dots:
        place = (y // dot_rows, x // dot_columns)
        patterns[place] = patterns.get(place, 0) | _BRAILLE_DOTS[y % dot_rows][x % dot_columns]
    for (row, column), pattern in patterns.items():
        cells[row][column] = (mark or chr(ord(_EMPTY_BRAILLE) | pattern), name)


def _axis(columns: int, cutoff: int, times: tuple[str, str, str]) -> str:
    """Return the line of times below a chart, each at its column if there is room for it.

    Args:
        cutoff: column of the cutoff.
        times: first time, cutoff and last time.
    """
    first, middle, last = times
    line = list(f" {first}".ljust(columns + 1))
    begin = max(min(cutoff + 1 - len(middle) // 2, columns - len(last) - len(middle) - 2), 0)
    if begin > len(first) + 2:
        line[begin : begin + len(middle)] = middle
    if len(first) + len(last) < columns:
        line[columns + 1 - len(last) : columns + 1] = last
    return "".join(line).rstrip()
