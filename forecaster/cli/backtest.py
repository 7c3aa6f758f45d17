"""`forecast backtest`."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from forecaster.cli import options, places, streams
from forecaster.errors import UsageError


@options.expand
def backtest(
    data: options.Data = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            "--bundle", metavar="DIR", help="A trained bundle; its settings and columns are used.", show_default=False
        ),
    ] = None,
    model: options.Model = None,
    preset: options.Preset = None,
    horizon: options.Horizon = None,
    folds: Annotated[int | None, options.describe_folds("5, or as many as fit")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder for the results.", show_default="runs/<name>-backtest-<time>"
        ),
    ] = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = None,
    cluster: options.Cluster = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    *,
    spread: options.Folds,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Forecast from past cutoffs, and compare the errors with those of naive forecasts.

    A forecast uses nothing after its cutoff except known covariates. Writes every forecast beside the actual value, and
    scores overall, by step, by series and by cutoff.
    """
    from forecaster.parallel.cluster import use_cluster
    from forecaster.workflows import backtest as workflow

    if out is not None and not out.name:
        raise UsageError(f"--out {out}: is no name for a new folder", hint="name one, such as --out folds")
    evaluation = {"folds": folds, **spread}
    overrides: dict[str, Any] = {
        "data.path": data,
        "data.horizon": horizon,
        **columns,
        "preset": preset,
        "model.kind": model,
        "training.seed": seed,
        "training.threads": threads,
        "training.device": device,
        **{f"evaluation.{name}": value for name, value in evaluation.items()},
    }
    shared: dict[str, Any] = {"out": out, "stdin": streams.stdin(), "watch": console.watch}
    if bundle is not None:
        if config or settings or any(value is not None for value in (model, preset, seed, threads, *columns.values())):
            raise UsageError(
                "--bundle already sets the model, its settings and the columns",
                hint="leave out the other options, or --bundle",
            )
        passed_evaluation = {name: value for name, value in evaluation.items() if value is not None}
        overrides_of_bundle = workflow.BundleOverrides(passed_evaluation, horizon, device)
        with console.working(), use_cluster(cluster):
            done = workflow.backtest_bundle(data, places.parse_place(bundle), overrides_of_bundle, **shared)
    else:
        from forecaster.settings import load

        resolved = load(config, overrides=overrides, settings=tuple(settings or ()))
        if resolved.data.path is None:
            raise UsageError("DATA is missing", hint="type `forecast backtest data.csv --model gru`")
        with console.working(), use_cluster(cluster):
            done = workflow.backtest(resolved, **shared)
    from forecaster.report.terminal import backtest as report

    console.show({"folder": str(done.folder), **done.metrics}, report.summary(done.metrics, done.model))
    console.note(f"wrote {done.folder / workflow.TABLE}")
    console.note(f"next: {shlex.join(['forecast', 'report', str(done.folder)])}")
