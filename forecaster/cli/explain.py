"""`forecast explain`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from forecaster.cli import options, streams
from forecaster.errors import UsageError

if TYPE_CHECKING:
    from forecaster.cli.console import Console
    from forecaster.workflows.explain_scope import ExplanationScope

_Draw = Callable[[str], bytes]  # returns the content of a figure, by its kind
_FORMATS = (".png", ".svg", ".json")


class _Request(NamedTuple):
    """The parts of a command line that do not depend on the number of bundles."""

    scope: "ExplanationScope"
    data: str | None
    query: str | None


@options.expand
def explain(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DIR",
            help="The trained bundle; or several bundles of the same data to compare.",
            show_default="runs/latest",
        ),
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

    For a model without a network, explains which inputs its forecasts depend on. Several bundles are compared: how
    far their gradients reach, what moves their forecasts, their errors on the holdout, and their training.
    """
    if out is not None and out.suffix not in _FORMATS:
        raise UsageError(
            f"--out {out}: cannot write a {out.suffix or 'nameless'} file",
            hint="use a name that ends in .png, .svg or .json",
        )
    if out is not None and out.suffix != ".json":
        from forecaster.report.figure.explain import require

        require()
    from forecaster.workflows.explain_scope import ExplanationScope

    scope = ExplanationScope(series, window, step, member, future)
    request = _Request(scope, data, query)
    if folders and len(folders) > 1:
        document, draw = _compare(folders, request, console)
    else:
        document, draw = _explain(folders[0] if folders else None, request, console)
    if out is None:
        return
    from forecaster.store.bundle import json_bytes
    from forecaster.store.files import atomic_write

    kind = out.suffix.removeprefix(".")
    atomic_write(out, json_bytes(document) if kind == "json" else draw(kind))
    console.note(f"wrote {out}")


def _explain(folder: Path | None, request: _Request, console: "Console") -> tuple[dict[str, object], _Draw]:
    """Explain one bundle, and show the result.

    Returns: the numbers for JSON, and the function that draws them.
    """
    from forecaster.report.terminal import explain as report
    from forecaster.workflows.explain import explain as workflow

    with console.working():
        explanation = workflow(folder, request.scope, source=request.data, query=request.query, watch=console.watch)
    document = explanation.to_dict()
    console.show(document, report.summary(explanation, marks=_marks(report.BLOCKS, report.DIGITS)))

    def draw(kind: str) -> bytes:
        from forecaster.report.figure import explain as figure

        return figure.draw(explanation, kind)

    return document, draw


def _compare(folders: list[Path], request: _Request, console: "Console") -> tuple[dict[str, object], _Draw]:
    """Compare several bundles, and show the result; see `_explain`."""
    from forecaster.report.terminal.explain_compare import summary
    from forecaster.workflows.explain_compare import compare_networks

    with console.working():
        comparison = compare_networks(
            folders, request.scope, source=request.data, query=request.query, watch=console.watch
        )
    document = comparison.to_dict()
    console.show(document, summary(comparison))

    def draw(kind: str) -> bytes:
        from forecaster.report.figure import explain_compare as figure

        return figure.draw(comparison, kind)

    return document, draw


def _marks(blocks: str, plain: str) -> str:
    """Return the marks that the encoding of standard output contains."""
    try:
        blocks.encode(streams.stdout_encoding())
    except UnicodeEncodeError:
        return plain
    return blocks
