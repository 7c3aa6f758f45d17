"""What a page is made of: sections of charts, tables and text; the series that a reader can choose among."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Values = Sequence[Any] | npt.NDArray[Any]
Columns = Mapping[str, Values]

_DIGITS = 7  # all that a float32 has


@dataclass(frozen=True)
class Chart:
    """A picture, what is seen in it, and its numbers.

    Attributes:
        seen: a sentence, true of these numbers; where a chart is of one series at a time, a sentence of all of them.
        traces: plotly's, with `@name` for a column and `$name` for a colour of the page.
        layout: plotly's, beside what all charts share.
        columns: by name; of none where a chart is of one series at a time, whose columns it then takes.
        numbers: the columns that a reader may see as a table, by their title.
    """

    key: str
    heading: str
    seen: str
    traces: Sequence[dict[str, Any]]
    layout: dict[str, Any]
    numbers: Mapping[str, str]
    columns: Columns | None = None

    @property
    def is_by_series(self) -> bool:
        return self.columns is None


@dataclass(frozen=True)
class Table:
    """A few rows, the first cell of each their name."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Facts:
    """Names and what they stand for."""

    caption: str
    pairs: Mapping[str, str]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Text as it stands in a file, folded away."""

    caption: str
    text: str


@dataclass(frozen=True)
class Listing:
    """A table of any length that a reader sorts, searches and leafs through; it stands once on a page.

    Attributes:
        columns: [rows] each, by title, the names first.
        order: the title that it is sorted by at first, the largest on top; None leaves the rows as they are.
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
class Drawn:
    """One series that can be chosen.

    Attributes:
        group: why it is among them: `asked for`, `worst`, `best`, `sample` or, where all are, empty.
        columns: what the charts take of it.
        seen: a sentence for a chart, by its key.
    """

    name: str
    group: str
    columns: Columns
    seen: Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes:
        kind: what it is about: `Trained model`, `Backtest` ...
        name: of that: a folder's, a job's.
        verdict: one sentence, which stands first.
        facts: a few figures, by name, which stand below.
        drawn: the series to choose among; none where no chart is of one series at a time.
        note: which series these are.
        series: how many there are in all.
        remarks: what a reader should know before all else.
    """

    kind: str
    name: str
    verdict: str
    facts: Mapping[str, str]
    sections: Sequence[Section]
    drawn: Sequence[Drawn] = field(default=())
    note: str = ""
    series: int = 1
    remarks: Sequence[str] = field(default=())

    @property
    def charts(self) -> list[Chart]:
        return [part for section in self.sections for part in section.parts if isinstance(part, Chart)]

    @property
    def picking(self) -> str | None:
        """The section that a series is chosen in: the first that has a chart of one at a time."""
        for section in self.sections:
            if any(isinstance(part, Chart) and part.is_by_series for part in section.parts):
                return section.key
        return None

    @property
    def listing(self) -> Listing | None:
        parts = [part for section in self.sections for part in section.parts]
        return next((part for part in parts if isinstance(part, Listing)), None)


def plain(values: Values) -> list[Any]:
    """Values as JSON knows them: seven digits of a number, None for what is missing or infinite, all else as it is."""
    array = np.asarray(values)
    if array.ndim > 1:  # a map: rows of numbers
        return [plain(row) for row in array]
    if array.dtype.kind in "iub":
        return list(array.tolist())
    if array.dtype.kind != "f":
        return list(array.tolist())
    finite = np.isfinite(array)
    largest = float(np.abs(array[finite]).max()) if finite.any() else 0.0
    decimals = _DIGITS - 1 - int(np.floor(np.log10(largest))) if largest > 0 else 0
    rounded = np.round(array.astype(np.float64), decimals).tolist()
    return [value if is_known else None for value, is_known in zip(rounded, finite.tolist(), strict=True)]


def brief(values: Values) -> list[Any]:
    """The same with five digits of each number: rows of a table may be of any size, the small beside the large."""
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return plain(values)
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in array.tolist()]
