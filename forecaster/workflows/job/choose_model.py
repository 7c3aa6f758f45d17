"""Which model a run forecasts by: the one in use, or a new one that has shown to be better."""

import math
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np

from forecaster.data.load import LoadedData
from forecaster.evaluation.score import without_nan
from forecaster.events import Note
from forecaster.panel import Panel
from forecaster.store import bundle
from forecaster.store.bundle import Bundle
from forecaster.workflows.job import champion
from forecaster.workflows.job.audit import Extent
from forecaster.workflows.job.challenge import contest, prove
from forecaster.workflows.job.champion import JOB, learnt_until, trained_until
from forecaster.workflows.job.policy import Evidence, Standing, find_objection
from forecaster.workflows.job.previous_runs import Challenged, Memory
from forecaster.workflows.job.run_state import Night
from forecaster.workflows.source import absolute
from forecaster.workflows.train import train_on


@dataclass(frozen=True)
class Chosen:
    """The model of a run.

    Attributes:
        is_new: whether it is to be put into use.
        evidence: of how good it is.
    """

    bundle: Bundle
    is_new: bool
    evidence: Evidence


def settings_of(used: Bundle | None, memory: Memory) -> str | None:
    """Digest of the settings that the model in use was last held to."""
    if memory.challenged:
        return memory.challenged.settings
    return used.manifest.get(JOB, {}).get("settings") if used else None


def stand(night: Night, used: Bundle, panel: Panel, extent: Extent) -> Standing:
    """Say what is known of the model in use."""
    memory = night.memory
    time = used.manifest.get(JOB, {}).get("time", used.manifest["created"])
    last, learnt = trained_until(used), learnt_until(used)
    if memory.updated:
        learnt = max(learnt, memory.updated.cutoff_at)
    if memory.challenged:
        time, last = memory.challenged.time, max(last, memory.challenged.cutoff_at)
    night.told["drift"] = night.book.drift()
    return Standing(
        age=(night.now - datetime.fromisoformat(time)).total_seconds(),
        new_rows=_count_after(panel, last),
        new_steps=steps_between(panel, last, extent.cutoff_at),
        skill=night.book.skill(used, panel, night.job.policy.recent),
        evidence=night.book.evidence(used, panel),
        has_drifted=bool(night.told["drift"] and night.told["drift"]["is_alarm"]),
        has_other_settings=settings_of(used, memory) != night.job.settings,
        unlearnt_steps=steps_between(panel, learnt, extent.cutoff_at),
    )


def choose(
    night: Night,
    used: Bundle | None,
    loaded: LoadedData,
    extent: Extent,
    standing: Standing | None,
    reason: str | None,
) -> Chosen:
    """Train and compare where there is a reason to; else keep the model in use.

    Raises: ForecastError: see `workflows.train.train`.
    """
    job, told = night.job, night.told
    kept = Chosen(used, False, evidence_of(used, standing)) if used else None
    if kept and reason is None:
        return kept
    night.watch(Note(f"training: {reason}"))
    night.memory = night.memory.with_challenged(Challenged(night.stamp, extent.cutoff_at, job.settings))
    policy = job.policy.challenger
    proof = prove(job.config, loaded, policy.folds, watch=night.watch)
    if kept:
        steps = steps_between(loaded.panel, learnt_until(kept.bundle), extent.cutoff_at)
        found = contest(kept.bundle, proof, loaded, steps=steps, watch=night.watch) if proof else None
        told["challenger"] = found and found.to_dict(policy.margin)
        if found and not found.is_won(policy.margin):
            night.watch(Note("the model in use stays: a new one was not better"))
            return kept
    folder = champion.name_new(job.bundles, job.config.name, night.now)
    made = {
        "name": job.name,
        "run": night.key,
        "settings": job.settings,
        "time": night.stamp,
        "evidence": proof and without_nan(asdict(proof.evidence)),
    }
    train_on(loaded, job.config, folder, data=absolute(job.source), told={JOB: made}, watch=night.watch)
    new = bundle.read(folder)
    chosen = Chosen(new, True, evidence_of(new, None))
    objection = find_objection(job.policy.gate, chosen.evidence)
    if kept and objection:
        night.watch(Note(f"the model in use stays: of the new one, {objection}"))
        return kept
    return chosen


def evidence_of(found: Bundle, standing: Standing | None) -> Evidence:
    """How good a model was: by its forecasts that came true, where there are enough; else by what preceded its use."""
    if standing is not None and standing.evidence:
        return standing.evidence
    shown = found.manifest.get(JOB, {}).get("evidence")
    if shown:
        return Evidence(tuple(shown["errors"]), tuple(shown["naive"]), _number(shown["coverage80"]), shown["source"])
    models = found.metrics["holdout"]["models"]
    own, naive = models.get(found.manifest["model"], {}), models.get("seasonal_naive", {})
    pair = own.get("mase"), naive.get("mase")
    errors = [() if None in pair else (error,) for error in pair]
    return Evidence(errors[0], errors[1], _number(own.get("coverage80")), "holdout")


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _count_after(panel: Panel, last: int) -> int:
    """How many values came after a time."""
    first = panel.begin + np.maximum(panel.frequency.index(panel.start, np.full(len(panel), last)) + 1, 0)
    parts = (panel.values[low:high, 0] for low, high in zip(first, panel.end, strict=True))
    return sum(int((~np.isnan(part)).sum()) for part in parts)


def steps_between(panel: Panel, first: int, last: int) -> int:
    """Steps from one timestamp to another."""
    return int(panel.frequency.index(np.array([first]), np.array([last]))[0])
