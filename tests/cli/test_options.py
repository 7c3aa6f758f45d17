"""Groups of options that a command takes as one."""

from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from forecaster.cli import options, quantities
from forecaster.errors import UsageError

Width = Annotated[int, typer.Option("--width", help="How wide.")]


def _size(width: Width = 3, depth: Annotated[int, typer.Option("--depth")] = 4) -> dict[str, int]:
    return {"width": width, "depth": depth}


Size = Annotated[dict[str, int], _size]


def run(*arguments: str) -> tuple[int, Any]:
    app = typer.Typer()
    seen = {}

    @app.command()
    @options.expand
    def command(name: Annotated[str, typer.Argument()], *, size: Size) -> None:
        """Do it.

        What is said of it goes on from line
        to line.
        """
        seen[name] = size

    done = CliRunner().invoke(app, arguments)
    return done.exit_code, seen or done.output


@pytest.mark.parametrize(
    ("given", "expected"),
    [((), {"width": 3, "depth": 4}), (("--depth", "7"), {"width": 3, "depth": 7})],
)
def test_a_group_gets_its_options_or_their_defaults(given: tuple[str, ...], expected: dict[str, int]) -> None:
    assert run("box", *given) == (0, {"box": expected})


def test_help_shows_the_options_of_a_group() -> None:
    code, text = run("--help")
    assert code == 0
    assert "--width" in text
    assert "How wide." in text
    assert "--size" not in text
    assert "goes on from line to line." in text  # however the docstring is wrapped


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1.5 h", 5400), ("20", 20), ("0.5s", 0.5), (None, None)]
)
def test_a_duration_is_read_in_seconds(text: str | None, seconds: float | None) -> None:
    assert quantities.parse_time_limit("--budget", text) == seconds


@pytest.mark.parametrize("text", ["soon", "", "-3m", "1.2.3s", "0s", "m", "5y", "inf"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no duration"):
        quantities.parse_time_limit("--budget", text)
