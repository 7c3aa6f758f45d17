"""`forecast init`."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from forecaster.cli import options, streams
from forecaster.errors import UsageError

_ESCAPED_BRACES = str.maketrans({"{": "{{", "}": "}}"})


@options.expand
def init(
    data: options.Data = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="File to write, or - for standard output.",
            show_default="forecast.yaml, nightly.yaml or future.csv",
        ),
    ] = None,
    future_template: Annotated[
        bool,
        typer.Option(
            "--future-template", help="Write the table that predict --future reads, with empty known covariates."
        ),
    ] = False,
    job: Annotated[bool, typer.Option("--job", help="Write a job file for forecast run.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of configs and jobs, for editors; needs no DATA.")
    ] = False,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            metavar="DIR",
            help="With --future-template: bundle whose columns the table has.",
            show_default=False,
        ),
    ] = None,
    horizon: options.Horizon = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    *,
    columns: options.Columns,
    console: options.Output,
) -> None:
    """Write a commented forecast.yaml, a job file, or a table of future covariates to fill in.

    forecast.yaml contains every setting, with the columns and the frequency of your table filled in. Use it with
    forecast train --config forecast.yaml.
    """
    from forecaster.settings import list_variables, load
    from forecaster.workflows import init as workflow

    if job and future_template:
        raise UsageError("--job and --future-template write different files", hint="pass one of them at a time")
    if schema:
        if job or future_template or data is not None or bundle is not None:
            raise UsageError("--schema describes every config", hint="leave the other options out, except --out")
        _print_schema(out, console)
        return
    out = out or Path("future.csv" if future_template else "nightly.yaml" if job else "forecast.yaml")
    is_file = str(out) != "-"
    if is_file:
        workflow.check_absent(out)
    if bundle is not None:
        if not future_template:
            raise UsageError(
                "--bundle is used with --future-template only", hint="add --future-template, or leave out --bundle"
            )
        if config or settings or any(value is not None for value in columns.values()):
            raise UsageError(
                "--bundle already sets the role of each column", hint="leave out the other options, or --bundle"
            )
    resolved = load(
        config, overrides={"data.path": data, "data.horizon": horizon, **columns}, settings=tuple(settings or ())
    )
    if resolved.data.path is None and bundle is None:
        raise UsageError("DATA is missing", hint="type `forecast init data.csv`")
    document: dict[str, Any] = {"out": str(out)}
    with console.working():
        inputs: dict[str, Any] = {"stdin": streams.stdin(), "watch": console.watch}
        if bundle is not None:
            frame = workflow.make_bundle_template(data, bundle, horizon=horizon, **inputs)
        elif future_template:
            frame = workflow.make_template(resolved, **inputs)
        else:
            resolved = workflow.draft_job(resolved, out, **inputs) if job else workflow.draft(resolved, **inputs)
    if future_template:
        text, document["rows"] = frame.to_csv(index=False, lineterminator="\n"), len(frame)
        option = "" if bundle is None else f" --bundle {shlex.quote(str(bundle))}"
        next_step = "fill in its known columns, then: forecast predict --future {}" + option.translate(_ESCAPED_BRACES)
    else:
        text, document["config"] = workflow.to_yaml(resolved), resolved.model_dump(mode="json")
        next_step = "next: forecast run {} --dry-run" if job else "next: forecast train --config {}"
    if is_file:
        written = [str(path) for path in workflow.publish(text, out, has_schema=not future_template)]
        variables = [] if future_template else list_variables()
        if variables:
            console.note(f"{out} contains what the environment sets: {', '.join(variables)}")
        console.note(f"wrote {', and for editors '.join(written)}\n{next_step.format(shlex.quote(str(out)))}")
    if console.is_json or not is_file:
        console.show_text(document, text)


def _print_schema(out: Path | None, console: options.Output) -> None:
    """Print the JSON schema of configs, or write it to a file."""
    from forecaster.workflows import init as workflow
    from forecaster.workflows.editor_schema import schema_text

    text = schema_text()
    if out is None or str(out) == "-":
        console.show_text(json.loads(text), text)
        return
    workflow.publish(text, out)
    console.note(f"wrote {out}")
    if console.is_json:
        console.show_text({"out": str(out)}, "")
