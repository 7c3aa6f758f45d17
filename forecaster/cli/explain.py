"""`forecast explain`."""

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli import options, streams
from forecaster.errors import UsageError

_FORMATS = (".png", ".svg", ".json")


@options.expand
def explain(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="The trained bundle.", show_default="runs/latest"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DATA", help="The table to explain.", show_default="the training data"),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option("--series", metavar="ID", help="Series whose window is explained.", show_default="the first"),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option("--window", metavar="CUTOFF", help="Last time of the window.", show_default="the end of the data"),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option("--step", min=1, help="Step of the horizon to explain.", show_default="the mean of all"),
    ] = None,
    member: Annotated[
        int | None, typer.Option("--member", min=1, help="Network of an ensemble to explain.", show_default="the first")
    ] = None,
    future: Annotated[
        str | None,
        typer.Option(
            "--future",
            metavar="FILE",
            help="Table with the known covariates for the steps after the window.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="File to write: a figure (.png, .svg) or all numbers (.json).",
            show_default=False,
        ),
    ] = None,
    query: options.Query = None,
    *,
    console: options.Output,
) -> None:
    """Explain a trained network: its states and gates, its memory, and which inputs its forecasts depend on.

    For a model without a network, explains which inputs its forecasts depend on.
    """
    if out is not None and out.suffix not in _FORMATS:
        raise UsageError(
            f"--out {out}: cannot write a {out.suffix or 'nameless'} file",
            hint="use a name that ends in .png, .svg or .json",
        )
    from forecaster.report.terminal import explain as report

    if out is not None and out.suffix != ".json":
        from forecaster.report.figure.explain import require

        require()
    from forecaster.workflows.explain import explain as workflow
    from forecaster.workflows.explain_scope import ExplanationScope

    scope = ExplanationScope(series, window, step, member, future)
    with console.working():
        explanation = workflow(folder, scope, source=data, query=query, watch=console.watch)
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
    console.note(f"wrote {out}")


def _marks(blocks: str, plain: str) -> str:
    """Return the marks that the encoding of standard output contains."""
    try:
        blocks.encode(streams.stdout_encoding())
    except UnicodeEncodeError:
        return plain
    return blocks
