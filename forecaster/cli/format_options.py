"""The options on the format of a table; each replaces what would be detected."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from forecaster.errors import UsageError

_FORMAT = "Format of the table"

Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter", metavar="CHAR", help="Character between cells.", rich_help_panel=_FORMAT, show_default="detected"
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        metavar="NAME",
        help="Encoding of the text, such as cp1252.",
        rich_help_panel=_FORMAT,
        show_default="detected",
    ),
]
Sheet = Annotated[
    str | None,
    typer.Option(
        "--sheet",
        metavar="NAME|NUMBER",
        help="Sheet of a workbook.",
        rich_help_panel=_FORMAT,
        show_default="the first with a table",
    ),
]
SkipRows = Annotated[
    int | None,
    typer.Option(
        "--skip-rows",
        min=0,
        max=1_000_000,
        help="Lines above the header.",
        rich_help_panel=_FORMAT,
        show_default="detected",
    ),
]
Header = Annotated[
    int | None,
    typer.Option(
        "--header",
        min=0,
        max=10,
        help="Lines that name the columns; 0 for none.",
        rich_help_panel=_FORMAT,
        show_default="detected",
    ),
]
Decimal = Annotated[
    Literal[".", ","] | None,
    typer.Option(
        "--decimal",
        help="Decimal mark; the other mark then groups thousands.",
        rich_help_panel=_FORMAT,
        show_default="detected for each column",
    ),
]
MissingWords = Annotated[
    str | None,
    typer.Option(
        "--na",
        metavar="WORDS",
        help="Cells that mean a missing value, separated by commas: -999,n.d.",
        rich_help_panel=_FORMAT,
        show_default=False,
    ),
]
DateFormat = Annotated[
    str | None,
    typer.Option(
        "--date-format",
        metavar="FORMAT",
        help="Format of the time column, such as '%d.%m.%Y %H:%M'.",
        rich_help_panel=_FORMAT,
        show_default="detected",
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--zone",
        metavar="ZONE",
        help="Time zone of local times, such as Europe/Berlin; for clocks that go forward and back.",
        rich_help_panel=_FORMAT,
        show_default="none",
    ),
]
DayFirst = Annotated[
    bool | None,
    typer.Option(
        "--day-first/--no-day-first",
        help="Read 1/2/2021 as 1 February, or with --no-day-first as 2 January.",
        rich_help_panel=_FORMAT,
        show_default="detected",
    ),
]


def check_values(values: Mapping[str, Any]) -> None:
    """Check the values of options on the format.

    Args:
        values: by field of `TableFormat`; None for an option that was not passed.

    Raises: UsageError: a value is not possible; names its option.
    """
    passed = {key: value for key, value in values.items() if value is not None}
    if not passed:
        return
    from pydantic import ValidationError

    from forecaster.config.table_format import TableFormat

    try:
        TableFormat.model_validate(passed)
    except ValidationError as error:
        first = error.errors()[0]
        flag = f"--{str(first['loc'][0]).replace('_', '-')}"
        problem = str(first["msg"]).removeprefix("Value error, ")
        raise UsageError(f"{flag}: {problem}", hint=f"pass another value, or leave {flag} out") from error
