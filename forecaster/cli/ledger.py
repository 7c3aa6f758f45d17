"""`forecast ledger score|record|history|diff|recalibrate`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from forecaster.cli import options, streams
from forecaster.cli.forecast_columns import ForecastTable
from forecaster.cli.help import HelpCommand, HelpGroup
from forecaster.errors import UsageError

if TYPE_CHECKING:
    from forecaster.cli.console import Console

app = typer.Typer(
    help="Score recorded forecasts, list runs, compare forecasts between runs, and record those of others.",
    cls=HelpGroup,
    no_args_is_help=True,
)

JobFile = Annotated[
    Path | None, typer.Argument(metavar="JOB", help="The job's YAML file, which names its ledger.", show_default=False)
]
Url = Annotated[
    str | None,
    typer.Option(
        "--ledger", metavar="URL", help="SQL URL or SQLite file of a ledger, instead of a job's.", show_default=False
    ),
]
JobName = Annotated[
    str | None, typer.Option("--job", metavar="NAME", help="Job in the ledger.", show_default="the only one")
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="First actual to use: a date, 30d for 30 days before the last, or all.",
        show_default="recent ones",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FILE", help="CSV file to write, or - for standard output.", show_default=False
    ),
]


@app.command(cls=HelpCommand)
@options.expand
def score(
    job_file: JobFile = None,
    url: Url = None,
    job_name: JobName = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DATA", help="Table to read actuals from.", show_default="the job's data"),
    ] = None,
    since: Since = None,
    level: Annotated[int, typer.Option("--level", help="50, 80, 90 or 95: anomalies lie outside this interval.")] = 95,
    by: Annotated[
        Literal["step", "series", "model", "week", "source"] | None,
        typer.Option("--by", help="Show only the scores by this, in full.", show_default=False),
    ] = None,
    out: Out = None,
    config: options.ConfigFile = None,
    *,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Score forecasts whose actuals have arrived: error, bias, coverage, skill, anomalies and drift.

    Uses the actuals of the last 90 steps, or of the last 30 days if steps are shorter than a day.
    """
    from forecaster.report.terminal import ledger as report
    from forecaster.settings import load
    from forecaster.workflows.ledger import score as workflow
    from forecaster.workflows.ledger.scope import open_scope

    columns_passed = {key: value for key, value in columns.items() if value is not None}
    if data is None and (columns_passed or config is not None):
        raise UsageError("options for columns need --data", hint="name the table, such as --data sales.csv")
    data_config = None if data is None else load(config, overrides={"data.path": data, **columns_passed})
    scope = open_scope(job_file, url, job_name)
    with console.working(), scope.explained_damage():
        selection = workflow.ScoreSelection(since, level)
        document = workflow.score(
            scope, data=data_config, selection=selection, stdin=streams.stdin(), watch=console.watch
        )
        if by == "week" and document["overall"] and document["by_week"] is None:
            raise UsageError("--by week: integer time has no weeks", hint="use --by step, --by series or --by model")
        _show_rows(console, document, report.render_scores(document, by), report.score_rows(document, by), out)


@app.command(cls=HelpCommand)
@options.expand
def record(
    data: Annotated[str, typer.Argument(metavar="FILE", help="Table of forecasts, in any format that train reads.")],
    job_file: JobFile = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="NAME",
            help="Who made the forecasts, such as planner.",
            show_default="override with --overrides",
        ),
    ] = None,
    overrides: Annotated[
        bool, typer.Option("--overrides", help="FILE has the cells in which somebody changed the job's forecast.")
    ] = False,
    cutoff: Annotated[
        str | None,
        typer.Option("--cutoff", metavar="TIME", help="Last time known to their author.", show_default="inferred"),
    ] = None,
    cutoff_column: Annotated[
        str | None,
        typer.Option(
            "--cutoff-column",
            help="Column with the cutoff of each row, or the date on which it was made.",
            show_default="detected",
        ),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", help="Key of the run that is overridden.", show_default="the newest up to the cutoff"),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace recorded forecasts by other values; the old ones stay as versions."),
    ] = False,
    url: Url = None,
    job_name: JobName = None,
    config: options.ConfigFile = None,
    *,
    columns: ForecastTable,
    console: options.Output,
) -> None:
    """Record forecasts that somebody else made, or changes of the job's forecasts, to score them beside the job's.

    FILE has a row for each series and time, or a column for each series or time. `forecast ledger score` then shows
    what each step adds: naive, model, and planner or override. Recording the same file again changes nothing.
    """
    from forecaster.report.terminal.sources import render_record
    from forecaster.settings import load
    from forecaster.workflows.ledger import record as workflow
    from forecaster.workflows.ledger.scope import open_scope
    from forecaster.workflows.ledger.source_cutoffs import SourceRequest

    if source is None and not overrides:
        raise UsageError(
            "--source is missing: whose forecasts are these?",
            hint="pass a name, such as --source planner, or --overrides for changes of the job's forecasts",
        )
    request = SourceRequest(source or workflow.OVERRIDE, cutoff, cutoff_column, overrides, run, replace)
    if Path(data).suffix in (".yaml", ".yml"):
        table = "FILE" if job_file is None else shlex.quote(str(job_file))
        raise UsageError(
            f"{data} is a job, not a table of forecasts",
            hint=f"type `forecast ledger record {table} {shlex.quote(data)}`",
        )
    if job_file is None and url is None:
        raise UsageError(
            "JOB is missing: beside whose forecasts is the table recorded?",
            hint=f"type `forecast ledger record {shlex.quote(data)} JOB.yaml`, or pass --ledger URL",
        )
    overridden = {key: value for key, value in columns.items() if value is not None}
    settings = load(config, overrides={"data.path": data, **overridden})
    scope = open_scope(job_file, url, job_name)
    with console.working(), scope.explained_damage():
        document = workflow.record(scope, settings, request, stdin=streams.stdin(), watch=console.watch)
        console.show(document, render_record(document))


