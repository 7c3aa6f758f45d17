"""`forecast compare`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from forecaster.cli import options
from forecaster.errors import UsageError, near_miss

if TYPE_CHECKING:
    from forecaster.config import Config

Metric = Literal["mase", "smape", "wql", "mae", "rmse", "nd", "coverage50", "coverage80", "coverage90", "coverage95"]


@options.expand
def compare(
    data: options.Data = None,
    models: Annotated[
        str | None,
        typer.Option(
            "--models",
            metavar="A,B,C",
            help="What --model takes, with commas; naive and seasonal_naive always join.",
            show_default="the preset's and auto_theta",
        ),
    ] = None,
    by: Annotated[Metric, typer.Option("--by", help="What the leaderboard is sorted by.")] = "mase",
    preset: options.Preset = None,
    horizon: options.Horizon = None,
    folds: Annotated[int | None, options.describe_folds("by the length of the series")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The folder of the results.", show_default="runs/<name>-compare-<time>"),
    ] = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    *,
    spread: options.Folds,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Backtest several models on the same cutoffs and say which to use.

    Ranks them, and tests which of them beat the naive forecasts by more than chance. A cell in --models changes only
    the cell of the preset; a recipe is taken whole.
    """
    from forecaster.settings import load
    from forecaster.workflows import compare as workflow

    if out is not None and not out.name:
        raise UsageError(f"--out {out}: names no folder of its own", hint="name a new one: --out leaderboard")
    overrides: dict[str, Any] = {
        "data.path": data,
        "data.horizon": horizon,
        **columns,
        "preset": preset,
        "training.seed": seed,
        "training.threads": threads,
        "training.device": device,
        **{f"evaluation.{name}": value for name, value in {"folds": folds, **spread}.items()},
    }

    def load_as(model: str | None) -> "Config":
        return load(config, overrides={**overrides, "model.kind": model}, settings=tuple(settings or ()))

    shared = load_as(None)
    if shared.data.path is None:
        raise UsageError("no DATA was given", hint="type `forecast compare data.csv`")
    configs = None if models is None else {name: load_as(name) for name in _parse_models(models)}
    with console.working():
        done = workflow.compare(shared, configs, by=by, out=out, stdin=sys.stdin.buffer, watch=console.watch)
    from forecaster.report.terminal import compare as report
    from forecaster.report.verdicts import comparison_sentence

    console.show(
        {"folder": str(done.folder), "sentence": comparison_sentence(done.metrics), **done.metrics},
        report.summary(done.metrics),
    )
    console.tell(f"wrote {done.folder / workflow.LEADERBOARD}")
    command = shlex.join(["forecast", "train", shared.data.path, "--config", str(done.folder / "config.yaml")])
    console.tell(f"next: {command}")


def _parse_models(text: str) -> list[str]:
    """Read `gru,lstm`.

    Raises: UsageError: one is no model, or none is named.
    """
    known = get_args(get_args(get_args(options.Model)[0])[0])
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise UsageError(
                f"--models: {name!r} is no model{near_miss(name, known)}", hint=f"choose among {', '.join(known)}"
            )
    if not names:
        raise UsageError("--models: names none", hint="write it as --models gru,lstm")
    return list(dict.fromkeys(names))
