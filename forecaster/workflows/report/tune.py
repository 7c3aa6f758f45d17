"""What a report tells of a search: its judgement, and its trials where their database can be read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forecaster.errors import ForecastError, InputError
from forecaster.events import Note, Watch, ignore
from forecaster.report.page.tune import Attempt, Search
from forecaster.selection.search.study import Study
from forecaster.store import bundle


def gather(folder: Path, metrics: Mapping[str, Any], *, watch: Watch = ignore) -> Search:
    """Read what `forecast tune` wrote.

    Raises: InputError: the config is missing.
    """
    try:
        config = (folder / bundle.CONFIG).read_text("utf-8")
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}", hint="run the search again") from error
    remarks = []
    try:
        trials = Study.open(folder).trials()
        attempts = [Attempt(each.number, each.state, each.loss, each.seconds, each.values) for each in trials]
    except ForecastError as error:  # the leaders are in metrics.json, too
        leaders = metrics["tune"]["leaders"]
        attempts = [Attempt(each["trial"], "done", each["loss"], 0.0, each["settings"]) for each in leaders]
        remarks = [f"Only the best trials are listed: {error.message}; {error.hint}"]
        watch(Note(remarks[0]))
    return Search(folder.resolve().name, metrics, config, attempts, remarks)
