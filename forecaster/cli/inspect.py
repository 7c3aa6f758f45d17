"""`forecast inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli import options, streams
from forecaster.cli.next_step import compose_command
from forecaster.errors import UsageError

_ENDINGS = (".json", ".csv", ".parquet")


@options.expand
def inspect(
    data: options.Data = None,
    horizon: options.Horizon = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="File to write: .json for the report, .csv or .parquet for a row per series, - for CSV on stdout.",
            show_default=False,
        ),
    ] = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    *,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Describe a table: its columns, its problems, and how training would use it.

    Reads the table as train does but trains nothing. Reports columns, frequency, season, gaps, values and splits.
    """
    from forecaster.settings import load
    from forecaster.workflows import inspect as workflow

    if out is not None and str(out) != "-" and out.suffix not in _ENDINGS:
        raise UsageError(
            f"--out {out}: cannot write a {out.suffix or 'nameless'} file",
            hint="use a name that ends in .json, .csv or .parquet",
        )
    overrides = {"data.path": data, "data.horizon": horizon, **columns}
    resolved = load(config, overrides=overrides, settings=tuple(settings or ()))
    if resolved.data.path is None:
        raise UsageError("DATA is missing", hint="type `forecast inspect data.csv`")
    with console.working():
        inspection = workflow.inspect(resolved, stdin=streams.stdin(), watch=console.watch)
    command = compose_command(
        ["forecast", "train", inspection.document["data"]],
        {"horizon": horizon, **columns, "config": config},
        settings,
    )
    document = {**inspection.document, "next": command}
    if out is not None and str(out) == "-":
        from forecaster.store.csv import to_csv

        console.show_text(document, to_csv(inspection.series).decode())
        return
    if out is not None:
        workflow.publish(document, inspection.series, out)
        console.note(f"wrote {out}")
    from forecaster.report.terminal.inspect import summary

    console.show(document, summary(inspection.document, inspection.panel if console.is_terminal else None))
    if inspection.document["train"]["is_possible"]:
        console.note(f"next: {command}")
