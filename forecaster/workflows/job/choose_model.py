"""The choice of the model that a run forecasts with: the champion, or a challenger that was better."""

import math
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import numpy as np

from forecaster.data.load import LoadedData
from forecaster.errors import Interrupted
from forecaster.evaluation.score import without_nan
from forecaster.events import Note
from forecaster.panel import Panel
from forecaster.store import bundle
from forecaster.store.bundle import Bundle
from forecaster.workflows.job.audit import AuditedData, DataExtent
from forecaster.workflows.job.challenge import ChallengerBacktest, backtest_challenger, compare_with_champion
from forecaster.workflows.job.champion import job_entry, learnt_until, name_bundle, trained_until
from forecaster.workflows.job.policy import Assessment, Evidence, find_gate_objection
from forecaster.workflows.job.previous_runs import Challenged, PreviousRuns
from forecaster.workflows.job.run_state import JobRun
from forecaster.workflows.train import train_on


@dataclass(frozen=True)
class ModelChoice:
    """The model that a run forecasts with.

    Attributes:
        is_new: True if it is not the champion yet.
        evidence: errors of the model, for the gate.
    """

    bundle: Bundle
    is_new: bool
    evidence: Evidence


def last_settings(champion: Bundle | None, previous: PreviousRuns) -> str | None:
    """Return the digest of the job's settings at the last training."""
    if previous.challenged:
        return previous.challenged.settings
    return job_entry(champion).get("settings") if champion else None


def assess_champion(run: JobRun, champion: Bundle, panel: Panel, extent: DataExtent) -> Assessment:
    """Measure the age of the champion, the amount of new data, and the errors of its recent forecasts."""
    previous = run.previous
    time = job_entry(champion).get("time", champion.manifest.created)
    trained_at, learnt_at = trained_until(champion), learnt_until(champion)
    if previous.updated:
        learnt_at = max(learnt_at, previous.updated.cutoff_at)
    if previous.challenged:
        time, trained_at = previous.challenged.time, max(trained_at, previous.challenged.cutoff_at)
    drift = run.ledger.find_drift()
    run.summary.drift = drift
    run.is_new_alarm = bool(drift and drift.is_alarm and drift.alarmed != run.previous.alarmed)
    run.previous = run.previous.with_alarm(drift.alarmed if drift and drift.is_alarm else run.previous.alarmed)
    return Assessment(
        age=(run.now - datetime.fromisoformat(time)).total_seconds(),
        new_rows=_count_values_after(panel, trained_at),
        new_steps=count_steps(panel, trained_at, extent.cutoff_at),
        skill=run.ledger.measure_skill(champion, panel, run.job.policy.recent),
        evidence=run.ledger.find_evidence(champion, panel),
        has_drifted=bool(drift and drift.is_alarm),
        has_other_settings=last_settings(champion, previous) != run.job.settings,
        unlearnt_steps=count_steps(panel, learnt_at, extent.cutoff_at),
    )


def keep_champion(champion: Bundle, assessment: Assessment | None) -> ModelChoice:
    """Choose the champion."""
    return ModelChoice(champion, False, find_evidence(champion, assessment))


def train_challenger(
    run: JobRun, data: AuditedData, champion: Bundle | None, assessment: Assessment | None
) -> ModelChoice:
    """Backtest a challenger, and train it if it is better than the champion; otherwise keep the champion.

    Raises: ForecastError: see `workflows.train.train`. A training that a signal stopped does not count as an attempt.
    """
    run.watch(Note(f"training, because {run.summary.retrain}"))
    before = run.previous
    attempt = Challenged(run.stamp, data.extent.cutoff_at, run.job.settings)
    run.previous = before.with_challenged(attempt)
    try:
        return _challenge(run, data, champion, assessment)
    except Interrupted:
        run.previous = replace(before, is_stopped=True)
        raise


def _challenge(run: JobRun, data: AuditedData, champion: Bundle | None, assessment: Assessment | None) -> ModelChoice:
    job, loaded, policy = run.job, data.loaded, run.job.policy.challenger
    challenger = backtest_challenger(job.config, loaded, policy.folds, watch=run.watch)
    current = keep_champion(champion, assessment) if champion else None
    if champion and current:
        comparison = None
        if challenger:
            steps = count_steps(loaded.panel, learnt_until(champion), data.extent.cutoff_at)
            comparison = compare_with_champion(champion, challenger, loaded, steps=steps, watch=run.watch)
        run.summary.challenger = comparison.to_summary(policy.margin) if comparison else None
        if comparison and not comparison.is_challenger_better(policy.margin):
            run.watch(Note("keeping the model in use: the new one was not better"))
            return current
    new = _train(run, loaded, challenger)
    choice = ModelChoice(new, True, find_evidence(new, None))
    objection = find_gate_objection(job.policy.gate, choice.evidence)
    if current and objection:
        run.watch(Note(f"keeping the model in use: the new one failed the gate: {objection}"))
        return current
    return choice


def _train(run: JobRun, loaded: LoadedData, challenger: ChallengerBacktest | None) -> Bundle:
    job = run.job
    run.claim_bundles()
    folder = name_bundle(job.bundles, job.config.name, run.now)
    entry = {
        "name": job.name,
        "id": run.owner.id,
        "run": run.key,
        "settings": job.settings,
        "time": run.stamp,
        "evidence": challenger and without_nan(asdict(challenger.evidence)),
    }
    train_on(loaded, job.config, folder, data=job.source.absolute, job=entry, watch=run.watch)
    return bundle.read(folder)


def find_evidence(model: Bundle, assessment: Assessment | None) -> Evidence:
    """Find the errors of a model: on the ledger, else on the backtest before its training, else on its holdout."""
    if assessment is not None and assessment.evidence:
        return assessment.evidence
    entry = job_entry(model).get("evidence")
    if entry:
        return Evidence(
            tuple(entry["errors"]), tuple(entry["naive"]), _nan_if_none(entry["coverage80"]), entry["source"]
        )
    models = model.metrics["holdout"]["models"]
    scores, naive = models.get(model.manifest.model, {}), models.get("seasonal_naive", {})
    pair = scores.get("mase"), naive.get("mase")
    errors = [() if None in pair else (error,) for error in pair]
    return Evidence(errors[0], errors[1], _nan_if_none(scores.get("coverage80")), "holdout")


def _nan_if_none(value: float | None) -> float:
    return math.nan if value is None else value


def _count_values_after(panel: Panel, time: int) -> int:
    first = panel.begin + np.maximum(panel.frequency.index(panel.start, np.full(len(panel), time)) + 1, 0)
    targets = (panel.values[low:high, 0] for low, high in zip(first, panel.end, strict=True))
    return sum(int((~np.isnan(target)).sum()) for target in targets)


def count_steps(panel: Panel, first: int, last: int) -> int:
    """Count the steps from one timestamp to another."""
    return int(panel.frequency.index(np.array([first]), np.array([last]))[0])
