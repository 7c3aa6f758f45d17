"""Tables of text for the terminal."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table

from forecaster.report.terminal.layout import Fitted


def text_table(
    names: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str], full: Sequence[str] = ()
) -> RenderableType:
    """Return a table of text.

    Args:
        right: columns that are aligned to the right.
        full: columns that are never shortened, so that the others are if space is short.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for place, name in enumerate(names):
        width = max(map(len, [name, *(row[place] for row in rows)])) if name in full else None
        table.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=width,
        )
    for row in rows:
        table.add_row(*row)
    return table if full else Fitted(table)
