"""Between two trainings, the model in use learns from what is new; what it becomes is kept where it is better."""

from forecaster.data.load import LoadedData
from forecaster.events import BundleWritten, Event, Note, TrainingEnded
from forecaster.models.variants import has_networks
from forecaster.store import bundle
from forecaster.store.bundle import Bundle
from forecaster.workflows.job import challenge, champion
from forecaster.workflows.job.audit import Extent
from forecaster.workflows.job.choose_model import Chosen, evidence_of, steps_between
from forecaster.workflows.job.policy import Standing
from forecaster.workflows.job.previous_runs import Updated
from forecaster.workflows.job.run_state import Night
from forecaster.workflows.manifest import fingerprint
from forecaster.workflows.source import absolute
from forecaster.workflows.train import HOLDOUT, write_bundle


def find_news(night: Night, used: Bundle, standing: Standing, extent: Extent, horizon: int) -> str | None:
    """Say what an update could learn from; None where none is wanted, or where less than a horizon is new."""
    if not night.job.policy.update or standing.unlearnt_steps < horizon:
        return None
    if not has_networks(used.config):
        night.watch(Note(f"job.update changes nothing: {used.manifest['model']} has no weights to go on from"))
        night.memory = night.memory.with_updated(Updated(extent.cutoff_at))
        return None
    return f"{standing.unlearnt_steps} new steps"


def update(night: Night, used: Bundle, loaded: LoadedData, extent: Extent, standing: Standing) -> Chosen:
    """Try an update where nothing is known yet of what it brings; then update on everything if it was better.

    The evidence stays that of the model in use, as do the scores of its holdout: there is no other of the same weight.

    Raises: ForecastError: the bundle cannot be written, or a signal stopped the run.
    """
    job, policy = night.job, night.job.policy.challenger
    kept = Chosen(used, False, evidence_of(used, standing))
    since = champion.learnt_until(used)
    steps = steps_between(loaded.panel, since, extent.cutoff_at)
    night.memory = night.memory.with_updated(Updated(extent.cutoff_at))
    found = challenge.contest_update(used, loaded, policy, since=since, steps=steps, watch=night.watch)
    if found is None:
        night.watch(Note("no update: too few steps are new to try it on"))
        return kept
    night.told["update"] |= found.to_dict(policy.margin)
    if not found.is_won(policy.margin):
        night.watch(Note("the model in use stays as it is: an update was not better"))
        return kept
    stages: list[TrainingEnded] = []

    def note_stages(event: Event) -> None:
        if isinstance(event, TrainingEnded):
            stages.append(event)
        night.watch(event)

    forecaster = challenge.update(used, loaded.panel, since, watch=note_stages)
    folder = champion.name_new(job.bundles, used.config.name, night.now)
    made = {
        **used.manifest.get(champion.JOB, {}),
        "run": night.key,
        "updated": night.stamp,
        "updated_from": used.folder.name,
        "trained_until": champion.trained_until(used),
    }
    run = {
        "fingerprint": fingerprint(loaded.panel),
        "data": absolute(job.source),
        "chosen": used.manifest.get("chosen"),
        "told": {champion.JOB: made},
    }
    metrics = {**used.metrics, "update": {"from": used.folder.name, **night.told["update"]}}
    holdout = (used.folder / HOLDOUT).read_bytes()
    write_bundle(folder, used.config, loaded, run, forecaster, stages, metrics=metrics, holdout=holdout)
    night.watch(BundleWritten(folder))
    return Chosen(bundle.read(folder), True, kept.evidence)
