"""The command `forecast`: its commands, and the one place where failures become messages and exit codes."""

import errno
import itertools
import re
import sys
import traceback
from typing import Annotated

import typer

from forecaster import __version__, runtime
from forecaster.addresses import hide_secrets
from forecaster.cli import ledger, streams
from forecaster.cli.backtest import backtest
from forecaster.cli.compare import compare
from forecaster.cli.control_characters import escape_controls
from forecaster.cli.doctor import doctor
from forecaster.cli.explain import explain
from forecaster.cli.help import NO_COLOR, HelpCommand, HelpGroup
from forecaster.cli.init import init
from forecaster.cli.inspect import inspect
from forecaster.cli.predict import predict
from forecaster.cli.report import report
from forecaster.cli.run import run
from forecaster.cli.schedule import schedule
from forecaster.cli.show import show
from forecaster.cli.train import train
from forecaster.cli.tune import tune
from forecaster.errors import DependencyError, ForecastError, InputError, OutputError, did_you_mean

_IMPOSSIBLE_PATHS = (errno.ENAMETOOLONG, errno.ELOOP)  # errors of any operation on a path, even of a check
_NUMBER_WORDS = {
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "a valid integer": "a whole number",
    "a valid number": "a number",
}

app = typer.Typer(
    name="forecast",
    cls=HelpGroup,
    help="Train recurrent networks on time series and forecast them with honest intervals.",
    epilog="Start with: forecast train data.csv, then: forecast predict",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command(cls=HelpCommand, rich_help_panel="Forecast")(train)
app.command(cls=HelpCommand, rich_help_panel="Forecast")(predict)
app.command(cls=HelpCommand, rich_help_panel="Forecast")(init)
app.command(cls=HelpCommand, rich_help_panel="Evaluate")(backtest)
app.command(cls=HelpCommand, rich_help_panel="Evaluate")(tune)
app.command(cls=HelpCommand, rich_help_panel="Evaluate")(compare)
app.command(cls=HelpCommand, rich_help_panel="Operate")(run)
app.command(cls=HelpCommand, rich_help_panel="Operate")(schedule)
app.command(cls=HelpCommand, rich_help_panel="Understand")(report)
app.command(cls=HelpCommand, rich_help_panel="Understand")(explain)
app.add_typer(ledger.app, name="ledger", rich_help_panel="Operate")
app.command(cls=HelpCommand, rich_help_panel="Understand")(inspect)
app.command(cls=HelpCommand, rich_help_panel="Understand")(show)
app.command(cls=HelpCommand, rich_help_panel="Understand")(doctor)


def print_version(is_requested: bool) -> None:
    """Print the version and exit."""
    if is_requested:
        typer.echo(f"forecast {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=print_version)
    ] = False,
) -> None:
    """Declare the options that belong to no command."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code. Every failure ends here and nowhere else."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        style = NO_COLOR if "--no-color" in arguments else None
        code = app(arguments, prog_name="forecast", standalone_mode=False, obj=style)
        return int(code or 0)
    except ForecastError as error:
        return _fail(error.code, error.kind, error.message, error.hint, arguments)
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "forecast")
        if not error.format_message():  # Without any arguments typer has printed the help.
            return error.exit_code
        message = _reword(error.format_message(), arguments)
        return _fail(error.exit_code, "usage", message, f"type `{command} --help`", arguments)
    except typer.Abort:  # Ctrl-C before the work began
        return _fail(130, "interrupted", "stopped by SIGINT", "type the command again to start over", arguments)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _IMPOSSIBLE_PATHS and error.filename:
            message = f"{error.filename}: {error.strerror}"
            return _fail(
                InputError.code, InputError.kind, message, "name an existing path, or a shorter one", arguments
            )
        if runtime.is_out_of_memory(error):
            hint = "free some memory, or raise its limit: ulimit -v unlimited"
            return _fail(DependencyError.code, DependencyError.kind, "not enough memory", hint, arguments)
        print(escape_controls(_hide_secrets(traceback.format_exc(), arguments)), end="", file=sys.stderr)  # noqa: T201
        return 1


def _hide_secrets(text: str, arguments: list[str]) -> str:
    """Hide the passwords of addresses in a text. An argument that it quotes may contain blanks."""
    for argument in arguments:
        for part in (argument, argument.partition("=")[2]):
            if "://" in part:
                for spelling in (part, re.sub(":/+", ":/", part)):  # A path has single slashes.
                    text = text.replace(spelling, hide_secrets(part))
    return hide_secrets(text)


def _reword(message: str, arguments: list[str]) -> str:
    """Return typer's message about a value in plain words, with the number that was passed or the nearest choice."""
    match = re.search(r"'([^']*)' is not one of (.*?)\.?$", message)
    if match:
        return message.rstrip(".") + did_you_mean(match[1], re.findall(r"'([^']*)'", match[2]))
    match = re.match(r"No such option: (\S+) \(Possible options: (.*)\)", message)
    if match:
        return f"No such option: {match[1]}{did_you_mean(match[1], match[2].split(', '))}"
    match = re.match(r"Invalid value for '(--[\w-]+)': Input should be (.*)", message)
    if not match:
        return message
    option, limit = match.groups()
    values = [each.partition("=")[2] for each in arguments if each.startswith(f"{option}=")]
    values += [value for word, value in itertools.pairwise(arguments) if word == option]
    for words, plain in _NUMBER_WORDS.items():
        limit = limit.replace(words, plain)
    limit = re.sub(r"\d+", lambda digits: f"{int(digits[0]):,}", limit.partition(",")[0])
    return f"{option} {values[-1] if values else ''}: must be {limit}".replace(" :", ":")


def _fail(code: int, kind: str, message: str, hint: str, arguments: list[str]) -> int:
    message = " ".join(_hide_secrets(message.replace("Value error, ", ""), arguments).split())
    hint = " ".join(_hide_secrets(hint, arguments).split())
    if "--json" in arguments:
        try:
            with streams.until_closed():
                streams.write_json({"error": {"code": code, "kind": kind, "message": message, "hint": hint}})
        except OutputError as error:
            _fail(error.code, error.kind, error.message, error.hint, [])
    else:
        print(escape_controls(f"error: {message}\nhint: {hint}"), file=sys.stderr)  # noqa: T201
    return code
