"""The parts of a page: sections with charts, tables and text, and the series that the reader can choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Values = Sequence[Any] | npt.NDArray[Any]
Columns = Mapping[str, Values]

_COLUMN_DIGITS = 7  # the precision of a float32
_CELL_DIGITS = 5


@dataclass(frozen=True)
class Chart:
    """A chart, a sentence that sums it up, and its numbers.

    Attributes:
        summary: a sentence about these numbers. It is empty if the chart shows one series at a time, since each
            `DrawnSeries` brings a sentence for it.
        traces: traces of plotly, with `@name` for a column and `$name` for a colour of the page.
        layout: plotly's layout, apart from what all charts share.
        numbers: the columns that the reader can open as a table, by title.
        columns: values by name; None if the chart shows one series at a time and uses the columns of that series.
    """

    key: str
    heading: str
    summary: str
    traces: Sequence[dict[str, Any]]
    layout: dict[str, Any]
    numbers: Mapping[str, str]
    columns: Columns | None = None

    @property
    def is_by_series(self) -> bool:
        return self.columns is None


@dataclass(frozen=True)
class Table:
    """A few rows; the first cell of each row is its name."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Facts:
    """Names with their values."""

    caption: str
    pairs: Mapping[str, str]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """The text of a file, folded away."""

    caption: str
    text: str


@dataclass(frozen=True)
class Listing:
    """A table of any length that the reader can sort, search and page through. A page has at most one.

    Attributes:
        columns: [rows] values by title, the names first.
        order: the title of the column to sort by at first, in descending order; None keeps the order of the rows.
    """

    caption: str
    columns: Columns
    order: str | None = None


Part = Chart | Table | Facts | Text | Code | Listing


@dataclass(frozen=True)
class Section:
    """Parts under one heading."""

    key: str
    heading: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class DrawnSeries:
    """A series that the reader can choose.

    Attributes:
        group: the reason why it was selected, see `SelectedSeries`.
        columns: the values that the charts use.
        summaries: a sentence for each chart, by the chart's key.
    """

    name: str
    group: str
    columns: Columns
    summaries: Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes:
        kind: the kind of result: `Trained model`, `Backtest` ...
        name: the name of the folder or job.
        verdict: one sentence, the heading of the page.
        facts: a few figures below the verdict, by name.
        drawn_series: the series to choose from; empty if no chart shows one series at a time.
        note: a sentence that says how these series were selected.
        series_count: the number of all series.
        remarks: sentences that the reader should see before everything else.
    """

    kind: str
    name: str
    verdict: str
    facts: Mapping[str, str]
    sections: Sequence[Section]
    drawn_series: Sequence[DrawnSeries] = field(default=())
    note: str = ""
    series_count: int = 1
    remarks: Sequence[str] = field(default=())

    @property
    def charts(self) -> list[Chart]:
        return [part for section in self.sections for part in section.parts if isinstance(part, Chart)]

    @property
    def picker_section(self) -> str | None:
        """The key of the first section with a chart of one series at a time; the picker stands there."""
        for section in self.sections:
            if any(isinstance(part, Chart) and part.is_by_series for part in section.parts):
                return section.key
        return None

    @property
    def listing(self) -> Listing | None:
        parts = [part for section in self.sections for part in section.parts]
        return next((part for part in parts if isinstance(part, Listing)), None)


def to_json_column(values: Values) -> list[Any]:
    """Convert the values of a chart to JSON.

    Numbers are rounded to seven significant digits of the largest one; missing and infinite numbers become None.

    Args:
        values: [N] numbers or text, or [N, M] numbers.
    """
    array = np.asarray(values)
    if array.ndim > 1:
        return [to_json_column(row) for row in array]
    if array.dtype.kind != "f":
        return list(array.tolist())
    is_finite = np.isfinite(array)
    largest = float(np.abs(array[is_finite]).max()) if is_finite.any() else 0.0
    decimals = _COLUMN_DIGITS - 1 - int(np.floor(np.log10(largest))) if largest > 0 else 0
    rounded = np.round(array.astype(np.float64), decimals).tolist()
    return [value if is_known else None for value, is_known in zip(rounded, is_finite.tolist(), strict=True)]


def to_json_cells(values: Values) -> list[Any]:
    """Convert a column of a listing to JSON, each number rounded to five significant digits.

    The rows of a listing can differ in size by orders of magnitude, so that each one keeps its own digits.
    """
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return to_json_column(values)
    return [float(f"{value:.{_CELL_DIGITS}g}") if np.isfinite(value) else None for value in array.tolist()]
