"""Run the commands on the pages of the documentation, and print their output into the pages.

    python -m benchmarks.pages run README.md docs/*.md       runs every command and lists unexpected exit codes
    python -m benchmarks.pages write docs/commands.md        also replaces the output below each command

A page's `console` blocks are run in their order, in one folder with the sample data of a clone. A command that the page
shows to be refused, by a line `error:`, must be refused. Output is replaced only where the page shows some. A line
`...` in it means that the rest is left out, and keeps its place.
"""

import argparse
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
READER_HOME = "/home/me/forecast"
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s+# .*$")
_NOT_RUN = re.compile(r"^(make|pip|python3?|source) |postgresql://")
_RUNS_BEFORE = 30  # Drift and recalibration need several scored horizons.
_DAYS_BETWEEN_RUNS = 3  # Horizons of 7 days overlap, so that `diff` has something to compare.
_JOB = """data:
  path: temperature.csv
  horizon: 7
model:
  kind: drift
job:
  gate:
    skill: null
"""


@dataclass(frozen=True)
class Command:
    """A command of a page, as a reader would type it, and the output lines below it."""

    text: str
    output: tuple[str, ...] = ()

    @property
    def is_run(self) -> bool:
        """True unless the command installs, needs a server or measures for long."""
        return not _NOT_RUN.search(self.text)

    @property
    def is_refused(self) -> bool:
        """True if the page shows that the command is refused."""
        return any(line.startswith("error: ") for line in self.output)


@dataclass(frozen=True)
class Result:
    """The exit code of a command, and everything that it printed, in the order of a terminal."""

    command: Command
    code: int
    output: str

    @property
    def is_expected(self) -> bool:
        """True if the command was refused as the page shows, or else ended with 0."""
        return bool(self.code) == self.command.is_refused


def parse_commands(block: str) -> list[Command]:
    """Return the commands of a console block with the output below each; a `\\` continues a command."""
    commands: list[Command] = []
    lines = iter(block.splitlines())
    for line in lines:
        if line.startswith("$ "):
            text = line[2:]
            while text.endswith("\\"):
                text = text[:-1] + next(lines).strip()
            commands.append(Command(_COMMENT.sub("", text)))
        elif commands:
            last = commands[-1]
            commands[-1] = Command(last.text, (*last.output, line))
    return commands


def list_commands(page: str) -> list[Command]:
    """Return all commands of a page in their order."""
    return [command for block in _BLOCK.findall(page) for command in parse_commands(block)]


def fill_folder(folder: Path) -> None:
    """Copy the sample data into a folder, and write the export that the page on data shows."""
    for name in ("data", "configs"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "docs" / "figures").mkdir(parents=True)
    _write_export(folder / "verbrauch.csv")


def _write_export(path: Path) -> None:
    """Write a table as a German program does: a preamble, hours from 1 to 24, points between thousands, a total."""
    first = date(2021, 3, 1)
    rows = [
        f"{first + timedelta(days=day):%d.%m.%Y};{hour};1.{200 + round(100 * math.sin(hour / 4)) + day * hour % 40:03}"
        for day in range(61)
        for hour in range(1, 25)
    ]
    preamble = ["Netzbetreiber Süd;;", "Zeitraum: 01.03.2021 - 30.04.2021;;", ";;", "Datum;Stunde;Verbrauch [kWh]"]
    path.write_bytes("\n".join([*preamble, *rows, ";;", "Summe;;1.234.567", ""]).encode("cp1252"))


def run_command(command: Command, folder: Path, environment: dict[str, str]) -> Result:
    """Run a command as in the reader's shell, with this checkout's `forecast`."""
    program = f"{shlex.quote(sys.executable)} -m forecaster"
    text = re.sub(r"(^|[;&|] *|do )forecast ", rf"\g<1>{program} ", _fill_in_times(command.text, folder))
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return Result(command, done.returncode, done.stdout.replace(str(folder), READER_HOME))


