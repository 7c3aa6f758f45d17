"""`forecast init`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from forecaster.cli import options
from forecaster.errors import UsageError


@options.expand
def init(
    data: options.Data = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The new file, or - for standard output.",
            show_default="forecast, nightly.yaml or future.csv",
        ),
    ] = None,
    future_template: Annotated[
        bool,
        typer.Option("--future-template", help="Write the table that predict --future reads, its known cells empty."),
    ] = False,
    job: Annotated[bool, typer.Option("--job", help="Write a job for forecast run, with its policies.")] = False,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="The bundle that the table is for; its columns are taken.", show_default=False),
    ] = None,
    horizon: options.Horizon = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    *,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Write a commented forecast.yaml for a table, a job, or the table of its future to fill.

    The file holds every setting, with what was found in the table filled in: forecast train --config forecast.yaml.
    """
    from forecaster.settings import load
    from forecaster.workflows import init as workflow

    if job and future_template:
        raise UsageError("--job and --future-template are two files", hint="give one of them at a time")
    out = out or Path("future.csv" if future_template else "nightly.yaml" if job else "forecast.yaml")
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
            resolved = workflow.as_job(resolved, out) if job else resolved
    if future_template:
        text, document["rows"] = frame.to_csv(index=False, lineterminator="\n"), len(frame)
        following = "fill its known columns, then: forecast predict --future {}"
    else:
        text, document["config"] = workflow.write_out(resolved), resolved.model_dump(mode="json")
        following = "next: forecast run {} --dry-run" if job else "next: forecast train --config {}"
    if is_file:
        workflow.publish(text, out)
        console.tell(f"wrote {out}\n{following.format(shlex.quote(str(out)))}")
    if console.is_json or not is_file:
        console.show_text(document, text)
