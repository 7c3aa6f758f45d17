"""`forecast train`."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from forecaster.cli import options, places, quantities, streams
from forecaster.errors import UsageError


@options.expand
def train(
    data: options.Data = None,
    model: options.Model = None,
    preset: options.Preset = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="Time limit for training: 30s, 5m, 1h.", show_default=False),
    ] = None,
    horizon: options.Horizon = None,
    bidirectional: Annotated[bool, typer.Option("--bidirectional", help="Read the context both ways.")] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="The bundle's folder, or an address such as s3://bucket/name.",
            show_default="runs/<name>-<model>-<time>",
        ),
    ] = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    memory: options.Memory = None,
    device: options.Device = None,
    cluster: options.Cluster = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="DIR", help="Continue an interrupted run.", show_default=False)
    ] = None,
    no_refit: Annotated[
        bool, typer.Option("--no-refit", help="Keep the evaluated network; do not train it again on all data.")
    ] = False,
    *,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Train a network on a table and compare it with naive forecasts.

    The last steps of each series are held out to evaluate the network, which is then trained again on all data. Writes
    a bundle: a folder with the weights, the settings, the metrics and a report on the data.
    """
    from forecaster.parallel.cluster import use_cluster
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
    place = None if out is None else places.parse_place(out)
    if isinstance(place, Path) and not place.name:
        raise UsageError(f"--out {out}: is no name for a new folder", hint="name one, such as --out bundle")
    if resume is not None:
        options_passed = [
            key for key, value in overrides.items() if value is not None and key not in options.SOURCE_KEYS
        ]
        if options_passed or config or settings or out:
            raise UsageError(
                "--resume uses the settings of the interrupted run: only DATA and --query can be combined with it",
                hint=f"type `forecast train --resume {shlex.quote(str(resume))}`",
            )
        with console.working(), use_cluster(cluster):
            trained = workflow.resume(resume, data=data, query=columns["data.query"], watch=console.watch)
    else:
        from forecaster.settings import load

        resolved = load(config, overrides=overrides, settings=tuple(settings or ()))
        if resolved.data.path is None:
            raise UsageError("DATA is missing", hint="type `forecast train data.csv`")
        with console.working(), use_cluster(cluster):
            if place is not None:
                places.check_output(place)
            trained = workflow.train(resolved, out=place, stdin=streams.stdin(), watch=console.watch)
    from rich.console import Group

    from forecaster.report.terminal import train as terminal_train
    from forecaster.report.terminal.predict import holdout_chart

    view = terminal_train.summary(trained.metrics, trained.manifest.model, trained.folder)
    if trained.holdout and console.is_terminal:
        view = Group(holdout_chart(*trained.holdout), view)
    console.show({"bundle": trained.place, **trained.metrics}, view)
    console.note(terminal_train.closing_lines(trained.place, is_latest=trained.is_latest, known=trained.missing_known))
