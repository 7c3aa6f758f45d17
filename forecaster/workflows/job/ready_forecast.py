"""A forecast that is ready to be published: by a model that passed the gate, or by the naive one in its place."""

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np

from forecaster.errors import GateError
from forecaster.evaluation.metrics import seasonal_error
from forecaster.events import Note
from forecaster.forecast import Forecast
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.models.short_series import borrow_intervals
from forecaster.panel import Panel
from forecaster.store.bundle import Bundle
from forecaster.workflows.job.audit import AuditedData
from forecaster.workflows.job.choose_model import ModelChoice
from forecaster.workflows.job.fallback import (
    bound_fallbacks,
    forecast_naively,
    forecast_with_fallback,
    is_naive_better,
)
from forecaster.workflows.job.job_ledger import ScorableForecast
from forecaster.workflows.job.policy import find_gate_objection
from forecaster.workflows.job.previous_runs import Published
from forecaster.workflows.job.publish import publish
from forecaster.workflows.job.read import check_future
from forecaster.workflows.job.run_state import JobRun
from forecaster.workflows.job.summary import GateSummary
from forecaster.workflows.ledger.recalibrate import stretch_intervals
from forecaster.workflows.manifest import fingerprint
from forecaster.workflows.side_by_side import TrustedBundle, predict_whole


@dataclass(frozen=True)
class ReadyForecast:
    """A forecast that is ready to be published.

    Attributes:
        run: the run, or a branch of it, whose summary and records the publication extends.
        model: the judged model; None if there is no model yet, and a naive forecast stands in for it.
        objection: the objection of the gate, for which a naive forecast stands in for the model's; None if it passed.
    """

    run: JobRun
    data: AuditedData
    model: Bundle | None
    scorable: ScorableForecast
    objection: str | None = None

    def publish(self) -> int:
        """Write the outputs, and record the run and its forecast in the ledger.

        Returns: exit code 0, or 3 if a simpler model forecast some series, or series are missing.
        Raises: ForecastError: an output or the ledger cannot be written.
        """
        run, data = self.run, self.data
        digests = _publish(run, self.scorable.forecast)
        identity = identify(run, data.loaded.panel, self.model)
        is_deferred = run.summary.deferred is not None
        publisher = self.model.folder.name if self.model and is_deferred else None
        published = Published(
            run.key, identity, data.extent, digests, self.objection, publisher, is_deferred, run.summary.finding
        )
        run.previous = run.previous.with_published(published)
        code = self._set_status()
        run.record(code, self.scorable)
        return code

    def republish(self, published: Published) -> int:
        """Write the outputs of the last publication again, and record the run.

        Returns: exit code, as `publish`.
        """
        run = self.run
        run.previous = run.previous.with_published(replace(published, outputs=_publish(run, self.scorable.forecast)))
        code = self._set_status()
        run.summary.status = "republished"
        run.record(code)
        return code

    def _set_status(self) -> int:
        summary = self.run.summary
        summary.status = "partial" if summary.is_partial else "published"
        return 3 if summary.is_partial else 0


def prepare(run: JobRun, data: AuditedData, choice: ModelChoice) -> ReadyForecast:
    """Check a model against the quality gate, and forecast with it, or with the better naive model if it fails.

    Raises:
        GateError: the model is not good enough, and the job publishes nothing else.
        DataError: the model could forecast no series.
    """
    objection = _pass_gate(run, choice)
    return prepare_again(run, data, choice.bundle, objection)


def prepare_again(run: JobRun, data: AuditedData, model: Bundle, objection: str | None) -> ReadyForecast:
    """Forecast with a model whose objection of the gate is known; None if it passed.

    Raises: DataError: the model could forecast no series.
    """
    scorable = _forecast(run, data, model, f"the gate: {objection}" if objection else None)
    return ReadyForecast(run, data, model, scorable, objection)


def prepare_naive(run: JobRun, data: AuditedData, reason: str) -> ReadyForecast:
    """Forecast with the better naive model, because there is no other model that could.

    Args:
        reason: the reason, which marks every series.
    """
    return ReadyForecast(run, data, None, _forecast(run, data, None, reason))


def identify(run: JobRun, panel: Panel, model: Bundle | None) -> str:
    """Return the digest of all that determines a forecast: data, settings, model, widths of intervals, layout."""
    job = run.job
    adjustment = run.adjustment.number if run.adjustment else None
    parts = [fingerprint(panel), job.settings, job.layout, model and model.manifest.files, adjustment]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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


def _forecast(run: JobRun, data: AuditedData, model: Bundle | None, reason: str | None) -> ScorableForecast:
    """Forecast every series with a model and with the naive baselines.

    Args:
        model: None if there is none.
        reason: the reason why the better naive forecast stands in for the model's; None if the model forecasts.
    """
    loaded, panel = data.loaded, data.loaded.panel
    horizon = model.manifest.horizon if model else loaded.config.resolved_horizon
    fitted = TrustedBundle.of(model, horizon, "cpu") if model else None
    check = check_future(run)

    def predict(rows: Panel) -> Forecast:
        check.require(rows, horizon, loaded.config)
        if fitted is None:
            return borrow_intervals(SeasonalNaive().predict(rows, horizon), rows)
        return borrow_intervals(predict_whole(rows, fitted, run.job.policy.workers), rows)

    is_late = panel.has_ended(horizon) & np.isin(panel.ids, list(data.suspects))
    seasonal, naive = (forecast_naively(kind, panel, horizon, is_late) for kind in (SeasonalNaive, Naive))
    fallback, suspects = seasonal, data.suspects
    if reason:
        fallback = naive if is_naive_better(panel, horizon) else seasonal
        suspects = {**dict.fromkeys(panel.ids.tolist(), reason), **suspects}
        run.summary.bundle, run.summary.model = None, fallback.model  # The ledger must not score the model by it.
        run.watch(Note(f"{fallback.model} forecasts in place of the model: {reason}"))
    forecast, reasons = forecast_with_fallback(predict, panel, fallback, suspects)
    if reasons:
        run.summary.fallbacks = reasons
        run.watch(Note(f"{len(reasons)} of {len(panel)} series have a simpler forecast, marked fallback"))
    forecast = bound_fallbacks(stretch_intervals(run.adjustment, forecast, panel), panel)
    scale = seasonal_error(panel, panel.season)
    return ScorableForecast(forecast, {"seasonal_naive": seasonal.mean, "naive": naive.mean}, scale)


def _publish(run: JobRun, forecast: Forecast) -> dict[str, str]:
    """Write a forecast to every output, and return the digests by place.

    Raises: LostLeaseError: a run on another machine has taken over the job.
    """
    job = run.job
    run.require_lease()
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
