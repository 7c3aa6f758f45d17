"""Warnings of a run about what its own records contradict: a killed run, a lost ledger, outputs that others wrote."""

from collections.abc import Mapping
from pathlib import Path

from forecaster.addresses import hide_secrets, is_database_url
from forecaster.store.bundle import Bundle
from forecaster.workflows.job.champion import job_entry
from forecaster.workflows.job.previous_runs import PreviousRuns
from forecaster.workflows.job.publish import is_intact
from forecaster.workflows.job.run_state import JobRun


def warn_of_surprises(run: JobRun, champion: Bundle | None) -> None:
    """Warn of a killed run, of a ledger that is new although the job has a model, and of outputs that others wrote."""
    job, published = run.job, run.previous.published
    if published and published.is_training_due and not run.is_dry and run.ledger.mark_killed(published.run):
        run.summary.warn(f"the run {published.run} was killed during its training, which is repeated now")
    trained_by = job_entry(champion).get("run") if champion else None
    if trained_by and run.previous == PreviousRuns():
        run.summary.warn(
            f"the ledger {hide_secrets(job.ledger)} has no runs of this job, although its model was trained by the run"
            f" {trained_by}: restore the ledger from a backup, or the scores of earlier runs are lost"
        )
    for output in _find_foreign(job.outputs, published.outputs if published else {}):
        difference = "is not as this job published it" if published else "was not written by this job"
        run.summary.warn(
            f"{output}: {difference}: another job or program wrote it, and this run replaces it;"
            " if it is another job, name another file in job.outputs"
        )


def _find_foreign(outputs: tuple[str, ...], digests: Mapping[str, str]) -> list[str]:
    """Return the files among the outputs whose content the job did not publish last.

    Tables of databases are left out: their rows carry the name of the job.

    Args:
        digests: digest of each output at the last publication.
    """
    files = [output for output in outputs if not is_database_url(output) and Path(output).is_file()]
    return [output for output in files if not is_intact(output, digests.get(output), job="")]
