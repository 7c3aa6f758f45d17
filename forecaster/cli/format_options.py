"""The options on the format of a table; each replaces what would be detected."""

from typing import Annotated, Literal

import typer

_FORMAT = "Format of the table"

Delimiter = Annotated[
    str | None,
    typer.Option("--delimiter", help="Character between cells.", rich_help_panel=_FORMAT, show_default="detected"),
]
Encoding = Annotated[
    str | None,
    typer.Option("--encoding", help="Encoding of the text.", rich_help_panel=_FORMAT, show_default="detected"),
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
        help="Cells that mean a missing value, separated by commas: -999,n.d.",
        rich_help_panel=_FORMAT,
        show_default=False,
    ),
]
DateFormat = Annotated[
    str | None,
    typer.Option(
        "--date-format",
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
        help="Read 1/2/2021 as 1 February, or as 2 January.",
        rich_help_panel=_FORMAT,
        show_default="detected",
    ),
]
