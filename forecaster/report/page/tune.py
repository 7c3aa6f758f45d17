"""The page of a study: its trials, and how much the best of them improves on the default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.durations import format_duration
from forecaster.report.page import accuracy
from forecaster.report.page.charts import MODEL, QUIET, SEASONAL, axes, integer_ticks, line, points
from forecaster.report.page.parts import Chart, Code, Page, Section, Table, Text
from forecaster.report.verdicts import tuning_sentence
from forecaster.report.words import number, plural

_STATES = {"pruned": "stopped early"}
_MAX_ROWS = 100


@dataclass(frozen=True)
class TrialRow:
    """A finished trial: `done`, `pruned` or `failed`; its loss is None unless it is done."""

    number: int
    state: str
    loss: float | None
    seconds: float
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class StudyContent:
    """Everything that the page of a study shows.

    Attributes:
        name: the name of the folder.
        metrics: the content of metrics.json.
        config: the text of config.yaml.
        trials: in order; only the leading ones if the others cannot be read.
        remarks: sentences that the reader should see first.
    """

    name: str
    metrics: Mapping[str, Any]
    config: str
    trials: Sequence[TrialRow]
    remarks: Sequence[str] = ()


def compose_study_page(content: StudyContent) -> Page:
    """Compose the page of a study."""
    tune = content.metrics["tune"]
    unseen, best = tune["unseen"], tune["best"]
    scope = f"{plural(unseen['folds'], 'fold')} of {plural(unseen['horizon'], 'step')}"
    default = tune["default"]["loss"]
    sections = [
        Section(
            "unseen",
            "Accuracy on held-out folds",
            [
                accuracy.score_table(f"Scores over {scope}, which were held out", unseen["models"], "Settings"),
                accuracy.explain_scores(),
                Text(
                    "The trials were compared on validation steps. The scores above are of later steps, which no trial"
                    " has seen."
                ),
            ],
        ),
        Section("trials", "Trials", [_trials_chart(content.trials, default), _trials_table(content.trials)]),
        Section("origin", "Configuration", [Code("config.yaml, with the tuned settings", content.config)]),
    ]
    return Page(
        kind="Search",  # scripts read it in the output of `forecast report --json`
        name=content.name,
        verdict=tuning_sentence(dict(content.metrics)),
        facts={
            "Trials": str(tune["trials"]),
            "Stopped early": str(tune["pruned"]),
            "Failed": str(tune["failed"]),
            "Best trial": str(best["trial"]),
            "Its loss": number(best["loss"]),
            "Loss of the default": number(default),
            "Time": format_duration(tune["seconds"]),
            "Series": f"{unseen['series']:,}",
        },
        sections=sections,
        remarks=content.remarks,
    )


def _trials_chart(trials: Sequence[TrialRow], default: float | None) -> Chart:
    done = [trial for trial in trials if trial.loss is not None]
    loss = np.array([trial.loss for trial in done], np.float64)
    best = np.minimum.accumulate(loss) if len(loss) else loss
    numbers = [trial.number for trial in done]
    leader = int(loss.argmin())
    improvements = int((best[1:] < best[:-1]).sum())
    stairs = line("best so far", "trial", "best", MODEL)
    traces = [points("trials", "trial", "loss", QUIET), {**stairs, "line": {**stairs["line"], "shape": "hv"}}]
    columns: dict[str, Any] = {"trial": numbers, "loss": loss, "best": best}
    if default is not None and len(done) > 1:
        columns |= {"ends": [numbers[0], numbers[-1]], "default": [default, default]}
        traces.append(line("default settings", "ends", "default", SEASONAL, width=1.5))
    return Chart(
        "trials",
        "Loss of each trial",
        f"Trial {numbers[leader]} reached the lowest loss, {number(float(loss[leader]))}; the trials improved"
        f" on the best loss so far {plural(improvements, 'time')}.",
        traces,
        axes("trial", "loss on validation steps", xaxis=integer_ticks(numbers)),
        {"trial": "trial", "loss": "loss", "best so far": "best"},
        columns,
    )


def _trials_table(trials: Sequence[TrialRow]) -> Table:
    """List the trials with a loss, the best first, then those without one."""
    order = sorted(trials, key=lambda trial: (trial.loss is None, trial.loss or 0.0, trial.number))
    keys = list(dict.fromkeys(key for trial in order for key in trial.settings))
    rows = [
        [
            str(trial.number),
            _STATES.get(trial.state, trial.state) if trial.loss is None else number(trial.loss),
            format_duration(trial.seconds) if trial.seconds else "-",
            *(_cell(trial.settings.get(key)) for key in keys),
        ]
        for trial in order[:_MAX_ROWS]
    ]
    caption = "Trials, the best first" + (f": {_MAX_ROWS} of {len(order):,}" if len(order) > _MAX_ROWS else "")
    return Table(caption, ["Trial", "Loss", "Time", *(_title(key) for key in keys)], rows)


def _title(key: str) -> str:
    """Return the short name of a setting: `cell`, `scale` (for `scale.kind`), `hidden` (for `model.hidden`)."""
    return "cell" if key == "model.kind" else key.removesuffix(".kind").rpartition(".")[2].replace("_", " ")


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
