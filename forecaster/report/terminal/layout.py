"""Sentences and tables that fit the width of the terminal: no word, number or command is cut."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from forecaster.report.words import bind_units

_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_MIN_NAME_WIDTH = 14  # characters to which the first column of a table may shrink


@dataclass(frozen=True)
class Sentence:
    """Sentences, titles and legends, with line breaks between words only.

    No line breaks between a number and its unit, or within a command in backticks unless it is wider than the terminal.
    A terminal of ASCII shows `±` as `+-`.
    """

    text: str
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text.replace("±", "+-") if options.ascii_only else self.text
        for line in wrap(text, options.max_width):
            yield Text(line, style=self.style, overflow="fold")


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text that is `width` characters wide at most; a longer word has a line of its own."""
    bound = re.sub(r"`[^`]+`", lambda command: command[0].replace(" ", _NO_BREAK_SPACE), bind_units(text))
    lines: list[str] = []
    for paragraph in bound.split("\n"):
        line = ""
        for word in _words(paragraph, width):
            if line and cell_len(line) + 1 + cell_len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return [line.replace(_NO_BREAK_SPACE, " ") for line in lines]


def _words(paragraph: str, width: int) -> Iterator[str]:
    """Yield what may not break; bound words that are too wide together one by one."""
    for word in paragraph.split(" "):
        yield from [word] if cell_len(word) <= width else word.split(_NO_BREAK_SPACE)


@dataclass(frozen=True)
class Fitted:
    """A table that fits the terminal without cutting a number.

    Headings of several words are folded first. Then the names in the first column are shortened, and then the optional
    columns are left out, with a line that names them.

    Attributes:
        table: a table without a box whose first column has names; the other columns are numbers unless they may wrap.
        optional: headings of columns that may be left out, the first one first.
    """

    table: Table
    optional: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns, width = list(self.table.columns), options.max_width
        hidden: list[str] = []
        is_folded = self._measure(columns, console, options) > width
        if is_folded:
            columns = [replace(column, header=str(column.header).replace(" ", "\n")) for column in columns]
        for heading in self.optional:
            if self._measure(columns, console, options, _MIN_NAME_WIDTH) <= width:
                break
            columns = [column for column in columns if _heading(column) != heading]
            hidden += [heading] if heading and self.table.show_header else []
        rest = self._measure(columns, console, options, 0)
        if rest < width:
            limit = min(width - rest, columns[0].max_width or width)
            columns[0] = replace(columns[0], max_width=limit, overflow="ellipsis")
        yield self._rebuild(columns, is_folded=is_folded)
        if hidden:
            yield Sentence(f"too narrow for: {', '.join(hidden)}", style="dim")

    def _measure(
        self, columns: Sequence[Column], console: Console, options: ConsoleOptions, most: int | None = None
    ) -> int:
        """Return the width that columns need if the names have `most` characters at most; None for all."""
        _, right, _, left = self.table.padding
        total = (left + right) * (len(columns) - 1)
        for number, column in enumerate(columns):
            cells = [*str(column.header).split("\n")] if self.table.show_header else []
            measures = [
                Measurement.get(console, options.update(width=10_000), cell) for cell in [*cells, *column.cells]
            ]
            needed = max((each.maximum if column.no_wrap else each.minimum for each in measures), default=0)
            needed = min(needed, column.max_width or needed)
            total += needed if number or most is None else min(needed, most)
        return total

    def _rebuild(self, columns: Sequence[Column], *, is_folded: bool) -> Table:
        """Return a table of columns of this one."""
        padding, show_header = self.table.padding, self.table.show_header
        table = Table(box=None, pad_edge=False, padding=padding, show_header=show_header)
        is_bottom = is_folded and all(column.no_wrap for column in columns)
        for column in columns:
            table.add_column(
                column.header,
                justify=column.justify,
                vertical="bottom" if is_bottom else column.vertical,
                overflow=column.overflow,
                no_wrap=column.no_wrap,
                max_width=column.max_width,
            )
        for cells in zip(*(column.cells for column in columns), strict=True):
            table.add_row(*cells)
        return table


def _heading(column: Column) -> str:
    return str(column.header).replace("\n", " ")
