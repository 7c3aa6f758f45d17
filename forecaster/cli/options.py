"""The options that several commands share, each declared once, and groups of options that belong together."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from forecaster.cli import format_options, quantities
from forecaster.cli.cluster_option import Cluster as Cluster
from forecaster.cli.fold_options import Folds as Folds
from forecaster.cli.fold_options import describe_folds as describe_folds
from forecaster.cli.groups import expand as expand
from forecaster.cli.help import list_models
from forecaster.model_table import MODEL_NAMES, ModelName

if TYPE_CHECKING:
    from forecaster.cli.console import Console

_TABLE = "Columns of the table"
_OUTPUT = "Output"

Data = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="File (CSV, Excel, Parquet, JSON ...), a folder or glob, - for standard input, a SQL URL, or an address"
        " (s3://, gs://, abfs://, https://).",
        show_default=False,
    ),
]
Model = Annotated[
    ModelName | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help=f"Model to use: {list_models(MODEL_NAMES)}.",
        show_default="the preset's",
    ),
]
Preset = Annotated[
    Literal["fast", "default", "best"] | None,
    typer.Option("--preset", help="Defaults for every setting that you leave open.", show_default="default"),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of all random numbers.", show_default="0")
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Processor threads per network. Results depend on it.", show_default="1"),
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory", metavar="SIZE", help="Memory limit for large Parquet files, such as 4GB.", show_default=False
    ),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"] | None,
    typer.Option("--device", help="Where networks are trained; auto uses a GPU if there is one.", show_default="auto"),
]
Horizon = Annotated[
    int | None,
    typer.Option("--horizon", min=1, max=100_000, help="Steps to forecast.", show_default="from the frequency"),
]
SOURCE_KEYS = ("data.path", "data.query")
Query = Annotated[
    str | None,
    typer.Option(
        "--query",
        metavar="SQL",
        help="SQL query that returns the table, if DATA is a SQL URL.",
        rich_help_panel=_TABLE,
        show_default=False,
    ),
]
QueryTimeout = Annotated[
    str | None,
    typer.Option(
        "--query-timeout",
        metavar="TIME",
        help="Time limit for the query: 30s, 10m or 1h.",
        rich_help_panel=_TABLE,
        show_default="10m",
    ),
]
QueryRows = Annotated[
    int | None,
    typer.Option(
        "--query-rows",
        min=1,
        help="Largest number of rows that the query may return.",
        rich_help_panel=_TABLE,
        show_default="10,000,000",
    ),
]
Time = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="COLUMNS",
        help="Column of timestamps, or its columns separated by commas; none if there is none.",
        rich_help_panel=_TABLE,
        show_default="detected",
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="COLUMNS",
        help="Columns to forecast, separated by commas.",
        rich_help_panel=_TABLE,
        show_default="detected",
    ),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="COLUMNS",
        help="Columns that name the series of a long table, separated by commas.",
        rich_help_panel=_TABLE,
        show_default="detected",
    ),
]
Freq = Annotated[
    str | None,
    typer.Option(
        "--freq",
        metavar="FREQ",
        help="Frequency: 15min, h, D, W, MS or another alias of pandas, B, trading or integer.",
        rich_help_panel=_TABLE,
        show_default="detected",
    ),
]
Season = Annotated[
    int | None,
    typer.Option(
        "--season",
        min=1,
        help="Steps in a season; 1 for none.",
        rich_help_panel=_TABLE,
        show_default="from the frequency",
    ),
]
Duplicates = Annotated[
    Literal["error", "first", "last", "mean", "sum"] | None,
    typer.Option(
        "--duplicates",
        help="How to merge rows that differ for one timestamp.",
        rich_help_panel=_TABLE,
        show_default="error",
    ),
]
Past = Annotated[
    str | None,
    typer.Option(
        "--past",
        metavar="COLUMNS",
        help="Covariates known only up to the present, separated by commas.",
        rich_help_panel=_TABLE,
        show_default=False,
    ),
]
Known = Annotated[
    str | None,
    typer.Option(
        "--known",
        metavar="COLUMNS",
        help="Covariates whose future values are known, separated by commas.",
        rich_help_panel=_TABLE,
        show_default=False,
    ),
]
Static = Annotated[
    str | None,
    typer.Option(
        "--static",
        metavar="COLUMNS",
        help="Covariates with one value for each series, separated by commas.",
        rich_help_panel=_TABLE,
        show_default=False,
    ),
]
Holidays = Annotated[
    str | None,
    typer.Option(
        "--holidays",
        metavar="REGION",
        help="Country or region whose public holidays matter: DE, or DE-BY.",
        rich_help_panel=_TABLE,
        show_default=False,
    ),
]
Minimum = Annotated[
    float | None,
    typer.Option("--min", help="Lower limit of forecasts.", rich_help_panel=_TABLE, show_default=False),
]
Maximum = Annotated[
    float | None,
    typer.Option("--max", help="Upper limit of forecasts.", rich_help_panel=_TABLE, show_default=False),
]
Integer = Annotated[
    bool,
    typer.Option("--integer", help="Round forecasts to whole numbers.", rich_help_panel=_TABLE, show_default=False),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="YAML file with settings.", show_default=False)
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting, such as training.steps=500. Repeat it for several.",
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of a table.", rich_help_panel=_OUTPUT)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no notes to stderr.", rich_help_panel=_OUTPUT)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print more detail to stderr.", rich_help_panel=_OUTPUT)]
NoColor = Annotated[bool, typer.Option("--no-color", help="Use no colour and no animation.", rich_help_panel=_OUTPUT)]


def read_columns(
    query: Query = None,
    query_timeout: QueryTimeout = None,
    query_rows: QueryRows = None,
    time: Time = None,
    target: Target = None,
    id: Id = None,
    freq: Freq = None,
    season: Season = None,
    duplicates: Duplicates = None,
    past: Past = None,
    known: Known = None,
    static: Static = None,
    holidays: Holidays = None,
    minimum: Minimum = None,
    maximum: Maximum = None,
    integer: Integer = False,
    sheet: format_options.Sheet = None,
    delimiter: format_options.Delimiter = None,
    encoding: format_options.Encoding = None,
    skip_rows: format_options.SkipRows = None,
    header: format_options.Header = None,
    decimal: format_options.Decimal = None,
    na: format_options.MissingWords = None,
    date_format: format_options.DateFormat = None,
    day_first: format_options.DayFirst = None,
    zone: format_options.Zone = None,
) -> dict[str, Any]:
    """Return the options on the table's columns and format by config key; None for those that were not passed."""
    table_format = {
        "sheet": sheet,
        "delimiter": delimiter,
        "encoding": encoding,
        "skip_rows": skip_rows,
        "header": header,
        "decimal": decimal,
        "na": na,
        "date_format": date_format,
        "day_first": day_first,
        "zone": zone,
    }
    format_options.check_values(table_format)
    return {
        "data.query": query,
        "data.query_timeout": quantities.parse_time_limit("--query-timeout", query_timeout),
        "data.query_rows": query_rows,
        "data.time": time,
        "data.target": target,
        "data.id": id,
        "data.freq": freq,
        "data.season": season,
        "data.duplicates": duplicates,
        "data.past": past,
        "data.known": known,
        "data.static": static,
        "data.holidays": holidays,
        "data.minimum": minimum,
        "data.maximum": maximum,
        "data.integer": integer or None,
        **{f"data.format.{key}": value for key, value in table_format.items()},
    }


def _console(
    json: Json = False, quiet: Quiet = False, verbose: Verbose = False, no_color: NoColor = False
) -> "Console":
    from forecaster.cli.console import Console

    return Console(json=json, quiet=quiet, verbose=verbose, no_color=no_color)


Columns = Annotated[dict[str, Any], read_columns]
Output = Annotated["Console", _console]
