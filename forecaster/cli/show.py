"""`forecast show`."""

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli import options


@options.expand
def show(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A folder that a command wrote.", show_default="runs/latest")
    ] = None,
    *,
    console: options.Output,
) -> None:
    """Describe a bundle: its model, its data, its training and its accuracy.

    Also describes an interrupted run, a backtest, a comparison or a study. Checks every file of a bundle against its
    hash.
    """
    from forecaster.report.terminal.show import summary
    from forecaster.workflows.show import show as workflow

    document = workflow(folder)
    console.show(document, summary(document))
    for number, command in enumerate(document["next"]):
        console.note(f"{'  or' if number else 'next'}: {command}")
