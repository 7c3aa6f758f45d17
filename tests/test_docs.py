"""The docs name what there is: commands, options' homes, files, figures."""

import os
import re
from pathlib import Path

import pytest

from benchmarks.pages import Command, Result, fill_folder, list_commands, parse_commands, replace_output, run_page
from forecaster.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback} | {
    group.name for group in app.registered_groups
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_is_one_that_there_is(page: Path) -> None:
    typed = re.findall(r"^(?:\$ |.*?`)forecast ([a-z]+)", page.read_text("utf-8"), flags=re.MULTILINE)
    assert set(typed) <= COMMANDS


BLOCK = """$ forecast train a.csv \\
    --seed 1    # a remark
read
$ forecast predict

one
...
"""


def test_commands_are_read_with_the_output_below_them() -> None:
    train, predict = parse_commands(BLOCK)
    assert (train.text, train.output) == ("forecast train a.csv --seed 1", ("read",))
    assert (predict.text, predict.output) == ("forecast predict", ("", "one", "..."))


def test_output_is_replaced_where_a_page_shows_some() -> None:
    page = "text\n```console\n$ forecast show\nold\n\n$ forecast doctor\n$ forecast predict\none\n...\n```\nmore\n"
    results = [Result(Command(f"forecast {name}"), 0, f"{name}\nline\n") for name in ("show", "doctor", "predict")]
    shown = "$ forecast show\nshow\nline\n\n$ forecast doctor\n$ forecast predict\npredict\n..."
    assert replace_output(page, results) == f"text\n```console\n{shown}\n```\nmore\n"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_works(page: Path, tmp_path: Path) -> None:
    """The trainings are short, so the model of a job may fail its gate; that ends with 3 or 4, as the page says."""
    text = page.read_text("utf-8")
    preset = "default" if "--member" in text else "fast"
    short = {"FORECAST_TRAINING__STEPS": "8", "FORECAST_PRESET": preset, "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1", **short}
    fill_folder(tmp_path)
    results = run_page(text, tmp_path, environment)
    assert len(results) == sum(command.is_run for command in list_commands(text))
    refused = [each for each in results if each.code and not (each.code in (3, 4) and " run " in each.command.text)]
    assert [(each.command.text, each.code, each.output) for each in refused] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_figure_and_file_that_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_figures_are_small() -> None:
    figures = sorted((ROOT / "docs" / "figures").iterdir())
    assert figures
    assert [figure.name for figure in figures if figure.stat().st_size >= 100_000] == []


def test_every_command_has_a_guide() -> None:
    guide = (ROOT / "docs" / "commands.md").read_text("utf-8")
    sections = set(re.findall(r"^## ([a-z]+)$", guide, flags=re.MULTILINE))
    elsewhere = guide.split("elsewhere:")[1].splitlines()[0]
    assert sections | set(re.findall(r"[a-z]+(?=[,\]])", elsewhere)) >= COMMANDS
    assert sections <= COMMANDS


def test_the_readme_is_brief() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 1200
