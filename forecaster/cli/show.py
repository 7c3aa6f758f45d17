"""`forecast show`."""

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli import options
from forecaster.errors import as_input_error


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
    with as_input_error(f"{document['folder']}: cannot be described", hint="name another folder"):
        view = summary(document)
    console.show(document, view)
    for number, command in enumerate(document["next"]):
        console.note(f"{'  or' if number else 'next'}: {command}")
