"""`forecast train`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from forecaster.cli import options, quantities
from forecaster.errors import UsageError


@options.expand
def train(
    data: options.Data = None,
    model: options.Model = None,
    preset: options.Preset = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="Time for training: 30s, 5m, 1h.", show_default=False),
    ] = None,
    horizon: options.Horizon = None,
    bidirectional: Annotated[bool, typer.Option("--bidirectional", help="Read the context both ways.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The bundle's folder.", show_default="runs/<name>-<model>-<time>")
    ] = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    memory: options.Memory = None,
    device: options.Device = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="DIR", help="Go on with an interrupted run.", show_default=False)
    ] = None,
    no_refit: Annotated[
        bool, typer.Option("--no-refit", help="Keep the network that was judged; do not train again on everything.")
    ] = False,
    *,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Train a network on a table and judge it beside naive forecasts.

    The last steps of each series are held out to score the network, which is then trained again on everything.
    Writes a bundle: weights, settings, metrics, and what was found in the data.
    """
    from forecaster.workflows import train as workflow

    overrides: dict[str, Any] = {
        "data.path": data,
        "data.horizon": horizon,
        "data.memory": quantities.parse_size("--memory", memory),
        **columns,
        "preset": preset,
        "model.kind": model,
        "model.bidirectional": bidirectional or None,
        "training.seed": seed,
        "training.threads": threads,
        "training.device": device,
        "training.budget": quantities.parse_time_limit("--budget", budget),
        "training.refit": False if no_refit else None,
    }
    if out is not None and not out.name:
        raise UsageError(f"--out {out}: names no folder of its own", hint="name a new one: --out bundle")
    if resume is not None:
        given = [key for key, value in overrides.items() if value is not None]
        if given or config or settings or out:
            raise UsageError(
                "--resume goes on with the settings and data of the interrupted run; nothing else can be given",
                hint=f"type `forecast train --resume {shlex.quote(str(resume))}`",
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
    from rich.console import Group

    from forecaster.report.terminal import train as terminal_train
    from forecaster.report.terminal.predict import hindsight

    view = terminal_train.summary(trained.metrics, trained.manifest["model"])
    if trained.held and console.is_terminal:
        view = Group(hindsight(*trained.held), view)
    console.show({"bundle": str(trained.folder), **trained.metrics}, view)
    console.tell(terminal_train.after_training(trained.folder, trained.is_latest))
