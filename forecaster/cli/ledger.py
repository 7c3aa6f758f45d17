"""`forecast ledger score|history|diff|recalibrate`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from forecaster.cli import options
from forecaster.errors import UsageError

if TYPE_CHECKING:
    from forecaster.cli.console import Console

app = typer.Typer(
    help="Say what came true of forecasts that were kept, what ran, and what changed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

JobFile = Annotated[
    Path | None, typer.Argument(metavar="JOB", help="The job's YAML file, which names its ledger.", show_default=False)
]
Url = Annotated[
    str | None,
    typer.Option("--ledger", metavar="URL", help="SQL URL or SQLite file, in place of a job's.", show_default=False),
]
Name = Annotated[str | None, typer.Option("--job", help="Job in that ledger.", show_default="the only one")]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", help="First actual that counts: a date, 30d before the last, or all.", show_default="recent ones"
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Write the rows as CSV to a file, or - for stdout.", show_default=False),
]


@app.command()
@options.expand
def score(
    job: JobFile = None,
    url: Url = None,
    name: Name = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="Where actuals are read.", show_default="the job's data"),
    ] = None,
    since: Since = None,
    level: Annotated[int, typer.Option("--level", help="Actuals outside this interval are anomalies.")] = 95,
    by: Annotated[
        Literal["step", "series", "model", "week"] | None,
        typer.Option("--by", help="Show this cut alone, all of it.", show_default=False),
    ] = None,
    out: Out = None,
    config: options.ConfigFile = None,
    *,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Score forecasts whose actuals have arrived; show error, bias, coverage, skill, anomalies and drift.

    Recent actuals count: of the last 90 steps, or 30 days where steps are shorter.
    """
    from forecaster.report.terminal import ledger as report
    from forecaster.settings import load
    from forecaster.workflows.ledger import score as workflow
    from forecaster.workflows.ledger.scope import open_source

    named = {key: value for key, value in columns.items() if value is not None}
    if data is None and (named or config is not None):
        raise UsageError("options of columns go with --data", hint="name the table: --data sales.csv")
    given = None if data is None else load(config, overrides={"data.path": data, **named})
    with console.working():
        source = open_source(job, url, name)
        document = workflow.score(
            source, data=given, since=since, level=level, stdin=sys.stdin.buffer, watch=console.watch
        )
    if by == "week" and document["overall"] and document["by_week"] is None:
        raise UsageError("--by week: time in integers has no weeks", hint="take --by step, series or model")
    view = report.scores(document, by)
    _show_rows(console, document, view, report.score_rows(document, by), out)


@app.command()
@options.expand
def history(
    job: JobFile = None,
    url: Url = None,
    name: Name = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Runs to list, the newest.")] = 20,
    out: Out = None,
    *,
    console: options.Output,
) -> None:
    """List the runs of a job, or of all jobs in a ledger, the newest first."""
    from forecaster.report.terminal import ledger as report
    from forecaster.workflows.ledger import changes
    from forecaster.workflows.ledger.scope import open_source

    with console.working():
        document = changes.history(open_source(job, url, name), limit=limit)
    _show_rows(console, document, report.runs(document), document["runs"], out)


@app.command()
@options.expand
def diff(
    job: JobFile = None,
    url: Url = None,
    name: Name = None,
    run: Annotated[str | None, typer.Option("--run", help="Key of a run.", show_default="the newest")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Revisions to list, the largest.")] = 20,
    out: Out = None,
    *,
    console: options.Output,
) -> None:
    """Show what a run changed against the previous forecasts of the same times, the largest revisions first."""
    from forecaster.report.terminal import ledger as report
    from forecaster.workflows.ledger import changes
    from forecaster.workflows.ledger.scope import open_source

    with console.working():
        document = changes.diff(open_source(job, url, name), run=run, limit=limit)
    _show_rows(console, document, report.revisions(document), document["revisions"], out)


@app.command()
@options.expand
def recalibrate(
    job: JobFile = None,
    url: Url = None,
    name: Name = None,
    since: Since = None,
    gamma: Annotated[
        float | None,
        typer.Option("--gamma", help="How fast widths follow; larger wavers more.", show_default="0.02"),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the model's own intervals.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; keep nothing.")] = False,
    out: Out = None,
    *,
    console: options.Output,
) -> None:
    """Widen or narrow the intervals of forecasts to come, by how much those before held; nothing is trained.

    Runs after this take the new widths from the ledger.
    """
    from forecaster.report.terminal import ledger as report
    from forecaster.workflows.ledger import recalibrate as workflow
    from forecaster.workflows.ledger.scope import open_source

    if gamma is not None and not 0 < gamma < 1:
        raise UsageError(f"--gamma {gamma:g}: is not between 0 and 1", hint="leave it out, or pass --gamma 0.02")
    chosen = {} if gamma is None else {"gamma": gamma}
    with console.working():
        source = open_source(job, url, name)
        if reset:
            document = workflow.reset(source, is_dry=dry_run)
        else:
            document = workflow.recalibrate_job(source, since=since, is_dry=dry_run, **chosen)
    _show_rows(console, document, report.widths(document), document["intervals"], out)


def _show_rows(
    console: "Console", document: dict[str, Any], view: Any, rows: list[dict[str, Any]], out: Path | None
) -> None:
    """Show a result: the document with --json, else the view; with --out the rows as CSV.

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
    console.tell(f"wrote {out}: {len(rows)} rows")
