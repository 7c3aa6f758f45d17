"""Options on the format of a table that have no effect on a file of its kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from forecaster.config.table_format import TableFormat
from forecaster.data.table import Table
from forecaster.errors import UsageError

_LAYOUT = ("encoding", "delimiter", "skip_rows", "header")
_ALL = ("sheet", *_LAYOUT)
_CELLS = ("decimal", "date_format", "day_first")


@dataclass(frozen=True)
class FileKind:
    """A kind of file, or of another source of a table.

    Attributes:
        description: the kind in words.
        unused: fields of `TableFormat` that have no effect on it.
        is_typed: True if its numbers and times are no text, so that options on cells need a column of text.
    """

    description: str
    unused: tuple[str, ...]
    is_typed: bool = False


TEXT = FileKind("a file of text, which has no sheets", ("sheet",))
WORKBOOK = FileKind("a workbook", ("encoding", "delimiter"))
PARQUET = FileKind("a Parquet file", _ALL, is_typed=True)
ARROW = FileKind("an Arrow file", _ALL, is_typed=True)
JSON = FileKind("a JSON file", _ALL, is_typed=True)
DATABASE = FileKind("a table of a database", _ALL, is_typed=True)


class UnusedOptionError(UsageError):
    """An option on the format of a table that has no effect on it."""


def check_options(source: str, tables: Sequence[tuple[FileKind, Table]], fixed: TableFormat) -> list[Table]:
    """Return the tables of a source, the first one with a note on settings of the format without effect on any of them.

    Such a setting may come from a config that was saved with another file, so it is only noted. An option that the user
    passed for this source is refused.

    Raises: UnusedOptionError: an option that was passed has no effect.
    """
    unused = [name for name in (*_ALL, *_CELLS) if getattr(fixed, name) is not None]
    unused = [name for name in unused if all(name in _list_unused(kind, table.frame) for kind, table in tables)]
    kind, first = tables[0]
    refuse_options(source, kind, fixed, unused)
    if not unused:
        return [table for _, table in tables]
    note = f"{', '.join(f'data.format.{name}' for name in unused)}: no effect on {kind.description}"
    return [replace(first, notes=(*first.notes, note)), *(table for _, table in tables[1:])]


def refuse_options(place: str, kind: FileKind, fixed: TableFormat, unused: Iterable[str]) -> None:
    """Refuse options that were passed, but have no effect.

    Raises: UnusedOptionError: names them.
    """
    flags = [fixed.flag_of(name) for name in unused if name in fixed.passed]
    if flags:
        other = "a workbook" if flags == ["--sheet"] else "a file of text"
        verb = "has" if len(flags) == 1 else "have"
        raise UnusedOptionError(
            f"{place}: {' and '.join(flags)} {verb} no effect on {kind.description}",
            hint=f"leave {' and '.join(flags)} out, or name {other}",
        )


def _list_unused(kind: FileKind, frame: pd.DataFrame) -> tuple[str, ...]:
    if not kind.is_typed or any(not _is_typed(frame[name].dtype) for name in frame):
        return kind.unused
    return (*kind.unused, *_CELLS)


def _is_typed(dtype: object) -> bool:
    """Return True for a column of numbers, truth values or times."""
    return isinstance(dtype, pd.DatetimeTZDtype) or getattr(dtype, "kind", "O") in "iufbM"
