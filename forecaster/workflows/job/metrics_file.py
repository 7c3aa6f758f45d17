"""The outcome of a run as a file for the textfile collector of Prometheus."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from forecaster.store.files import atomic_write
from forecaster.workflows.job.summary import RunSummary

_HELP = {
    "run_timestamp_seconds": "Time of the last run; alert on its age to notice runs that did not take place.",
    "run_code": "Exit code of the last run.",
    "run_seconds": "Duration of the last run.",
    "data_age_seconds": "Age of the newest value at the last run.",
    "series": "Number of series in the data.",
    "series_missing": "Number of series of the training that the data does not have.",
    "series_fallback": "Number of series with a simpler forecast than the model's.",
    "skill": "Skill of the model against the seasonal naive forecast, as the gate measured it.",
    "coverage80": "Share of actual values that the 80 % interval covered, as the gate measured it.",
    "drift_alarm": "1 if the errors have risen above those of the holdout.",
}


def write_metrics_file(path: Path, summary: RunSummary, now: datetime) -> None:
    """Write the metrics of a run; those that are unknown are left out.

    Raises: OutputError: the file cannot be written.
    """
    job = summary.job.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    lines = []
    for name, value in _measure(summary, now):
        lines += [
            f"# HELP forecast_{name} {_HELP[name]}",
            f"# TYPE forecast_{name} gauge",
            f'forecast_{name}{{job="{job}"}} {value:.10g}',
        ]
    atomic_write(path, ("\n".join(lines) + "\n").encode())


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
