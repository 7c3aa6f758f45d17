"""The docs name what there is: commands, options' homes, files, figures."""

import re
from pathlib import Path

import pytest

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
