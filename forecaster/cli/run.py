"""`forecast run`."""

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli import options
from forecaster.errors import UsageError


@options.expand
def run(
    jobs: Annotated[list[Path], typer.Argument(metavar="JOB.yaml...", help="Files of jobs.", show_default=False)],
    workers: Annotated[int, typer.Option("--workers", min=1, help="Jobs that run side by side.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
    log_file: Annotated[
        Path | None,
        typer.Option("--log-file", help="Append a JSON line for each event to this file.", show_default=False),
    ] = None,
    settings: options.Settings = None,
    *,
    console: options.Output,
) -> None:
    """Run jobs once: score what came true, train where due, publish new forecasts, and keep them in the ledger.

    Prints one JSON line for each job. Exit code: that of the only job; of several 0 if all are 0, 3 if some published,
    else the first failure's.
    """
    from forecaster.workflows import run as workflow

    twice = {path for path in jobs if jobs.count(path) > 1}
    if twice:
        raise UsageError(f"{min(twice)}: is named twice", hint="name each job once")
    statuses: list[workflow.Status] = []

    def tell(status: workflow.Status) -> None:
        statuses.append(status)
        console.line(status.to_json())
        failure = status.told.get("error")
        if failure:
            console.complain(f"error: {failure['message']}\nhint: {failure['hint']}")

    if workers > 1 and len(jobs) > 1:
        arguments = [*(["--dry-run"] if dry_run else []), *(["--log-file", str(log_file)] if log_file else []), "-q"]
        arguments += [word for setting in settings or () for word in ("--set", setting)]
        workflow.run_apart(jobs, workers=workers, arguments=arguments, tell=tell)
    else:
        for path in jobs:
            with console.working():
                status = workflow.run(
                    path, settings=tuple(settings or ()), is_dry=dry_run, log_file=log_file, watch=console.watch
                )
            tell(status)
            if status.code in (130, 143):
                break
    raise typer.Exit(workflow.exit_code(statuses))
