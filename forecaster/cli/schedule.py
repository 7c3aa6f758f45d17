"""`forecast schedule`."""

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli import options


@options.expand
def schedule(
    jobs: Annotated[list[Path], typer.Argument(metavar="JOB.yaml", help="Job files.", show_default=False)],
    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="TIMES", help="Times of day such as 02:15, or *:15 for every hour, separated by commas."
        ),
    ] = "02:15",
    systemd: Annotated[
        bool, typer.Option("--systemd", help="Print a systemd service and timer instead of a crontab line.")
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option("--log-file", metavar="FILE", help="File for the events of each run.", show_default="<job>.log"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder to write to, instead of standard output.", show_default=False
        ),
    ] = None,
    *,
    console: options.Output,
) -> None:
    """Print the crontab lines, or the systemd units, that run jobs every day.

    Installs nothing. The command that installs them is printed to stderr; running it again replaces the lines of the
    same jobs.
    """
    from forecaster.store.files import atomic_write
    from forecaster.workflows import schedule as workflow

    schedule = workflow.schedule_all(jobs, at, is_systemd=systemd, log_file=log_file)
    for text in schedule.warnings:
        console.error(f"warning: {text}")
    if out is not None:
        for name, content in schedule.files.items():
            atomic_write(out / name, content.encode())
            console.note(f"wrote {out / name}")
    if out is None or console.is_json:
        several = len(schedule.files) > 1
        text = "\n".join(f"# {name}\n{content}" if several else content for name, content in schedule.files.items())
        console.show_text({"files": schedule.files, "install": schedule.install}, text)
    console.note(f"to install it: {schedule.install}")
    if systemd:
        console.note(f"to run it while you are logged out: {workflow.LINGER}")
