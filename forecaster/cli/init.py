"""`forecast init`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from forecaster.cli import options
from forecaster.errors import UsageError


def init(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="CSV or Parquet file, a folder or a glob of them, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="The new file, or - for standard output.", show_default="forecast.yaml or future.csv"
        ),
    ] = None,
    future_template: Annotated[
        bool,
        typer.Option("--future-template", help="Write the table that predict --future reads, its known cells empty."),
    ] = False,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="The bundle that the table is for; its columns are taken.", show_default=False),
    ] = None,
    horizon: options.Horizon = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    time: options.Time = None,
    target: options.Target = None,
    id: options.Id = None,
    freq: options.Freq = None,
    season: options.Season = None,
    duplicates: options.Duplicates = None,
    past: options.Past = None,
    known: options.Known = None,
    static: options.Static = None,
    holidays: options.Holidays = None,
    minimum: options.Minimum = None,
    integer: options.Integer = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Write a commented forecast.yaml for a table, or the table of its future to fill.

    The file holds every setting, with what was found in the table filled in: forecast train --config forecast.yaml.
    """
    from forecaster.cli.console import Console

    console = Console(json=json, quiet=quiet, verbose=verbose, no_color=no_color)
    from forecaster.settings import load
    from forecaster.workflows import init as workflow

    columns: dict[str, Any] = {
        "data.time": time,
        "data.target": target,
        "data.id": id,
        "data.freq": freq,
        "data.season": season,
        "data.duplicates": duplicates,
        "data.past": past,
        "data.known": known,
        "data.static": static,
        "data.holidays": holidays,
        "data.minimum": minimum,
        "data.integer": integer or None,
    }
    out = out or Path("future.csv" if future_template else "forecast.yaml")
    is_file = str(out) != "-"
    if is_file:
        workflow.check_absent(out)
    if bundle is not None:
        if not future_template:
            raise UsageError(
                "--bundle goes with --future-template", hint="add --future-template, or leave --bundle out"
            )
        if config or settings or any(value is not None for value in columns.values()):
            raise UsageError(
                "--bundle already says what each column is", hint="leave the other options out, or leave --bundle out"
            )
    resolved = load(
        config, overrides={"data.path": data, "data.horizon": horizon, **columns}, settings=tuple(settings or ())
    )
    if resolved.data.path is None and bundle is None:
        raise UsageError("no DATA was given", hint="type `forecast init data.csv`")
    document: dict[str, Any] = {"out": str(out)}
    with console.working():
        given: dict[str, Any] = {"stdin": sys.stdin.buffer, "watch": console.watch}
        if bundle is not None:
            frame = workflow.template_of_bundle(data, bundle, horizon=horizon, **given)
        elif future_template:
            frame = workflow.template(resolved, **given)
        else:
            resolved = workflow.draft(resolved, **given)
    if future_template:
        text, document["rows"] = frame.to_csv(index=False, lineterminator="\n"), len(frame)
        following = "fill its known columns, then: forecast predict --future {}"
    else:
        text, document["config"] = workflow.write_out(resolved), resolved.model_dump(mode="json")
        following = "next: forecast train --config {}"
    if is_file:
        workflow.publish(text, out)
        console.tell(f"wrote {out}\n{following.format(out)}")
    if json or not is_file:
        console.show_text(document, text)