@app.command(cls=HelpCommand)
@options.expand
def history(
    job_file: JobFile = None,
    url: Url = None,
    job_name: Annotated[
        str | None, typer.Option("--job", metavar="NAME", help="Job in the ledger.", show_default="all jobs")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Number of runs to list.")] = 20,
    out: Out = None,
    *,
    console: options.Output,
) -> None:
    """List the runs of a job, or of all jobs in a ledger, newest first."""
    from forecaster.report.terminal import ledger as report
    from forecaster.workflows.ledger import history as workflow
    from forecaster.workflows.ledger.scope import open_scope

    scope = open_scope(job_file, url, job_name)
    with console.working(), scope.explained_damage():
        document = workflow.history(scope, limit=limit)
        _show_rows(console, document, report.render_runs(document), document["runs"], out)


@app.command(cls=HelpCommand)
@options.expand
def diff(
    job_file: JobFile = None,
    url: Url = None,
    job_name: JobName = None,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="KEY", help="Key of a run, as history lists it.", show_default="the newest"),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Number of revisions to list.")] = 20,
    out: Out = None,
    *,
    console: options.Output,
) -> None:
    """Compare the forecasts of a run with the previous ones for the same times, largest revisions first."""
    from forecaster.report.terminal import ledger as report
    from forecaster.workflows.ledger import diff as workflow
    from forecaster.workflows.ledger.scope import open_scope

    scope = open_scope(job_file, url, job_name)
    with console.working(), scope.explained_damage():
        document = workflow.diff(scope, run=run, limit=limit)
        _show_rows(console, document, report.render_revisions(document), document["revisions"], out)


@app.command(cls=HelpCommand)
@options.expand
def recalibrate(
    job_file: JobFile = None,
    url: Url = None,
    job_name: JobName = None,
    since: Since = None,
    gamma: Annotated[
        float | None,
        typer.Option(
            "--gamma",
            help="Step size of the adaptation; larger values react faster and vary more.",
            show_default="0.02",
        ),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Return to the model's own intervals.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change without recording it.")] = False,
    out: Out = None,
    *,
    console: options.Output,
) -> None:
    """Widen or narrow the intervals of future forecasts by how often past ones covered the actuals.

    Trains nothing. Later runs of the job read the new widths from the ledger.
    """
    from forecaster.report.terminal import ledger as report
    from forecaster.workflows.ledger import recalibrate as workflow
    from forecaster.workflows.ledger.scope import open_scope

    if gamma is not None and not 0 < gamma < 1:
        raise UsageError(f"--gamma {gamma:g} is not between 0 and 1", hint="leave it out, or pass --gamma 0.02")
    rate = {} if gamma is None else {"gamma": gamma}
    scope = open_scope(job_file, url, job_name)
    with console.working(), scope.explained_damage():
        if reset:
            document = workflow.reset(scope, is_dry=dry_run)
        else:
            document = workflow.recalibrate_job(scope, since=since, is_dry=dry_run, **rate)
        _show_rows(console, document, report.render_factors(document), document["intervals"], out)


def _show_rows(
    console: "Console", document: dict[str, Any], view: Any, rows: list[dict[str, Any]], out: Path | None
) -> None:
    """Print a result, and write its rows as CSV with --out.

    Args:
        document: printed with --json.
        view: printed otherwise.
        rows: written as CSV to `out`.
        out: the file; with `-` the CSV is printed instead of the view. None writes nothing.

    Raises: OutputError: the file cannot be written.
    """
    if out is None:
        console.show(document, view)
        return
    import csv
    import io

    from forecaster.store.files import atomic_write

    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    if str(out) == "-":
        console.show_text(document, text.getvalue())
        return
    atomic_write(out, text.getvalue().encode())
    console.show(document, view)
    console.note(f"wrote {out}: {len(rows)} rows")
