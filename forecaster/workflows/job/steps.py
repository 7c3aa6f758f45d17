"""The steps of a job's run, in order: data, actuals, model, forecast, outputs, ledger."""

import contextlib
import hashlib
import json
from dataclasses import replace

from forecaster.addresses import hide_secrets
from forecaster.errors import ForecastError, GateError
from forecaster.evaluation.metrics import seasonal_error
from forecaster.events import Note
from forecaster.forecast import Forecast
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.models.restore import restore_forecaster
from forecaster.models.short_series import borrow_intervals
from forecaster.panel import Panel
from forecaster.store.bundle import Bundle
from forecaster.workflows.job.audit import AuditedData
from forecaster.workflows.job.champion import find_champion, promote, prune_bundles, remove_leftovers
from forecaster.workflows.job.choose_model import (
    ModelChoice,
    assess_champion,
    keep_champion,
    train_challenger,
)
from forecaster.workflows.job.fallback import forecast_with_fallback, is_naive_better
from forecaster.workflows.job.job_ledger import ScorableForecast
from forecaster.workflows.job.policy import find_gate_objection, find_retrain_reason
from forecaster.workflows.job.previous_runs import Published
from forecaster.workflows.job.publish import is_intact, publish
from forecaster.workflows.job.read import check_future, read
from forecaster.workflows.job.run_state import JobRun
from forecaster.workflows.job.summary import ActualsSummary, ErrorSummary, GateSummary
from forecaster.workflows.job.update import plan_update, update
from forecaster.workflows.ledger.recalibrate import stretch_intervals
from forecaster.workflows.manifest import fingerprint


def run_steps(run: JobRun) -> int:
    """Run a job, and extend `run.summary` with the outcome. The caller holds the job's lock.

    Returns: exit code 0, or 3 if a simpler model forecast some series.
    Raises: ForecastError: nothing was published; the ledger has a record of the failure, unless the ledger failed.
    """
    try:
        return _run_steps(run)
    except ForecastError as error:
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
    data = read(run, champion)
    published = run.previous.published
    if champion and published and published.identity == _identify(run, data.loaded.panel, champion):
        return _restore_outputs(run, champion, published, data)
    if not run.is_dry:
        _score(run, data.loaded.panel)
    no_champion = "the model in use cannot be read" if problem else "there is no model yet"
    choice = _choose_model(run, champion, data, no_champion)
    if choice is None:
        run.summary.status = "planned"
        run.summary.outputs = [hide_secrets(output) for output in job.outputs]
        return 0
    objection = _pass_gate(run, choice)
    scorable = _forecast(run, choice.bundle, data, objection)
    if choice.is_new:
        promote(choice.bundle.folder, run.owner)
    digests = _publish(run, scorable.forecast)
    identity = _identify(run, data.loaded.panel, choice.bundle)
    run.previous = run.previous.with_published(Published(run.key, identity, data.extent, digests, objection))
    code = _set_status(run, scorable.forecast)
    run.record(code, scorable)
    prune_bundles(job.bundles, job.policy.keep, run.owner)
    return code


def _restore_outputs(run: JobRun, champion: Bundle, published: Published, data: AuditedData) -> int:
    """Publish again what the last run published, if an output was changed or removed since; otherwise do nothing."""
    job, summary = run.job, run.summary
    are_intact = all(
        is_intact(output, published.outputs.get(hide_secrets(output)), job=job.name) for output in job.outputs
    )
    if are_intact or run.is_dry:
        summary.status = "unchanged" if are_intact else "planned"
        run.record(0)
        if not run.is_dry:
            prune_bundles(job.bundles, job.policy.keep, run.owner)  # the last run may have been killed before it could
        return 0
    run.watch(Note("an output was removed or changed: publishing it again, with the same model"))
    forecast = _forecast(run, champion, data, published.objection).forecast
    run.previous = run.previous.with_published(replace(published, outputs=_publish(run, forecast)))
    code = _set_status(run, forecast)
    summary.status = "republished"
    run.record(code)
    prune_bundles(job.bundles, job.policy.keep, run.owner)
    return code


def _score(run: JobRun, panel: Panel) -> None:
    """Add the actuals to the ledger, and score the forecasts of previous runs."""
    added, scored = run.ledger.score(panel, run.now)
    run.summary.actuals = ActualsSummary(new=added.new, restated=added.restated)
    run.summary.scored = scored
    if run.job.policy.recalibrate and scored:
        run.recalibrate()


