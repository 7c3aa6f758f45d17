"""The outcome of a run as a file for the textfile collector of Prometheus."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from forecaster.store.files import atomic_write
from forecaster.workflows.job.summary import RunSummary

_MAX_BYTES = 100_000
_SUCCESS_CODES = (0, 3)
_HELP = {
    "run_timestamp_seconds": "Time of the last run; alert on its age to notice runs that did not take place.",
    "last_success_timestamp_seconds": "Time of the last run that ended with 0 or 3.",
    "run_code": "Exit code of the last run.",
    "run_seconds": "Duration of the last run.",
    "data_age_seconds": "Age of the newest value that was read, at the last run.",
    "series": "Number of series in the data that was read last.",
    "series_missing": "Number of series of the training that the data does not have.",
    "series_fallback": "Number of series whose published forecast is simpler than the model's.",
    "skill": "Skill of the model against the seasonal naive forecast, as the gate measured it.",
    "coverage80": "Share of actual values that the 80 % interval covered, as the gate measured it.",
    "drift_alarm": "1 if the errors have risen above those of the holdout.",
}


def write_metrics_file(path: Path, summary: RunSummary, now: datetime) -> None:
    """Write the metrics of a run. What this run did not find out stays as the last run wrote it; the age of data grows.

    Raises: OutputError: the file cannot be written.
    """
    job = summary.job.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    before, values = _read(path, job), dict(_measure(summary, now))
    if {"data_age_seconds", "run_timestamp_seconds"} <= before.keys():
        before["data_age_seconds"] += now.timestamp() - before["run_timestamp_seconds"]
    if summary.code in _SUCCESS_CODES:
        values["last_success_timestamp_seconds"] = now.timestamp()
    lines = []
    for name in _HELP:
        if name not in before.keys() | values.keys():
            continue
        lines += [
            f"# HELP forecast_{name} {_HELP[name]}",
            f"# TYPE forecast_{name} gauge",
            f'forecast_{name}{{job="{job}"}} {values.get(name, before.get(name)):.13g}',
        ]
    atomic_write(path, ("\n".join(lines) + "\n").encode())


def _read(path: Path, job: str) -> dict[str, float]:
    """Return the values of a job in a metrics file; none if there is no such file."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return {}
    values = {}
    for line in text.split("\n"):
        for name in _HELP:
            prefix = f'forecast_{name}{{job="{job}"}} '
            if line.startswith(prefix):
                with contextlib.suppress(ValueError):
                    values[name] = float(line.removeprefix(prefix))
    return values


def _measure(summary: RunSummary, now: datetime) -> Iterator[tuple[str, float]]:
    yield "run_timestamp_seconds", now.timestamp()
    yield "run_code", summary.code
    yield "run_seconds", summary.seconds
    if summary.data is not None:
        if summary.data.age_seconds is not None:
            yield "data_age_seconds", summary.data.age_seconds
        yield "series", summary.data.series
        yield "series_missing", len(summary.data.missing)
    if summary.fallbacks is not None or summary.has_published:
        yield "series_fallback", len(summary.fallbacks or {})
    if summary.gate is not None:
        for name, value in (("skill", summary.gate.skill), ("coverage80", summary.gate.coverage80)):
            if value is not None and value == value:  # NaN is unknown
                yield name, value
    if summary.drift is not None:
        yield "drift_alarm", summary.drift.is_alarm
