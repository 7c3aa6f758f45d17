"""The steps of a job's run, in order: data, actuals, model, forecast, outputs, ledger."""

import contextlib
from dataclasses import dataclass, replace

from forecaster.addresses import hide_secrets
from forecaster.errors import ForecastError, GateError
from forecaster.events import Note
from forecaster.panel import Panel
from forecaster.store.bundle import Bundle
from forecaster.workflows.clock import find_next
from forecaster.workflows.job.audit import AuditedData
from forecaster.workflows.job.champion import (
    find_champion,
    find_publisher,
    promote,
    prune_bundles,
    remove_leftovers,
)
from forecaster.workflows.job.choose_model import (
    ModelChoice,
    assess_champion,
    keep_champion,
    train_challenger,
)
from forecaster.workflows.job.deadline import Standby, describe_late_start, describe_moment
from forecaster.workflows.job.policy import Assessment, find_retrain_reason
from forecaster.workflows.job.previous_runs import Published
from forecaster.workflows.job.publish import is_intact
from forecaster.workflows.job.read import read
from forecaster.workflows.job.ready_forecast import identify, prepare, prepare_again
from forecaster.workflows.job.run_state import JobRun
from forecaster.workflows.job.summary import ActualsSummary, ErrorSummary
from forecaster.workflows.job.surprises import warn_of_surprises
from forecaster.workflows.job.update import plan_update, update


@dataclass(frozen=True)
class TrainingPlan:
    """The work on the model that a run is due to do.

    Attributes:
        assessment: state of the champion; None if there is none.
        has_training: True if a model is to be trained.
        has_update: True if the champion is to be updated.
    """

    assessment: Assessment | None
    has_training: bool
    has_update: bool

    @property
    def is_due(self) -> bool:
        return self.has_training or self.has_update


def run_steps(run: JobRun) -> int:
    """Run a job, and extend `run.summary` with the outcome. The caller holds the job's lock.

    Returns: exit code 0, or 3 if a simpler model forecast some series.
    Raises: ForecastError: nothing was published; the ledger has a record of the failure, unless the ledger failed.
    """
    try:
        return _run_steps(run)
    except ForecastError as error:
        if run.summary.deferred is None:
            run.summary.status = "failed"
        run.summary.error = ErrorSummary(kind=error.kind, message=error.message)
        with contextlib.suppress(ForecastError):  # report the first failure, not one of the ledger
            run.record(error.code)
        raise


def _run_steps(run: JobRun) -> int:
    job = run.job
    if not run.is_dry:
        remove_leftovers(job.bundles, job.outputs, run.owner)
    champion, problem = find_champion(job.bundles)
    if problem:
        run.watch(Note(f"the model in use cannot be read: {problem}"))
    warn_of_surprises(run, champion)
    data = read(run, champion)
    published = run.previous.published
    if champion and published:
        publisher = find_publisher(job.bundles, published.publisher, champion)
        if publisher and published.identity == identify(run, data.loaded.panel, publisher):
            return _repeat(run, champion, publisher, published, data)
    if not run.is_dry:
        _score(run, data.loaded.panel)
    plan = _plan_training(
        run, champion, data, "the model in use cannot be read" if problem else "there is no model yet"
    )
    if run.is_dry:
        return _describe_plan(run, plan)
    standby = _open_standby(run, champion, data, plan) if job.policy.deadline and plan.is_due else None
    with standby or contextlib.nullcontext():
        choice = _choose_model(run, champion, data, plan)
        ready = None if standby and standby.code is not None else prepare(run, data, choice)
        if standby and not standby.withdraw():
            ready = None
    if choice.is_new:
        _promote(run, choice)
    code = ready.publish() if ready else _complete(run, choice, standby)
    _prune(run)
    return code


def _describe_plan(run: JobRun, plan: TrainingPlan) -> int:
    """Describe what a run would do, for a dry run."""
    summary, deadline = run.summary, run.job.policy.deadline
    summary.status = "planned"
    summary.outputs = [hide_secrets(output) for output in run.job.outputs]
    if deadline and plan.is_due:
        author = "the model in use" if plan.assessment else "a naive model"
        moment = describe_moment(find_next(deadline, run.now), run.now)
        run.watch(Note(f"deadline: {author} would publish shortly before {moment} if training lasts longer"))
        if (text := describe_late_start(deadline, run.now)) is not None:
            summary.warn(text)
    return 0