def _choose_model(run: JobRun, champion: Bundle | None, data: AuditedData, no_champion: str) -> ModelChoice | None:
    """Train, update or keep the champion, as the job's policy says.

    Args:
        no_champion: reason for training if there is no champion.

    Returns: None for a dry run, which does not train.
    """
    horizon = data.loaded.config.resolved_horizon
    assessment = assess_champion(run, champion, data.loaded.panel, data.extent) if champion else None
    reason = find_retrain_reason(run.job.policy.retrain, assessment, horizon) if assessment else no_champion
    run.summary.retrain = reason
    has_update = False
    if champion and assessment and reason is None:
        has_update = plan_update(run, champion, assessment, data.extent, horizon)
    if run.is_dry:
        return None
    if champion and assessment and has_update:
        return update(run, champion, data, assessment)
    if champion and reason is None:
        return keep_champion(champion, assessment)
    return train_challenger(run, data, champion, assessment)


def _pass_gate(run: JobRun, choice: ModelChoice) -> str | None:
    """Check a model against the quality gate.

    Returns: the objection, if a naive forecast is to be published instead.
    Raises: GateError: the model is not good enough, and the job publishes nothing else.
    """
    evidence, summary = choice.evidence, run.summary
    summary.bundle, summary.model = choice.bundle.folder.name, choice.bundle.manifest.model
    summary.gate = GateSummary(
        skill=round(evidence.skill, 4), coverage80=round(evidence.coverage80, 4), source=evidence.source
    )
    objection = find_gate_objection(run.job.policy.gate, evidence)
    summary.gate.objection = objection
    if objection and run.job.policy.gate.otherwise == "refuse":
        hint = "try another model, such as model: {kind: auto}, or relax job.gate; null removes a condition"
        raise GateError(f"{run.job.path.name}: {objection}", hint=hint)
    return objection


def _forecast(run: JobRun, model: Bundle, data: AuditedData, objection: str | None) -> ScorableForecast:
    """Forecast every series with a model and with the naive baselines.

    Args:
        objection: the reason why the better naive forecast stands in for the model; None if the model forecasts.
    """
    loaded, panel, horizon = data.loaded, data.loaded.panel, model.manifest.horizon
    forecaster = restore_forecaster(model.config, model.state, model.exports)
    check = check_future(run)

    def predict(rows: Panel) -> Forecast:
        check.require(rows, horizon, loaded.config)
        return borrow_intervals(forecaster.predict(rows, horizon), rows)

    seasonal, naive = SeasonalNaive().predict(panel, horizon), Naive().predict(panel, horizon)
    fallback, suspects = seasonal, data.suspects
    if objection:
        fallback = naive if is_naive_better(panel, horizon) else seasonal
        suspects = {**dict.fromkeys(panel.ids.tolist(), f"the gate: {objection}"), **suspects}
        run.summary.bundle, run.summary.model = None, fallback.model  # The ledger must not score the model by it.
        run.watch(Note(f"the model failed the gate ({objection}): publishing {fallback.model} instead"))
    forecast, reasons = forecast_with_fallback(predict, panel, fallback, suspects)
    if reasons:
        run.summary.fallbacks = reasons
        run.watch(Note(f"{len(reasons)} of {len(panel)} series have a simpler forecast, marked fallback"))
    forecast = stretch_intervals(run.adjustment, forecast, panel)
    scale = seasonal_error(panel, panel.season)
    return ScorableForecast(forecast, {"seasonal_naive": seasonal.mean, "naive": naive.mean}, scale)


def _publish(run: JobRun, forecast: Forecast) -> dict[str, str]:
    """Write a forecast to every output, and return the digests by place."""
    job = run.job
    digests = publish(
        forecast,
        job.outputs,
        job.policy.levels,
        run=run.key,
        owner=run.owner,
        watch=run.watch,
    )
    run.summary.outputs = digests
    return digests


def _set_status(run: JobRun, forecast: Forecast) -> int:
    is_partial = bool(forecast.fallback.any()) or bool(run.summary.data and run.summary.data.missing)
    run.summary.status = "partial" if is_partial else "published"
    return 3 if is_partial else 0


def _identify(run: JobRun, panel: Panel, model: Bundle) -> str:
    """Return the digest of all that determines a forecast: data, settings, model, widths of intervals, layout."""
    job = run.job
    adjustment = run.adjustment.number if run.adjustment else None
    parts = [fingerprint(panel), job.settings, job.layout, model.manifest.files, adjustment]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
