"""Updates of the champion between two trainings: it learns from new steps, and the result replaces it if better."""

from forecaster.data.load import LoadedData
from forecaster.events import BundleWritten, Event, Note, TrainingEnded
from forecaster.models.variants import has_networks
from forecaster.store import bundle
from forecaster.store.bundle import Bundle
from forecaster.workflows.job.audit import AuditedData, DataExtent
from forecaster.workflows.job.challenge import compare_update, update_champion
from forecaster.workflows.job.champion import job_entry, learnt_until, name_bundle, trained_until
from forecaster.workflows.job.choose_model import ModelChoice, count_steps, keep_champion
from forecaster.workflows.job.policy import Assessment
from forecaster.workflows.job.previous_runs import Updated
from forecaster.workflows.job.run_state import JobRun
from forecaster.workflows.job.summary import UpdateSummary
from forecaster.workflows.manifest import FittedModel, Origin, fingerprint
from forecaster.workflows.results import HOLDOUT, Evaluation, write_bundle


def plan_update(run: JobRun, champion: Bundle, assessment: Assessment, extent: DataExtent, horizon: int) -> bool:
    """Return True if an update is due: the job asks for updates, and at least a horizon of steps is new."""
    if not run.job.policy.update or assessment.unlearnt_steps < horizon:
        return False
    if not has_networks(champion.config):
        run.watch(Note(f"job.update changes nothing: {champion.manifest.model} has no weights to go on from"))
        run.previous = run.previous.with_updated(Updated(extent.cutoff_at))
        return False
    run.summary.update = UpdateSummary(reason=f"{assessment.unlearnt_steps} new steps")
    return True


def update(run: JobRun, champion: Bundle, data: AuditedData, assessment: Assessment) -> ModelChoice:
    """Test an update on the newer half of the new steps; if it is better, update the champion on all of them.

    The updated model keeps the champion's evidence and holdout scores: no held-out steps are left to measure its own.

    Raises: ForecastError: the bundle cannot be written, or a signal stopped the run.
    """
    margin, loaded = run.job.policy.challenger.margin, data.loaded
    current = keep_champion(champion, assessment)
    since = learnt_until(champion)
    steps = count_steps(loaded.panel, since, data.extent.cutoff_at)
    run.previous = run.previous.with_updated(Updated(data.extent.cutoff_at))
    comparison = compare_update(champion, loaded, run.job.policy.challenger, since=since, steps=steps, watch=run.watch)
    if comparison is None:
        run.watch(Note("no update: too few steps are new to test it on"))
        return current
    reason = f"{assessment.unlearnt_steps} new steps"
    run.summary.update = UpdateSummary(reason=reason, **comparison.to_summary(margin).model_dump())
    if not comparison.is_challenger_better(margin):
        run.watch(Note("keeping the model in use as it is: an update was not better"))
        return current
    return ModelChoice(_write_update(run, champion, loaded, since), True, current.evidence)


def _write_update(run: JobRun, champion: Bundle, loaded: LoadedData, since: int) -> Bundle:
    """Update the champion on all data since a cutoff, and write it as a new bundle."""
    stages: list[TrainingEnded] = []

    def collect_stages(event: Event) -> None:
        if isinstance(event, TrainingEnded):
            stages.append(event)
        run.watch(event)

    forecaster = update_champion(champion, loaded.panel, since, watch=collect_stages)
    folder = name_bundle(run.job.bundles, champion.config.name, run.now)
    entry = {
        **job_entry(champion),
        "id": run.owner.id,
        "run": run.key,
        "updated": run.stamp,
        "updated_from": champion.folder.name,
        "trained_until": trained_until(champion),
    }
    origin = Origin(run.job.source.absolute, fingerprint(loaded.panel), champion.manifest.choice, entry)
    summary = run.summary.to_dict()["update"]
    metrics = {**champion.metrics, "update": {"from": champion.folder.name, **summary}}
    holdout = (champion.folder / HOLDOUT).read_bytes()
    model = FittedModel(champion.config, forecaster, stages)
    write_bundle(folder, model, loaded, origin, Evaluation(metrics, holdout), watch=run.watch)
    run.watch(BundleWritten(folder))
    return bundle.read(folder)
