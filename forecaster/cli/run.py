"""`forecast run`."""

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli import options
from forecaster.errors import UsageError


@options.expand
def run(
    jobs: Annotated[list[Path], typer.Argument(metavar="JOB.yaml", help="Job files.", show_default=False)],
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            max=1024,
            help="Jobs that run side by side; for one job, processes that forecast side by side.",
            show_default="1; for one job the cores, if there is enough work",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what the run would do, and write nothing.")] = False,
    log_file: Annotated[
        Path | None,
        typer.Option(
            "--log-file",
            metavar="FILE",
            help="File to which each event is appended as a JSON line.",
            show_default=False,
        ),
    ] = None,
    settings: options.Settings = None,
    cluster: options.Cluster = None,
    *,
    console: options.Output,
) -> None:
    """Run jobs once: score past forecasts, train if due, publish new forecasts, and record them in the ledger.

    Prints one JSON line for each job. With one job, its exit code is the command's; with several, the command ends with
    0 if all do, 3 if some published, and otherwise the code of the first failure.
    """
    from forecaster.parallel.cluster import use_cluster
    from forecaster.workflows import run as workflow
    from forecaster.workflows.job.summary import RunSummary

    duplicates = {path for path in jobs if jobs.count(path) > 1}
    if duplicates:
        raise UsageError(f"{min(duplicates)} appears twice", hint="name each job once")
    summaries: list[RunSummary] = []

    def report(summary: RunSummary) -> None:
        summaries.append(summary)
        console.json_line(summary.to_json())
        for text in summary.warnings or ():
            console.error(f"warning: {text}")
        if summary.error:
            console.error(f"error: {summary.error.message}\nhint: {summary.error.hint}")

    own = tuple(settings or ())
    if workers is not None:  # Jobs side by side share the cores already.
        own = (f"job.workers={workers if len(jobs) == 1 else 1}", *own)
    if workers is not None and workers > 1 and len(jobs) > 1:
        arguments = [*(["--dry-run"] if dry_run else []), *(["--log-file", str(log_file)] if log_file else []), "-q"]
        arguments += ["--cluster", cluster] if cluster else []
        arguments += [word for setting in own for word in ("--set", setting)]
        workflow.run_in_processes(jobs, workers=workers, arguments=arguments, on_end=report)
    else:
        for path in jobs:
            with console.working(), use_cluster(cluster, is_lazy=True):
                summary = workflow.run(path, settings=own, is_dry=dry_run, log_file=log_file, watch=console.watch)
            report(summary)
            if summary.code in (130, 143):
                break
    raise typer.Exit(workflow.exit_code(summaries))
