"""`forecast tune`."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from forecaster.cli import options, quantities, streams
from forecaster.cli.help import list_models
from forecaster.cli.next_step import compose_command
from forecaster.errors import UsageError
from forecaster.model_table import NETWORK_NAMES, NetworkName


@options.expand
def tune(
    data: options.Data = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials", min=1, max=100_000, help="Networks to try.", show_default="30, or as many as --budget allows"
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="Time limit for the study: 90s, 30m, 2h.", show_default=False),
    ] = None,
    model: Annotated[
        NetworkName | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help=f"Model that stays fixed: {list_models(NETWORK_NAMES)}.",
            show_default=False,
        ),
    ] = None,
    preset: options.Preset = None,
    horizon: options.Horizon = None,
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds",
            min=1,
            max=10_000,
            help="Cutoffs at the end that evaluate the best settings; the trials do not use them.",
            show_default="5, or fewer",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="The study's folder.", show_default="runs/<name>-tune-<time>"),
    ] = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = None,
    cluster: options.Cluster = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume", metavar="DIR", help="Continue a study, or join one that is running.", show_default=False
        ),
    ] = None,
    *,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Search the settings of a network, and compare the best ones with the default.

    Settings that you pass stay fixed. Trials vary the cell, context, segments, size, dropout, learning rate, scale and
    decoder. The last folds are not used by the trials, so that they can evaluate the result. Writes study.db, which
    several processes may share, and the best settings as config.yaml for train --config.
    """
    from forecaster.parallel.cluster import use_cluster
    from forecaster.workflows import tune as workflow

    overrides: dict[str, Any] = {
        "data.path": data,
        "data.horizon": horizon,
        **columns,
        "preset": preset,
        "model.kind": model,
        "training.seed": seed,
        "training.threads": threads,
        "training.device": device,
        "evaluation.folds": folds,
    }
    limits: dict[str, Any] = {"trials": trials, "seconds": quantities.parse_time_limit("--budget", budget)}
    if out is not None and not out.name:
        raise UsageError(f"--out {out}: is no name for a new folder", hint="name one, such as --out study")
    if resume is not None:
        others = [key for key, value in overrides.items() if value is not None and key not in options.SOURCE_KEYS]
        if others or config or settings or out:
            raise UsageError(
                "--resume uses the settings and data of the study; only DATA, --query, --trials and --budget can be"
                " combined with it",
                hint=f"type `forecast tune --resume {shlex.quote(str(resume))}`",
            )
        with console.working(), use_cluster(cluster):
            tuned = workflow.resume(resume, data=data, query=columns["data.query"], **limits, watch=console.watch)
    else:
        from forecaster.settings import load

        resolved = load(config, overrides=overrides, settings=tuple(settings or ()))
        if resolved.data.path is None:
            raise UsageError("DATA is missing", hint="type `forecast tune data.csv`")
        with console.working(), use_cluster(cluster):
            tuned = workflow.tune(resolved, **limits, out=out, stdin=streams.stdin(), watch=console.watch)
    if tuned.metrics is None:
        console.show({"folder": str(tuned.folder), "tune": None}, "Another process is still working on this study.")
        again = shlex.join(["forecast", "tune", "--resume", str(tuned.folder)])
        console.note(f"the last process to finish evaluates the study; if it is stopped: {again}")
        return
    from forecaster.report.terminal import tune as tuning

    console.show({"folder": str(tuned.folder), **tuned.metrics}, tuning.summary(tuned.metrics))
    train_default = None  # the options of the study's first command are unknown
    if resume is None:
        passed = {key: value for key, value in overrides.items() if key not in ("data.path", "evaluation.folds")}
        train_default = compose_command(["forecast", "train", tuned.source], {**passed, "config": config}, settings)
    console.note(tuning.closing_lines(str(tuned.folder), tuned.source, tuned.metrics, train_default))
