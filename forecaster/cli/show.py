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
    """Say in words what a bundle is: the model, its data, its training, how good it is.

    Also of a run that was interrupted, a backtest, a comparison or a search. Every file is held to its hash.
    """
    from forecaster.report.terminal.show import summary
    from forecaster.workflows.show import show as workflow

    document = workflow(folder)
    console.show(document, summary(document))
    for number, command in enumerate(document["next"]):
        console.tell(f"{'  or' if number else 'next'}: {command}")
