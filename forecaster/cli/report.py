"""`forecast report`."""

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli import options
from forecaster.errors import UsageError

_PAGES, _PICTURES = (".html", ".htm"), (".png", ".svg")


@options.expand
def report(
    place: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="A folder that train, backtest, compare or tune wrote, or a job file.",
            show_default="runs/latest",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="File to write: a page (.html) or a figure (.png, .svg), or - for the page on standard output.",
            show_default="DIR/report.html",
        ),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option("--series", metavar="ID", help="Series to draw first. Repeat it for several.", show_default=False),
    ] = None,
    future: Annotated[
        str | None,
        typer.Option(
            "--future",
            metavar="FILE",
            help="For a bundle: table with the known covariates for the steps to forecast.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="For a bundle: the table to forecast.",
            show_default="the training data, if you trained the bundle on this machine",
        ),
    ] = None,
    query: options.Query = None,
    *,
    console: options.Output,
) -> None:
    """Make a self-contained page, or a figure, from the result of another command.

    The page needs no network connection, so you can mail it. It shows the verdict, forecasts, scores, calibration,
    errors, the training and the data.
    """
    to_stdout = str(out) == "-"
    kind = "" if out is None or to_stdout else out.suffix.lower()
    if out is not None and not to_stdout and kind not in (*_PAGES, *_PICTURES):
        raise UsageError(
            f"--out {out}: cannot write a report as {kind or 'a folder'}",
            hint="use a name that ends in .html, .png or .svg",
        )
    from forecaster.report.terminal.layout import Sentence
    from forecaster.report.words import file_size
    from forecaster.workflows.report import make
    from forecaster.workflows.report.train import FreshInputs

    with console.working():
        page = make.report(
            place,
            picture=kind.removeprefix(".") if kind in _PICTURES else None,
            requested_ids=series or (),
            fresh=FreshInputs(data, query, future),
            watch=console.watch,
        )
    document = {
        "kind": page.kind,
        "verdict": page.verdict,
        "series": page.series_count,
        "drawn": page.drawn_count,
        "bytes": len(page.content),
    }
    if to_stdout:
        console.show_text({**document, "out": "-"}, page.content.decode())
        return
    target = out or page.home
    make.write(page, target)
    console.show({**document, "out": str(target)}, Sentence(page.verdict))
    console.note(f"wrote {target}: {file_size(len(page.content))}")
