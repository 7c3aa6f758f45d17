"""The data of a run: read by the format of its model, checked against the job's policy."""

from dataclasses import replace

import numpy as np

from forecaster.config import Duplicates
from forecaster.data.future import FutureCheck, find_missing
from forecaster.data.grid.repair import RepeatedTimesError
from forecaster.data.load import LoadedData
from forecaster.events import Note
from forecaster.frequency import SECOND
from forecaster.panel import Panel
from forecaster.store.bundle import Bundle
from forecaster.workflows.clock import leave_out_unfinished, now_on, step_ends
from forecaster.workflows.job.audit import AuditedData, audit, find_suspects, measure_extent
from forecaster.workflows.job.choose_model import last_settings
from forecaster.workflows.job.run_state import JobRun
from forecaster.workflows.job.summary import DataSummary
from forecaster.workflows.reading import load_data, read_data, report_reading
from forecaster.workflows.series_changes import SeriesChanges, compare_series


def read(run: JobRun, champion: Bundle | None) -> AuditedData:
    """Read the data, leave out steps that are not over, and check the rest against the job's policy."""
    job, policy, source = run.job, run.job.policy, run.job.source.place
    changes = SeriesChanges()
    model = champion if champion and last_settings(champion, run.previous) == job.settings else None
    loaded, repeated = _load(run, model)
    if model:
        report_reading(loaded, model, source, run.watch)
        changes = compare_series(model, loaded.panel.ids.tolist())
        for text in changes.describe():
            run.watch(Note(text))
    frequency, zone = loaded.panel.frequency, loaded.panel.zone
    now = now_on(frequency, zone, run.now, home=policy.zone)
    if policy.partial == "drop":
        panel, count = leave_out_unfinished(loaded.panel, now, source)
        if count:
            run.watch(Note(f"the last step of {count} series is not over yet: left out"))
            last = frequency.format(np.array([panel.cutoff.max()]), zone)[0]
            loaded = replace(loaded, panel=panel, quality={**loaded.quality, "series": len(panel), "last": last})
    extent = measure_extent(loaded.panel)
    cutoff = str(frequency.format(np.array([extent.cutoff_at]), zone)[0])
    horizon = loaded.config.resolved_horizon
    ended = loaded.panel.ids[loaded.panel.has_ended(horizon)].tolist()
    lists = {"new": changes.new, "missing": changes.missing, "ended": ended}
    run.summary.data = DataSummary(
        source=source,
        rows=extent.rows,
        series=extent.series,
        cutoff=cutoff,
        **({} if frequency.is_integer else {"age_seconds": _age(loaded.panel, now)}),
        **{name: list(series) for name, series in lists.items() if series},
    )
    before = run.previous.published.extent if run.previous.published else None
    audit(source, loaded.panel, extent, before, policy, now)
    if find_missing(loaded.panel, horizon).any(axis=(1, 2)).all():  # Training would be in vain.
        check_future(run).require(loaded.panel, horizon, loaded.config)
    suspects = dict.fromkeys(repeated, "it has different rows for the same time")
    return AuditedData(loaded, extent, suspects | find_suspects(source, loaded.panel, policy, now, horizon))


def _load(run: JobRun, model: Bundle | None) -> tuple[LoadedData, tuple[str, ...]]:
    """Load the data of a job by the format of its model, or anew.

    If some series have different rows for the same time, the last row counts, and no model should forecast them.

    Returns: the data, and the names of these series.
    Raises: DataError: the data is unusable; or all series have such rows.
    """
    job = run.job

    def load(duplicates: Duplicates | None) -> LoadedData:
        if model:
            return load_data(job.source, model, duplicates=duplicates, later=job.future)
        changes = {"duplicates": duplicates} if duplicates else {}
        config = job.config.model_copy(update={"data": job.config.data.model_copy(update=changes)})
        return read_data(job.source, config, None, run.watch, later=job.future)

    try:
        return load(None), ()
    except RepeatedTimesError as error:
        if not error.series:
            raise
        loaded = load("last")
        if len(error.series) >= len(loaded.panel):
            raise
        run.watch(Note(f"{error.message}: its last row counts, and a simpler forecast replaces the model's"))
        config = loaded.config.model_copy(update={"duplicates": "error"})
        return replace(loaded, config=config), error.series


def _age(panel: Panel, now: int) -> float:
    """Return the seconds since the newest step ended."""
    return round((now - int(step_ends(panel.frequency, panel.cutoff).max())) / SECOND, 1)


def check_future(run: JobRun) -> FutureCheck:
    """Return the check of the known columns of a job."""
    job = run.job
    return FutureCheck(job.source.place, job.future, option="job.future")