def _complete(run: JobRun, choice: ModelChoice, standby: Standby | None) -> int:
    """Extend the record of a publication at the deadline by the training, which ended later."""
    if run.summary.deferred and choice.is_new:
        run.summary.deferred.bundle = choice.bundle.folder.name
    code = standby.code if standby and standby.code else 0
    run.record(code)
    return code


def _open_standby(run: JobRun, champion: Bundle | None, data: AuditedData, plan: TrainingPlan) -> Standby | None:
    """Prepare the forecast that is published at the deadline if training lasts longer; None if there must be none."""
    try:
        return Standby(run, champion, plan.assessment, data)
    except GateError as error:
        run.watch(Note(f"the model in use cannot publish at the deadline: {error.message}"))
        return None


def _repeat(run: JobRun, champion: Bundle, publisher: Bundle, published: Published, data: AuditedData) -> int:
    """Repair the outputs of the last run for the same data, and train if its training did not end."""
    code = _restore_outputs(run, publisher, published, data)
    if published.is_training_due and not run.is_dry:
        choice = _choose_model(run, champion, data, _plan_training(run, champion, data, ""))
        if choice.is_new:
            _promote(run, choice)
        previous = run.previous.published
        if previous:
            run.previous = run.previous.with_published(replace(previous, is_training_due=False))
        run.record(code)
    if not run.is_dry:
        _prune(run)  # The last run may have been killed before it could.
    return code


def _restore_outputs(run: JobRun, publisher: Bundle, published: Published, data: AuditedData) -> int:
    """Publish again what the last run published, if an output was changed or removed since; otherwise do nothing."""
    job, summary = run.job, run.summary
    are_intact = all(
        is_intact(output, published.outputs.get(hide_secrets(output)), job=job.name) for output in job.outputs
    )
    if are_intact or run.is_dry:
        if not are_intact:
            summary.status = "planned"
            return 0
        summary.status = "unchanged"
        summary.repeat_finding(published.finding or ({"fallbacks": data.suspects} if data.suspects else {}))
        code = 3 if summary.is_partial else 0
        run.record(code)
        return code
    run.watch(Note("an output was removed or changed: publishing it again, with the same model"))
    return prepare_again(run, data, publisher, published.objection).republish(published)


def _promote(run: JobRun, choice: ModelChoice) -> None:
    run.require_lease()
    promote(choice.bundle.folder, run.owner)


def _prune(run: JobRun) -> None:
    published = run.previous.published
    prune_bundles(run.job.bundles, run.job.policy.keep, run.owner, publisher=published.publisher if published else None)


def _score(run: JobRun, panel: Panel) -> None:
    """Add the actuals to the ledger, and score the forecasts of previous runs."""
    added, scored = run.ledger.score(panel, run.now)
    run.summary.actuals = ActualsSummary(new=added.new, restated=added.restated)
    run.summary.scored = scored
    if run.job.policy.recalibrate and scored:
        run.recalibrate()


def _plan_training(run: JobRun, champion: Bundle | None, data: AuditedData, no_champion: str) -> TrainingPlan:
    """Find out if the job's policy asks for a training, or for an update of the champion.

    Args:
        no_champion: reason for training if there is no champion.
    """
    horizon = data.loaded.config.resolved_horizon
    assessment = assess_champion(run, champion, data.loaded.panel, data.extent) if champion else None
    reason = find_retrain_reason(run.job.policy.retrain, assessment, horizon) if assessment else no_champion
    published = run.previous.published
    if assessment and (run.previous.is_stopped or (reason and published and published.is_training_due)):
        reason = "the last training was stopped before its end"
    run.summary.retrain = reason
    has_update = False
    if champion and assessment and reason is None:
        has_update = plan_update(run, champion, assessment, data.extent, horizon)
    return TrainingPlan(assessment, reason is not None, has_update)


def _choose_model(run: JobRun, champion: Bundle | None, data: AuditedData, plan: TrainingPlan) -> ModelChoice:
    """Train, update or keep the champion, as planned."""
    if champion and plan.assessment and plan.has_update:
        return update(run, champion, data, plan.assessment)
    if champion and not plan.has_training:
        return keep_champion(champion, plan.assessment)
    return train_challenger(run, data, champion, plan.assessment)
