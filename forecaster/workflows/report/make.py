"""Find out which command wrote a folder, and write its results as a page or a figure."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecaster.errors import InputError, UsageError, as_input_error
from forecaster.events import Watch, ignore
from forecaster.report.figure import page as figure
from forecaster.report.page import document
from forecaster.report.page.backtest import compose_backtest_page
from forecaster.report.page.compare import ComparisonContent, compose_comparison_page
from forecaster.report.page.parts import Page
from forecaster.report.page.train import compose_bundle_page
from forecaster.store import bundle
from forecaster.store.files import atomic_write
from forecaster.store.json_files import read_object
from forecaster.store.regular_files import read_text
from forecaster.workflows.report.backtest import read_backtest
from forecaster.workflows.report.train import NO_INPUTS, FreshInputs, read_bundle

NAME = "report.html"
_JOB_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Report:
    """A finished report.

    Attributes:
        content: the bytes of the page or figure.
        home: the path to write to by default.
        kind: the kind of result, see `Page`.
        series_count: the number of all series.
        drawn_count: the number of series that are drawn.
    """

    content: bytes
    home: Path
    kind: str
    verdict: str
    series_count: int
    drawn_count: int


def report(
    place: Path | None = None,
    *,
    picture: str | None = None,
    requested_ids: Sequence[str] = (),
    fresh: FreshInputs = NO_INPUTS,
    watch: Watch = ignore,
) -> Report:
    """Make a report of a bundle, a backtest, a comparison, a study, or the ledger of a job.

    Args:
        place: the folder, or the job's YAML file; None for `runs/latest`.
        picture: `png` or `svg` for a figure; None for a page.
        requested_ids: series to draw first, and in any case.
        fresh: for a bundle: the data to forecast.

    Raises:
        UsageError: a requested series does not exist, or the kind of report has no use for these arguments.
        InputError: the place is not a result of a command.
        DependencyError: a package that draws is not installed.
    """
    figure.check() if picture else document.check()
    if place is None:
        if not bundle.LATEST.exists():
            raise InputError(
                f"{bundle.LATEST}: no model has been trained here yet",
                hint="run `forecast train DATA`, or name a folder or a job's YAML file",
            )
        place = bundle.LATEST
    with as_input_error(f"{place}: cannot be reported", hint="run the command that wrote it again"):
        page = _compose_page(place, requested_ids, fresh, watch)
        content = figure.draw(page, picture) if picture else document.render(page).encode()
    is_job = place.suffix in _JOB_SUFFIXES and not place.is_dir()
    home = place.with_suffix(f".{NAME}") if is_job else place / NAME
    return Report(content, home, page.kind, page.verdict, page.series_count, len(page.drawn_series))


def write(finished: Report, out: Path) -> None:
    """Write a report.

    Raises:
        OutputError: the file cannot be written.
    """
    atomic_write(out, finished.content)


def _compose_page(place: Path, requested_ids: Sequence[str], fresh: FreshInputs, watch: Watch) -> Page:
    if not place.is_dir():
        if place.suffix not in _JOB_SUFFIXES:
            problem = "is neither a folder nor a job's YAML file" if place.exists() else "does not exist"
            raise InputError(
                f"{place}: {problem}", hint="name the output folder of a command, such as: forecast report runs/latest"
            )
        _refuse_inputs(fresh, "a job's ledger")
        from forecaster.report.page.run import compose_job_page
        from forecaster.workflows.report.run import read_job  # A ledger needs a package that other pages do without.

        return compose_job_page(read_job(place, requested_ids=requested_ids, watch=watch))
    if (place / bundle.MANIFEST).exists():
        content = read_bundle(place, requested_ids=requested_ids, fresh=fresh, watch=watch)
        return compose_bundle_page(content)
    metrics = _read_metrics(place)
    if "backtest" in metrics:
        _refuse_inputs(fresh, "a backtest")
        return compose_backtest_page(read_backtest(place, metrics, requested_ids=requested_ids))
    kind = "a study" if "tune" in metrics else "a comparison"
    _refuse_inputs(fresh, kind)
    if requested_ids:
        raise UsageError(
            f"--series: the page of {kind} draws no single series",
            hint="leave the option out, or name a bundle or a backtest",
        )
    if "tune" in metrics:
        from forecaster.report.page.tune import compose_study_page
        from forecaster.workflows.report.tune import read_study  # A study needs a package as well.

        return compose_study_page(read_study(place, metrics, watch=watch))
    config = read_text(place / bundle.CONFIG, hint="run `forecast compare` again")
    return compose_comparison_page(ComparisonContent(place.resolve().name, metrics, config))


def _refuse_inputs(fresh: FreshInputs, kind: str) -> None:
    for option, value in (("--data", fresh.data), ("--query", fresh.query), ("--future", fresh.known_values)):
        if value is not None:
            raise UsageError(
                f"{option}: the page of {kind} makes no new forecast",
                hint="leave the option out, or name the folder of a trained model",
            )


def _read_metrics(folder: Path) -> dict[str, Any]:
    path = folder / bundle.METRICS
    if not path.exists():
        name = shlex.quote(str(folder))
        hint = "name the output folder of train, backtest, compare or tune, or a job's YAML file"
        if (folder / "study.db").exists():
            hint = f"its study is not finished; continue with `forecast tune --resume {name}`"
        elif (folder / "run.json").exists():
            hint = f"its training was interrupted; continue with `forecast train --resume {name}`"
        raise InputError(f"{folder}: contains no result to report on", hint=hint)
    metrics = read_object(path, hint="run the command that wrote it again")
    if not {"backtest", "compare", "tune"} & set(metrics):
        raise InputError(
            f"{path}: contains no backtest, comparison or study",
            hint="run the command that wrote it again",
        )
    return metrics
