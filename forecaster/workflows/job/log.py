"""A log of runs: a JSON line an event, appended to a file; rotation is left to the system."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forecaster.events import Event, FoldsForecast, TrainingStep
from forecaster.store.files import as_output_error

_TOO_MANY = (TrainingStep, FoldsForecast)


class Journal:
    """Writes lines about one run; to no file, nothing."""

    def __init__(self, path: Path | None, told: dict[str, Any]) -> None:
        self._path = path
        self._told = told

    def check(self) -> None:
        """Raises: OutputError: the file cannot be written."""
        if self._path is not None:
            with as_output_error(self._path, "name another file with --log-file"), self._path.open("ab"):
                pass

    def note(self, event: Event) -> None:
        """Write what happened, but for what happens thousands of times."""
        if not isinstance(event, _TOO_MANY):
            self._append({"event": type(event).__name__, **asdict(event)})

    def write(self, told: dict[str, Any]) -> None:
        """Write how the run ended."""
        self._append({"event": "RunEnded", **told})

    def _append(self, line: dict[str, Any]) -> None:
        if self._path is None:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        whole = {"time": time, "job": self._told["job"], "run": self._told["run"], **line}
        text = json.dumps(whole, ensure_ascii=False, default=str) + "\n"
        try:
            with self._path.open("ab", buffering=0) as file:  # one write, so that lines of several runs do not mix
                file.write(text.encode())
        except OSError:  # a full disk must not keep a job from its work
            self._path = None