def _fill_in_times(text: str, folder: Path) -> str:
    """Replace `<time>` in the name of a result folder by that of the newest one."""
    for name in re.findall(r"[\w./-]+-<time>", text):
        matches = sorted(folder.glob(name.replace("<time>", "*")))
        text = text.replace(name, str(matches[-1].relative_to(folder)) if matches else name)
    return text


def run_jobs(folder: Path, environment: dict[str, str]) -> None:
    """Run the job `temperature.yaml` of the page on ledgers, on data that has grown before each run."""
    (folder / "temperature.yaml").write_text(_JOB)
    lines = (folder / "data" / "melbourne_temperature.csv").read_text().splitlines(keepends=True)
    for number in range(_RUNS_BEFORE):
        (folder / "temperature.csv").write_text(
            "".join(lines[: len(lines) - _DAYS_BETWEEN_RUNS * (_RUNS_BEFORE - number)])
        )
        run_command(Command("forecast run temperature.yaml -q"), folder, environment)
    (folder / "temperature.csv").write_text("".join(lines))
    _write_plan(folder / "plan.csv", lines[1:])


def _write_plan(path: Path, lines: list[str]) -> None:
    """Write a planner's forecasts from the cutoffs of the runs: the mean of the last seven days, as German text."""
    days = [line.strip().split(",") for line in lines]
    rows = ["Tag;Stand;Plan"]
    for back in range(_DAYS_BETWEEN_RUNS * _RUNS_BEFORE, 0, -_DAYS_BETWEEN_RUNS):
        past = days[:-back]
        cutoff = datetime.strptime(past[-1][0], "%m/%d/%Y").date()
        plan = f"{sum(float(value) for _, value in past[-7:]) / 7:.1f}".replace(".", ",")
        ahead = [cutoff + timedelta(days=step) for step in range(1, 8)]
        rows += [f"{day:%d.%m.%Y};{cutoff:%d.%m.%Y};{plan}" for day in ahead]
    path.write_text("\n".join(rows) + "\n")


def run_page(page: str, folder: Path, environment: dict[str, str]) -> list[Result]:
    """Run all commands of a page in a folder."""
    if "temperature.yaml" in page:
        run_jobs(folder, environment)
    return [run_command(command, folder, environment) for command in list_commands(page) if command.is_run]


def replace_output(page: str, results: list[Result]) -> str:
    """Return a page with the output of its commands replaced, where it shows output."""
    outputs = {result.command.text: result.output.rstrip("\n").splitlines() for result in results}

    def render(match: re.Match[str]) -> str:
        lines: list[str] = []
        block = iter(match[1].splitlines())
        text = ""
        old_lines: list[str] = []
        for line in [*block, "$ "]:
            if line.startswith("$ "):
                lines += _renew(old_lines, outputs.get(text))
                text, old_lines = _COMMENT.sub("", line[2:]), []
                if line != "$ ":
                    lines.append(line)
            else:
                old_lines.append(line)
        return "```console\n" + "\n".join(lines) + "\n```"

    return _BLOCK.sub(render, page)


def _renew(old_lines: list[str], output: list[str] | None) -> list[str]:
    """Return new output in place of the old lines; up to a line `...` as many lines as before."""
    if output is None or not any(line.strip() for line in old_lines):
        return old_lines
    blank = [""] if not old_lines[-1].strip() else []
    if "..." in old_lines:
        return [*output[: old_lines.index("...")], "...", *blank]
    return [*(line.rstrip() for line in output), *blank]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "write"])
    parser.add_argument("pages", nargs="+", type=Path)
    arguments = parser.parse_args()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1"}
    is_failed = False
    for path in arguments.pages:
        with tempfile.TemporaryDirectory() as name:
            fill_folder(Path(name))
            results = run_page(path.read_text("utf-8"), Path(name), environment)
        for result in results:
            if not result.is_expected:
                is_failed = True
                print(f"{path}: {result.command.text}: exit code {result.code}\n{result.output}")
        if arguments.action == "write":
            path.write_text(replace_output(path.read_text("utf-8"), results), "utf-8")
        print(f"{path}: {len(results)} commands run")
    return int(is_failed)


if __name__ == "__main__":
    sys.exit(main())
