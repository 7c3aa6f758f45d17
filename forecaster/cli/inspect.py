"""`forecast inspect`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from forecaster.cli import options
from forecaster.errors import UsageError

_FLAGS = {"minimum": "--min", "maximum": "--max"}
_ENDINGS = (".json", ".csv", ".parquet")


@options.expand
def inspect(
    data: options.Data = None,
    horizon: options.Horizon = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Write it down: .json for all of it, .csv or .parquet for a row a series, - for CSV on stdout.",
            show_default=False,
        ),
    ] = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    *,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Say what a table holds, what is doubtful of it, and what training would make of it.

    Reads as train does, and trains nothing: columns, frequency, season, gaps, values, splits.
    """
    from forecaster.settings import load
    from forecaster.workflows import inspect as workflow

    if out is not None and str(out) != "-" and out.suffix not in _ENDINGS:
        raise UsageError(f"--out {out}: nothing is written as {out.suffix or 'that'}", hint="end it in .json or .csv")
    overrides = {"data.path": data, "data.horizon": horizon, **columns}
    resolved = load(config, overrides=overrides, settings=tuple(settings or ()))
    if resolved.data.path is None:
        raise UsageError("no DATA was given", hint="type `forecast inspect data.csv`")
    with console.working():
        found = workflow.inspect(resolved, stdin=sys.stdin.buffer, watch=console.watch)
    following = _following(found.document["data"], horizon, columns, config, settings)
    document = {**found.document, "next": following}
    if out is not None and str(out) == "-":
        from forecaster.store.csv import to_csv

        console.show_text(document, to_csv(found.series).decode())
        return
    if out is not None:
        workflow.publish(document, found.series, out)
        console.tell(f"wrote {out}")
    from forecaster.report.terminal.inspect import summary

    console.show(document, summary(found.document, found.panel if console.is_terminal else None))
    if found.document["train"]["is_possible"]:
        console.tell(f"next: {following}")


def _following(
    data: str, horizon: int | None, columns: dict[str, Any], config: Path | None, settings: list[str] | None
) -> str:
    """The command that trains on what was looked at."""
    words = ["forecast", "train", data]
    for key, value in {"horizon": horizon, **columns, "data.config": config}.items():
        name = key.removeprefix("data.")
        if value is not None:
            words += [_FLAGS.get(name, f"--{name}")] + ([] if value is True else [_text(value)])
    return shlex.join([*words, *(word for each in settings or () for word in ("--set", each))])


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
