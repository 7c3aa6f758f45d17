"""The page of a search: its trials, and what the best of them is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.durations import format_duration
from forecaster.report.page import accuracy
from forecaster.report.page.charts import MODEL, QUIET, SEASONAL, axes, counted, line, points
from forecaster.report.page.parts import Chart, Code, Page, Section, Table, Text
from forecaster.report.verdicts import tuning_sentence
from forecaster.report.words import number, plural

_STATES = {"pruned": "stopped early"}


@dataclass(frozen=True)
class Attempt:
    """A trial that is over: `done`, `pruned` or `failed`; its loss is None unless done."""

    number: int
    state: str
    loss: float | None
    seconds: float
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Search:
    """All that a page tells of a search.

    Attributes:
        attempts: in order; those that led where the others could not be read.
    """

    name: str
    metrics: Mapping[str, Any]
    config: str
    attempts: Sequence[Attempt]
    remarks: Sequence[str] = ()


def compose(found: Search) -> Page:
    """Put the page together."""
    tune = found.metrics["tune"]
    unseen, best = tune["unseen"], tune["best"]
    scope = f"{plural(unseen['folds'], 'fold')} of {plural(unseen['horizon'], 'step')}"
    default = tune["default"]["loss"]
    sections = [
        Section(
            "unseen",
            "Judged on what it did not see",
            [
                accuracy.score_table(f"Scores of {scope} that the search did not see", unseen["models"], "Settings"),
                accuracy.explain_scores(),
                Text(
                    "The search chose by its own validation steps; these scores are of later ones, which it never saw."
                ),
            ],
        ),
        Section("search", "The search", [_trials_chart(found.attempts, default), _trials_table(found.attempts)]),
        Section("origin", "Configuration", [Code("config.yaml: the tuned settings", found.config)]),
    ]
    return Page(
        kind="Search",
        name=found.name,
        verdict=tuning_sentence(dict(found.metrics)),
        facts={
            "Trials": str(tune["trials"]),
            "Stopped early": str(tune["pruned"]),
            "Failed": str(tune["failed"]),
            "Best trial": str(best["trial"]),
            "Its loss": number(best["loss"]),
            "Loss of the default": "-" if default is None else number(default),
            "Time": format_duration(tune["seconds"]),
            "Series": f"{unseen['series']:,}",
        },
        sections=sections,
        remarks=found.remarks,
    )


def _trials_chart(attempts: Sequence[Attempt], default: float | None) -> Chart:
    done = [each for each in attempts if each.loss is not None]
    loss = np.array([each.loss for each in done], np.float64)
    best = np.minimum.accumulate(loss) if len(loss) else loss
    numbers = [each.number for each in done]
    at = int(loss.argmin())
    told = f"Trial {numbers[at]} reached the lowest loss, {number(float(loss[at]))}"
    told += f"; {plural(int((best[1:] < best[:-1]).sum()), 'trial')} improved on all before."
    stairs = line("best so far", "trial", "best", MODEL)
    traces = [points("trials", "trial", "loss", QUIET), {**stairs, "line": {**stairs["line"], "shape": "hv"}}]
    columns: dict[str, Any] = {"trial": numbers, "loss": loss, "best": best}
    if default is not None and len(done) > 1:
        columns |= {"ends": [numbers[0], numbers[-1]], "default": [default, default]}
        traces.append(line("the default settings", "ends", "default", SEASONAL, width=1.5))
    return Chart(
        "trials",
        "Loss of each trial",
        told,
        traces,
        axes("trial", "loss, validation steps", xaxis=counted(numbers)),
        {"trial": "trial", "loss": "loss", "best so far": "best"},
        columns,
    )


def _trials_table(attempts: Sequence[Attempt]) -> Table:
    """All trials, the best first, then those without a loss."""
    order = sorted(attempts, key=lambda each: (each.loss is None, each.loss or 0.0, each.number))
    keys = list(dict.fromkeys(key for each in order for key in each.settings))
    rows = [
        [
            str(each.number),
            _STATES.get(each.state, each.state) if each.loss is None else number(each.loss),
            format_duration(each.seconds) if each.seconds else "-",
            *(_cell(each.settings.get(key)) for key in keys),
        ]
        for each in order[:100]
    ]
    caption = "Trials, the best first" + (f": 100 of {len(order)}" if len(order) > 100 else "")
    return Table(
        caption,
        ["Trial", "Loss", "Time", *(_title(key) for key in keys)],
        rows,
    )


def _title(key: str) -> str:
    """A setting by one word: `cell`, `scale` (of `scale.kind`), `hidden` (of `model.hidden`)."""
    return "cell" if key == "model.kind" else key.removesuffix(".kind").rpartition(".")[2].replace("_", " ")


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
