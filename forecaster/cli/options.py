"""The options that several commands share, each described once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from forecaster.errors import UsageError

_COLUMNS = "Columns of the table"
_OUTPUT = "Output"

Horizon = Annotated[
    int | None,
    typer.Option("--horizon", min=1, max=100_000, help="Steps to forecast.", show_default="by the data's frequency"),
]
Time = Annotated[
    str | None,
    typer.Option("--time", help="Column of timestamps, or none.", rich_help_panel=_COLUMNS, show_default="found"),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target", help="Column to forecast; several with commas.", rich_help_panel=_COLUMNS, show_default="found"
    ),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id", help="Column that names the series of a long table.", rich_help_panel=_COLUMNS, show_default="found"
    ),
]
Freq = Annotated[
    str | None,
    typer.Option(
        "--freq",
        help="Pandas alias (D, h, 15min, W, MS), B, trading or integer.",
        rich_help_panel=_COLUMNS,
        show_default="found",
    ),
]
Season = Annotated[
    int | None,
    typer.Option(
        "--season", min=1, help="Steps in a season, 1 for none.", rich_help_panel=_COLUMNS, show_default="by frequency"
    ),
]
Duplicates = Annotated[
    Literal["error", "first", "last", "mean", "sum"] | None,
    typer.Option(
        "--duplicates",
        help="What to do with differing rows for one timestamp.",
        rich_help_panel=_COLUMNS,
        show_default="error",
    ),
]
Past = Annotated[
    str | None,
    typer.Option(
        "--past",
        help="Columns that help to forecast, with commas.",
        rich_help_panel=_COLUMNS,
        show_default=False,
    ),
]
Known = Annotated[
    str | None,
    typer.Option(
        "--known",
        help="Such columns whose future is known, with commas.",
        rich_help_panel=_COLUMNS,
        show_default=False,
    ),
]
Static = Annotated[
    str | None,
    typer.Option(
        "--static",
        help="Columns that do not change within a series, with commas.",
        rich_help_panel=_COLUMNS,
        show_default=False,
    ),
]
Holidays = Annotated[
    str | None,
    typer.Option(
        "--holidays",
        help="Country whose holidays matter: DE, or DE-BY.",
        rich_help_panel=_COLUMNS,
        show_default=False,
    ),
]
Minimum = Annotated[
    float | None,
    typer.Option("--min", help="Forecasts are never below it.", rich_help_panel=_COLUMNS, show_default=False),
]
Integer = Annotated[
    bool, typer.Option("--integer", help="Forecasts are whole numbers.", rich_help_panel=_COLUMNS, show_default=False)
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="YAML file with any of the settings.", show_default=False)
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="One setting, such as training.steps=500; may be repeated.",
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of a table.", rich_help_panel=_OUTPUT)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes on stderr.", rich_help_panel=_OUTPUT)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More detail on stderr.", rich_help_panel=_OUTPUT)]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour and no animation.", rich_help_panel=_OUTPUT)]


def parse_levels(text: str) -> tuple[float, ...]:
    """Read `80,95`.

    Raises: UsageError: not numbers.
    """
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UsageError(f"--levels: {text!r} is not numbers with commas", hint="write it as --levels 80,95") from error
