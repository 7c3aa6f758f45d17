"""`forecast compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from forecaster.cli import options, streams
from forecaster.cli.next_step import compose_command
from forecaster.errors import UsageError, did_you_mean
from forecaster.model_table import MODEL_NAMES

if TYPE_CHECKING:
    from forecaster.config import Config

Metric = Literal[
    "mase",
    "smape",
    "wql",
    "mae",
    "rmse",
    "nd",
    "coverage50",
    "coverage80",
    "coverage90",
    "coverage95",
    "rmsse",
    "wape",
    "bias",
]


@options.expand
def compare(
    data: options.Data = None,
    models: Annotated[
        str | None,
        typer.Option(
            "--models",
            metavar="A,B,C",
            help="Models as in --model, separated by commas. naive and seasonal_naive always take part.",
            show_default="the preset's model, pretrained and auto_theta",
        ),
    ] = None,
    by: Annotated[
        Metric | None,
        typer.Option(
            "--by",
            metavar="METRIC",
            help=f"Metric that sorts the leaderboard: {', '.join(get_args(Metric))}.",
            show_default="mase; wql for mostly zeros",
        ),
    ] = None,
    preset: options.Preset = None,
    horizon: options.Horizon = None,
    folds: Annotated[int | None, options.describe_folds("from the length of the series")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder for the results.", show_default="runs/<name>-compare-<time>"
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
    """Backtest several models on the same cutoffs and recommend one.

    Ranks the models, and tests which of them are significantly better than the naive forecasts. A cell in --models
    replaces only the cell of the preset; a recipe replaces all its settings.
    """
    from forecaster.parallel.cluster import use_cluster
    from forecaster.settings import load
    from forecaster.workflows import compare as workflow

    if out is not None and not out.name:
        raise UsageError(f"--out {out}: is no name for a new folder", hint="name one, such as --out leaderboard")
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
        raise UsageError("DATA is missing", hint="type `forecast compare data.csv`")
    configs = None if models is None else {name: load_as(name) for name in _parse_models(models)}
    with console.working(), use_cluster(cluster):
        done = workflow.compare(shared, configs, by=by, out=out, stdin=streams.stdin(), watch=console.watch)
    from forecaster.report.terminal import compare as report
    from forecaster.report.verdicts import comparison_sentence, missing_folds

    console.show(
        {"folder": str(done.folder), "sentence": comparison_sentence(done.metrics), **done.metrics},
        report.summary(done.metrics),
    )
    console.note(f"wrote {done.folder / workflow.LEADERBOARD}")
    block = done.metrics["compare"]
    folds_needed = missing_folds(done.metrics)
    if folds_needed is None:
        words = ["forecast", "train", shared.data.path, "--config", str(done.folder / "config.yaml")]
        console.note(f"next (a bundle of {block['chosen']}): {compose_command(words, {}, ())}")
    else:
        again = {
            "models": models,
            "by": by,
            **{key: value for key, value in overrides.items() if key not in ("data.path", "evaluation.folds")},
            "folds": folds_needed,
            "config": config,
        }
        console.note(f"next: {compose_command(['forecast', 'compare', shared.data.path], again, settings)}")


def _parse_models(text: str) -> list[str]:
    """Return the model names of a text such as `gru,lstm`, each once.

    Raises: UsageError: a name is unknown, or there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in MODEL_NAMES:
            raise UsageError(
                f"--models: unknown model {name!r}{did_you_mean(name, MODEL_NAMES)}",
                hint=f"choose from {', '.join(MODEL_NAMES)}",
            )
    if not names:
        raise UsageError("--models names no model", hint="write it as --models gru,lstm")
    return list(dict.fromkeys(names))
