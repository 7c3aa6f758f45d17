"""`forecast schedule`."""

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli import options


@options.expand
def schedule(
    job: Annotated[Path, typer.Argument(metavar="JOB.yaml", help="The file of a job.", show_default=False)],
    at: Annotated[
        str, typer.Option("--at", help="Times of the day, 02:15, or *:15 for each hour; several with commas.")
    ] = "02:15",
    systemd: Annotated[
        bool, typer.Option("--systemd", help="A service and a timer, rather than a crontab line.")
    ] = False,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", help="Where each run's events go.", show_default="<job>.log")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A folder for the files, rather than standard output.", show_default=False),
    ] = None,
    *,
    console: options.Output,
) -> None:
    """Print the crontab line, or the systemd units, that run a job every day.

    Nothing is installed: the one command that does it is told on stderr.
    """
    from forecaster.store.files import atomic_write
    from forecaster.workflows import schedule as workflow

    found = workflow.schedule(job, at, is_systemd=systemd, log_file=log_file)
    if out is not None:
        for name, content in found.files.items():
            atomic_write(out / name, content.encode())
            console.tell(f"wrote {out / name}")
    if out is None or console.is_json:
        several = len(found.files) > 1
        text = "\n".join(f"# {name}\n{content}" if several else content for name, content in found.files.items())
        console.show_text({"files": found.files, "install": found.install}, text)
    console.tell(f"to install it: {found.install}")
