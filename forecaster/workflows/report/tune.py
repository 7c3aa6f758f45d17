"""The content of a study's page: its scores, and its trials if their database can be read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forecaster.errors import ForecastError
from forecaster.events import Note, Watch, ignore
from forecaster.report.page.tune import StudyContent, TrialRow
from forecaster.selection.search.study import Study
from forecaster.store import bundle
from forecaster.store.regular_files import read_text


def read_study(folder: Path, metrics: Mapping[str, Any], *, watch: Watch = ignore) -> StudyContent:
    """Read the results of `forecast tune`.

    Args:
        metrics: the content of metrics.json.

    Raises:
        InputError: the config is missing.
    """
    config = read_text(folder / bundle.CONFIG, hint="run `forecast tune` again")
    remarks = []
    try:
        trials = [
            TrialRow(trial.number, trial.state, trial.loss, trial.seconds, trial.values)
            for trial in Study.open(folder).trials()
        ]
    except ForecastError as error:  # metrics.json has the leading trials, too
        leaders = metrics["tune"]["leaders"]
        trials = [TrialRow(leader["trial"], "done", leader["loss"], 0.0, leader["settings"]) for leader in leaders]
        remarks = [f"Only the best trials are listed: {error.message}; {error.hint}"]
        watch(Note(remarks[0]))
    return StudyContent(folder.resolve().name, metrics, config, trials, remarks)
