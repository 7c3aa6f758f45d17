"""A log of runs: one JSON line per event, appended to a file. Rotation is left to the system."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forecaster.addresses import hide_secrets
from forecaster.events import Event, FoldsForecast, TrainingStep
from forecaster.store.files import as_output_error
from forecaster.workflows.job.summary import RunSummary

_FREQUENT_EVENTS = (TrainingStep, FoldsForecast)  # A run may have thousands of them.


class Journal:
    """Writes the log lines of one run.

    Args:
        path: None to write nothing.
        summary: of the run; it names the job and the run in every line.
    """

    def __init__(self, path: Path | None, summary: RunSummary) -> None:
        self._path = path
        self._summary = summary

    def check(self) -> None:
        """Check that the file can be written.

        Raises: OutputError: it cannot.
        """
        if self._path is not None:
            with as_output_error(self._path, "name another file with --log-file"), self._path.open("ab"):
                pass

    def write_event(self, event: Event) -> None:
        """Write an event, unless it is a frequent one."""
        if not isinstance(event, _FREQUENT_EVENTS):
            fields = asdict(event)
            texts = {key: hide_secrets(value) for key, value in fields.items() if isinstance(value, str)}
            self._append({"event": type(event).__name__, **fields, **texts})

    def write_end(self) -> None:
        """Write the summary of the run."""
        self._append({"event": "RunEnded", **self._summary.to_dict()})

    def _append(self, line: dict[str, Any]) -> None:
        if self._path is None:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        stamped = {"time": time, "job": self._summary.job, "run": self._summary.run, **line}
        text = json.dumps(stamped, ensure_ascii=False, default=str) + "\n"
        try:
            with self._path.open("ab", buffering=0) as file:  # one write, so that lines of several runs do not mix
                file.write(text.encode())
        except OSError:  # a full disk must not stop a job
            self._path = None
