"""`forecast predict`."""

import contextlib
import itertools
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from forecaster.addresses import hide_secrets
from forecaster.cli import options, places, quantities, streams
from forecaster.cli.next_step import compose_command
from forecaster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from forecaster.cli.console import Console
    from forecaster.workflows.predicted import Part, Predicted

_ROWS_PER_FRAME = 100_000


@options.expand
def predict(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Fresh data: a table as for train.",
            show_default="the table that the bundle was trained on",
        ),
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            "--bundle",
            metavar="DIR",
            help="The trained bundle: a folder, or an address such as s3://bucket/name.",
            show_default="runs/latest; without it, the pretrained network",
        ),
    ] = None,
    model: Annotated[
        Literal["pretrained"] | None,
        typer.Option(
            "--model",
            help="The pretrained network, although something was trained here.",
            show_default=False,
        ),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            "--horizon",
            min=1,
            max=100_000,
            help="Steps to forecast.",
            show_default="as in training, or from the frequency",
        ),
    ] = None,
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="File or s3:// address for the forecasts: .csv, .parquet, .xlsx; - for standard output; "
            "FOLDER/ for shards, of which a repeated command writes only those that are missing.",
        ),
    ] = "forecasts.csv",
    layout: Annotated[Literal["long", "nixtla"], typer.Option("--layout", help="Column layout of the file.")] = "long",
    levels: Annotated[
        str | None,
        typer.Option(
            "--levels",
            metavar="LEVELS",
            help="Intervals to add, in per cent, separated by commas: 80,95.",
            show_default=False,
        ),
    ] = None,
    future: Annotated[
        str | None,
        typer.Option(
            "--future",
            metavar="FILE",
            help="Table with the known covariates for the steps to forecast.",
            show_default=False,
        ),
    ] = None,
    series_names: Annotated[
        list[str] | None,
        typer.Option("--series", metavar="ID", help="Series to forecast. Repeat it for several.", show_default="all"),
    ] = None,
    memory: options.Memory = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option("--device", help="Where networks run. cuda and auto load torch, which takes seconds."),
    ] = "cpu",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            max=1024,
            help="Processes that forecast side by side. The forecasts do not depend on it.",
            show_default="the cores, if there is enough work",
        ),
    ] = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw the forecast even if standard output is not a terminal.")
    ] = False,
    *,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Forecast the steps after the data with a trained bundle, or with the pretrained network.

    Where nothing was trained, and with --model pretrained, the pretrained network forecasts DATA at once. Options on
    the columns of the table apply only then, because a bundle has its own; --query and --duplicates always apply.

    Writes one row for each series and step: the expectation (mean), the median, the deciles (q0.1 .. q0.9) and a
    status.
    """
    extra_levels = quantities.parse_levels(levels) if levels else ()
    from forecaster.forecast import interval_bounds
    from forecaster.report.terminal.predict import summary
    from forecaster.workflows.forecast_files import publish
    from forecaster.workflows.predict import predict as workflow
    from forecaster.workflows.predicted import FreshData

    interval_bounds(extra_levels)
    place = places.parse_place(out)
    _check_format(out)
    if plot and (out == "-" or out.endswith("/")):
        problem = "standard output is used for the table" if out == "-" else "a folder of shards is not drawn"
        raise UsageError(
            f"--plot cannot be combined with --out {out}: {problem}",
            hint="name a file with --out, or leave --plot out",
        )
    with console.working(), contextlib.ExitStack() as stack:
        places.check_output(place)
        fresh = FreshData(
            source=data,
            columns=columns,
            later=future,
            series=tuple(series_names or ()),
            memory=quantities.parse_size("--memory", memory),
            stdin=streams.stdin(),
            is_pretrained=model is not None,
        )
        predicted = workflow(
            fresh,
            folder=None if bundle is None else places.parse_place(bundle),
            horizon=horizon,
            device=device,
            workers=workers,
            watch=console.watch,
        )
        to_frames = partial(_to_frames, layout, extra_levels)
        is_untrained = predicted.bundle is None and model is None
        if out.endswith("/"):
            if is_untrained:
                console.note(_describe_pretrained(data, columns))
            settings = {"layout": layout, "levels": list(extra_levels), "device": device}
            _write_shards(predicted, place, to_frames, settings, console)
            return
        stack.enter_context(contextlib.closing(predicted.parts))
        first = next(predicted.parts)
        if is_untrained:
            console.note(_describe_pretrained(data, columns))
        series = 0

        def frames() -> "Iterator[pd.DataFrame]":
            nonlocal series
            for part in itertools.chain([first], predicted.parts):
                series += len(part.forecast.ids)
                yield from to_frames(part)

        def document() -> dict[str, object]:
            return {
                "bundle": predicted.bundle and predicted.bundle.place,
                "model": first.forecast.model,
                "series": series,
                "horizon": predicted.horizon,
                "verdict": predicted.bundle and predicted.bundle.metrics["verdict"],
            }

        if out == "-":
            tables = list(frames()) if console.is_json else frames()
            console.show_table(document(), tables)
            return
        publish(frames(), place, watch=console.watch)
    history = first.panel if plot or console.is_terminal else None
    console.show({**document(), "out": hide_secrets(out)}, summary(first.forecast, history, series=series))


def _to_frames(layout: str, levels: tuple[float, ...], part: "Part") -> "Iterator[pd.DataFrame]":
    """Yield the forecasts table of a part in frames of bounded size."""
    if layout == "nixtla":
        yield part.forecast.to_nixtla(levels=levels or (80,))
    else:
        yield from part.forecast.frames(_ROWS_PER_FRAME // part.forecast.horizon + 1, levels=levels)


def _write_shards(
    predicted: "Predicted",
    place: "Path | str",
    to_frames: "Callable[[Part], Iterable[pd.DataFrame]]",
    settings: "Mapping[str, object]",
    console: "Console",
) -> None:
    """Write the missing shards of a forecast, and show how many there are."""
    from dataclasses import asdict

    from forecaster.report.terminal.predict import summarize_shards
    from forecaster.workflows.shards import publish_shards

    counts = publish_shards(predicted, place, to_frames, settings=settings, watch=console.watch)
    document = {
        "bundle": predicted.bundle and predicted.bundle.place,
        "horizon": predicted.horizon,
        "out": hide_secrets(str(place)),
        "shards": asdict(counts),
    }
    console.show(
        document, summarize_shards(counts.written, counts.skipped, series=counts.series, fallbacks=counts.fallbacks)
    )


def _check_format(out: str) -> None:
    """Check that a table can be written to a file, by its name."""
    suffix = PurePosixPath(out).suffix
    if out == "-" or out.endswith("/") or suffix in (".csv", ".parquet", ""):
        return
    if suffix == ".xlsx":
        from forecaster.store.workbook import require

        require()
        return
    if suffix in (".png", ".svg", ".html"):
        hint = f"draw it with `forecast report -o {shlex.quote(out)}`"
    else:
        hint = "use a name that ends in .csv, .parquet or .xlsx"
    raise UsageError(f"--out {out}: cannot write a {suffix} file", hint=hint)


def _describe_pretrained(data: str | None, columns: dict[str, Any]) -> str:
    command = compose_command(["forecast", "train", "DATA" if data is None or data == "-" else data], columns, ())
    return f"no bundle here: forecast by the pretrained network; `{command}` learns from your data"
