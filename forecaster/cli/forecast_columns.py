"""The options on the columns and the format of a table of forecasts, which has no covariates."""

from typing import Annotated, Any

import typer

from forecaster.cli import format_options, options

Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        help="Columns of forecasts, separated by commas.",
        rich_help_panel="Columns of the table",
        show_default="detected",
    ),
]


def _forecast_columns(
    query: options.Query = None,
    query_timeout: options.QueryTimeout = None,
    query_rows: options.QueryRows = None,
    time: options.Time = None,
    target: Target = None,
    id: options.Id = None,
    duplicates: options.Duplicates = None,
    sheet: format_options.Sheet = None,
    delimiter: format_options.Delimiter = None,
    encoding: format_options.Encoding = None,
    skip_rows: format_options.SkipRows = None,
    header: format_options.Header = None,
    decimal: format_options.Decimal = None,
    na: format_options.MissingWords = None,
    date_format: format_options.DateFormat = None,
    day_first: format_options.DayFirst = None,
) -> dict[str, Any]:
    """Return those of the options of `options.read_columns` that a table of forecasts can have."""
    return options.read_columns(**locals())


ForecastTable = Annotated[dict[str, Any], _forecast_columns]
