"""What lies at a place, told as a page or drawn as a figure, and written beside it."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecaster.errors import InputError, UsageError
from forecaster.events import Watch, ignore
from forecaster.report.figure import page as figure_page
from forecaster.report.page import backtest as backtest_page
from forecaster.report.page import compare as leaderboard_page
from forecaster.report.page import document
from forecaster.report.page import run as ledger_page
from forecaster.report.page import train as bundle_page
from forecaster.report.page import tune as study_page
from forecaster.report.page.parts import Page
from forecaster.store import bundle
from forecaster.store.files import atomic_write
from forecaster.workflows.report import backtest, run, tune
from forecaster.workflows.report import train as trained

NAME = "report.html"
_JOBS = (".yaml", ".yml")


@dataclass(frozen=True)
class Report:
    """A report that was made.

    Attributes:
        content: the bytes of a page or a picture.
        home: where it is written when nobody says where.
    """

    content: bytes
    home: Path
    kind: str
    verdict: str
    series: int
    drawn: int


def report(
    place: Path | None = None,
    *,
    picture: str | None = None,
    wanted: Sequence[str] = (),
    later: str | None = None,
    watch: Watch = ignore,
) -> Report:
    """Make a report of a bundle, a backtest, a comparison, a search, or a job's ledger.

    Args:
        place: the folder, or the job's file; None takes `runs/latest`.
        picture: `png` or `svg` for a figure; None for a page.
        wanted: series to draw first, whatever else is drawn.
        later: of a bundle: a table of the known columns' values for the steps to forecast.

    Raises:
        UsageError: a wanted series is not there, or what lies there has no place for these two.
        InputError: nothing lies there that a report could tell of.
        DependencyError: what draws is not installed.
    """
    figure_page.check() if picture else document.check()
    if place is None:
        if not bundle.LATEST.exists():
            raise InputError(
                f"{bundle.LATEST}: nothing was trained here yet",
                hint="run `forecast train DATA`, or name a folder or a job",
            )
        place = bundle.LATEST
    page = _tell(place, wanted, later, watch)
    content = figure_page.draw(page, picture) if picture else document.render(page).encode()
    home = place.with_suffix(f".{NAME}") if place.suffix in _JOBS and not place.is_dir() else place / NAME
    return Report(content, home, page.kind, page.verdict, page.series, len(page.drawn))


def write(made: Report, out: Path) -> None:
    """Put a report where it belongs.

    Raises: OutputError: it cannot be written.
    """
    atomic_write(out, made.content)


def _tell(place: Path, wanted: Sequence[str], later: str | None, watch: Watch) -> Page:
    """The page of what lies at a place."""
    if not place.is_dir():
        if place.suffix not in _JOBS:
            what = "is no folder and no job's YAML file" if place.exists() else "does not exist"
            raise InputError(f"{place}: {what}", hint="name what a command wrote: forecast report runs/latest")
        _refuse_future(later, "a job's ledger")
        return ledger_page.compose(run.gather(place, wanted=wanted))
    if (place / bundle.MANIFEST).exists():
        return bundle_page.compose(trained.gather(place, wanted=wanted, later=later, watch=watch))
    metrics = _read_metrics(place)
    if "backtest" in metrics:
        _refuse_future(later, "a backtest")
        return backtest_page.compose(backtest.gather(place, metrics, wanted=wanted))
    what = "a search" if "tune" in metrics else "a comparison"
    _refuse_future(later, what)
    if wanted:
        raise UsageError(
            f"--series: the page of {what} draws no single series", hint="leave it out, or name a bundle or a backtest"
        )
    if "tune" in metrics:
        return study_page.compose(tune.gather(place, metrics, watch=watch))
    config = _read(place / bundle.CONFIG).decode()
    return leaderboard_page.compose(leaderboard_page.Leaderboard(place.resolve().name, metrics, config))


def _refuse_future(later: str | None, what: str) -> None:
    if later is not None:
        raise UsageError(f"--future: {what} makes no new forecast", hint="leave it out, or name a trained bundle")


def _read_metrics(folder: Path) -> dict[str, Any]:
    try:
        metrics: dict[str, Any] = json.loads((folder / bundle.METRICS).read_text("utf-8"))
    except OSError as error:
        hint = "name what train, backtest, compare or tune wrote, or a job's YAML file"
        if (folder / "study.db").exists():
            hint = f"its search is not over; go on with `forecast tune --resume {shlex.quote(str(folder))}`"
        elif (folder / "run.json").exists():
            hint = f"its training was interrupted; go on with `forecast train --resume {shlex.quote(str(folder))}`"
        raise InputError(f"{folder}: holds nothing that a report could tell of", hint=hint) from error
    except ValueError as error:
        raise InputError(f"{folder / bundle.METRICS}: is no JSON", hint="run the command again") from error
    if not isinstance(metrics, dict) or not {"backtest", "compare", "tune"} & set(metrics):
        raise InputError(
            f"{folder / bundle.METRICS}: tells of no backtest, comparison or search", hint="run the command again"
        )
    return metrics


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", hint="run the command again") from error
