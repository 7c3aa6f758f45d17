"""`forecast train`."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from forecaster.cli import options
from forecaster.errors import UsageError


def train(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="CSV or Parquet file, a folder or a glob of them, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Literal["gru", "lstm", "rnn", "mingru", "minlstm", "slstm", "segrnn", "deepar", "naive", "seasonal_naive"]
        | None,
        typer.Option(
            "--model",
            help="A recurrent cell, a recipe (segrnn, deepar), or a baseline without learning.",
            show_default="the preset's",
        ),
    ] = None,
    preset: Annotated[
        Literal["fast", "default", "best"] | None,
        typer.Option("--preset", help="The recipe that sets what you do not.", show_default="default"),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="Time for training: 30s, 5m, 1h.", show_default=False),
    ] = None,
    horizon: options.Horizon = None,
    bidirectional: Annotated[bool, typer.Option("--bidirectional", help="Read the context both ways.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The bundle's folder.", show_default="runs/<name>-<model>-<time>")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of all random numbers.", show_default="0")
    ] = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="DIR", help="Go on with an interrupted run.", show_default=False)
    ] = None,
    no_refit: Annotated[
        bool, typer.Option("--no-refit", help="Keep the network that was judged; do not train again on everything.")
    ] = False,
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
    """Train a network on a table and judge it beside naive forecasts.

    The last steps of each series are held out to score the network, which is then trained again on everything.
    Writes a bundle: weights, settings, metrics, and what was found in the data.
    """
    from forecaster.cli.console import Console

    console = Console(json=json, quiet=quiet, verbose=verbose, no_color=no_color)
    from forecaster.workflows import train as workflow

    overrides: dict[str, Any] = {
        "data.path": data,
        "data.horizon": horizon,
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
        "preset": preset,
        "model.kind": model,
        "model.bidirectional": bidirectional or None,
        "training.seed": seed,
        "training.budget": budget,
        "training.refit": False if no_refit else None,
    }
    if budget is not None and not re.fullmatch(r"[\d.]+ ?[smh]?", budget):
        raise UsageError(f"--budget {budget}: is no time", hint="write it as --budget 30s, 5m or 1h")
    if out is not None and not out.name:
        raise UsageError(f"--out {out}: names no folder of its own", hint="name a new one: --out bundle")
    if resume is not None:
        given = [key for key, value in overrides.items() if value is not None]
        if given or config or settings or out:
            raise UsageError(
                "--resume goes on with the settings and data of the interrupted run; nothing else can be given",
                hint=f"type `forecast train --resume {resume}`",
            )
        with console.working():
            trained = workflow.resume(resume, watch=console.watch)
    else:
        from forecaster.settings import load

        resolved = load(config, overrides=overrides, settings=tuple(settings or ()))
        if resolved.data.path is None:
            raise UsageError("no DATA was given", hint="type `forecast train data.csv`")
        with console.working():
            trained = workflow.train(resolved, out=out, stdin=sys.stdin.buffer, watch=console.watch)
    from forecaster.report import terminal

    console.show(
        {"bundle": str(trained.folder), **trained.metrics}, terminal.summary(trained.metrics, trained.manifest["model"])
    )
    console.tell(terminal.after_training(trained.folder, trained.is_latest))
