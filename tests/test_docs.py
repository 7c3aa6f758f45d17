"""The docs name what there is: commands, options' homes, files, figures."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.pages import Command, Result, fill_folder, list_commands, parse_commands, replace_output, run_page
from forecaster.cli.app import app
from forecaster.errors import ForecastError, Interrupted
from forecaster.workflows.job.summary import RunSummary

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


def test_a_command_must_be_refused_where_a_page_shows_an_error() -> None:
    shown = Command("forecast train a.csv", ("error: a.csv: no such file", "hint: check the path"))
    plain = Command("forecast show", ("three lines",))
    assert [Result(shown, 66, "").is_expected, Result(shown, 0, "").is_expected] == [True, False]
    assert [Result(plain, 66, "").is_expected, Result(plain, 0, "").is_expected] == [False, True]


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
    wrong = [
        each for each in results if not (each.is_expected or (each.code in (3, 4) and " run " in each.command.text))
    ]
    assert [(each.command.text, each.code, each.output) for each in wrong] == []


@pytest.mark.slow
def test_the_python_of_the_page_runs(tmp_path: Path) -> None:
    fill_folder(tmp_path)
    script = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "python.md").read_text("utf-8"), re.M | re.S)
    short = {"FORECAST_TRAINING__STEPS": "8", "FORECAST_PRESET": "fast", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **short}
    subprocess.run([sys.executable, "-c", "\n".join(script)], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "runs" / "latest").is_symlink()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_reads_a_table_that_a_clone_does_not_have(page: Path) -> None:
    """A command reads the sample data, what an earlier command wrote, or a table that the page shows."""
    commands = [each.text for each in list_commands(page.read_text("utf-8")) if each.is_run]
    written = {name for text in commands for name in re.findall(r"> (\S+\.csv)", text)}
    written |= {"future.csv"} if any("--future-template" in text for text in commands) else set()
    read = {name for text in commands for name in re.findall(r"[\w./-]+\.csv", text)}
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "data").iterdir()} | {"verbrauch.csv", "plan.csv"}
    assert read - written - there == set()


def test_the_export_is_the_one_that_the_page_shows(tmp_path: Path) -> None:
    fill_folder(tmp_path)
    rows = (tmp_path / "verbrauch.csv").read_text("cp1252").splitlines()
    (shown,) = re.findall(
        r"^```text\n(Netzbetreiber.*?)^```$", (ROOT / "docs" / "data.md").read_text("utf-8"), re.M | re.S
    )
    above, below = (part.splitlines() for part in shown.split("...\n"))
    assert (above, below) == (rows[: len(above)], rows[-len(below) :])


def test_the_table_of_exit_codes_is_complete() -> None:
    table = (ROOT / "docs" / "commands.md").read_text("utf-8").split("## Exit codes")[1]
    codes = {each.code for each in ForecastError.__subclasses__() if each is not Interrupted} | {0, 1, 3, 130, 143}
    listed = {int(code) for code in re.findall(r"(?<=[|,] )\d+(?=[ ,])", table)}
    assert listed == codes
    line = (ROOT / "README.md").read_text("utf-8").split("Exit codes: ")[1].split("\n\n")[0]
    assert {int(code) for code in re.findall(r"\d+", line)} == codes


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


def test_the_table_of_the_status_line_has_every_key_that_a_run_can_write() -> None:
    def list_keys(schema: dict[str, Any], place: str = "") -> set[str]:
        """Return the dotted keys of a JSON schema; a section whose keys are listed counts as listed."""
        keys = set()
        for name, each in schema["properties"].items():
            options = [each, each.get("items", {}), *each.get("anyOf", [])]
            options += [option.get("items", {}) for option in options]
            below = [definitions[option["$ref"].rpartition("/")[2]] for option in options if "$ref" in option]
            keys |= {f"{place}{name}"} if not below else list_keys(below[0], f"{place}{name}.")
        return keys

    schema = RunSummary.model_json_schema()
    definitions = schema["$defs"]
    table = (ROOT / "docs" / "operate.md").read_text("utf-8").split("| key | meaning |")[1].split("\n\n")[0]
    listed = {key for row in table.splitlines()[2:] for key in re.findall("`(.*?)`", row.split("|")[1])}
    assert listed - {"challenger"} == list_keys(schema)


def test_the_kinds_of_errors_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "operate.md").read_text("utf-8")
    (row,) = re.findall(r"^\| `error.kind`.*$", page, re.M)
    kinds = {each.kind for each in ForecastError.__subclasses__()} | {"bug"}
    assert set(re.findall("`(.*?)`", row.split("|")[2])) == kinds
