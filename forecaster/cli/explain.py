"""`forecast explain`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli import options
from forecaster.errors import UsageError

_FORMATS = (".png", ".svg", ".json")


@options.expand
def explain(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="The trained bundle; runs/latest, when not given.", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="The table to look at.", show_default="what it was trained on"),
    ] = None,
    series: Annotated[
        str | None, typer.Option("--series", help="The series whose window is shown.", show_default="the first")
    ] = None,
    window: Annotated[
        str | None,
        typer.Option("--window", metavar="CUTOFF", help="Last time that the window holds.", show_default="the last"),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option("--step", min=1, help="Step of the horizon to explain.", show_default="the mean of all"),
    ] = None,
    member: Annotated[
        int | None, typer.Option("--member", min=1, help="Which network of an ensemble.", show_default="the first")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A picture, .png or .svg, or all numbers, .json.", show_default=False),
    ] = None,
    query: options.Query = None,
    *,
    console: options.Output,
) -> None:
    """Look inside a trained network: its states and gates, how far it remembers, what its forecasts hang on.

    Of any other model it tells what its forecasts hang on.
    """
    if out is not None and out.suffix not in _FORMATS:
        raise UsageError(
            f"--out {out}: nothing is drawn as {out.suffix or 'that'}", hint="end it in .png, .svg or .json"
        )
    from forecaster.report.terminal import explain as report

    if out is not None and out.suffix != ".json":
        from forecaster.report.figure.explain import require

        require()
    from forecaster.workflows.explain import explain as workflow

    with console.working():
        explanation = workflow(
            folder,
            source=data,
            query=query,
            series=series,
            window=window,
            step=step,
            member=member,
            watch=console.watch,
        )
    document = explanation.to_dict()
    console.show(document, report.summary(explanation, marks=_marks(report.BLOCKS, report.DIGITS)))
    if out is None:
        return
    from forecaster.store.bundle import json_bytes
    from forecaster.store.files import atomic_write

    if out.suffix == ".json":
        atomic_write(out, json_bytes(document))
    else:
        from forecaster.report.figure.explain import draw

        atomic_write(out, draw(explanation, out.suffix.removeprefix(".")))
    console.tell(f"wrote {out}")


def _marks(blocks: str, plain: str) -> str:
    """The marks that standard output can show."""
    try:
        blocks.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return plain
    return blocks
