"""One run of a job, in order: data, actuals, model, forecast, outputs, ledger. Its lock is held by the caller."""

import contextlib
import hashlib
import json
from dataclasses import replace

import numpy as np

from forecaster.data import future
from forecaster.data.load import LoadedData
from forecaster.errors import ForecastError, GateError
from forecaster.evaluation.metrics import seasonal_error
from forecaster.events import DataRead, Note
from forecaster.forecast import Forecast
from forecaster.models.build import restore_forecaster
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Floats, Panel
from forecaster.store.bundle import Bundle
from forecaster.workflows.clock import leave_out_unfinished, now_on
from forecaster.workflows.job import audit, champion
from forecaster.workflows.job.choose_model import choose, settings_of, stand
from forecaster.workflows.job.fallback import forecast_each
from forecaster.workflows.job.policy import find_objection, find_reason
from forecaster.workflows.job.previous_runs import Published
from forecaster.workflows.job.publish import is_intact, publish
from forecaster.workflows.job.run_state import Night
from forecaster.workflows.job.update import find_news, update
from forecaster.workflows.ledger.recalibrate import stretch_as_learnt
from forecaster.workflows.manifest import fingerprint
from forecaster.workflows.predict import load_data
from forecaster.workflows.source import place_of
from forecaster.workflows.train import read_data


def conduct(night: Night) -> int:
    """Run a job; `night.told` gets what came of it.

    Returns: 0, or 3 where a simpler forecast stands in for some series.
    Raises: ForecastError: nothing was published; the ledger knows, unless it is what failed.
    """
    try:
        return _conduct(night)
    except ForecastError as error:
        night.told |= {"status": "failed", "error": {"kind": error.kind, "message": error.message}}
        with contextlib.suppress(ForecastError):  # the first failure is the one to tell
            night.record(error.code)
        raise


def _conduct(night: Night) -> int:
    job, told = night.job, night.told
    if not night.is_dry:
        champion.sweep(job.bundles, job.outputs)
    used, trouble = champion.find(job.bundles)
    if trouble:
        night.watch(Note(f"the model in use cannot be read: {trouble}"))
    loaded, extent, suspects = _read(night, used)
    published = night.memory.published
    if used and published and published.identity == _identify(night, loaded.panel, used):
        return _stay(night, used, published, loaded, suspects)
    if not night.is_dry:
        told["actuals"], told["scored"] = night.book.score(loaded.panel, night.now)
        if job.policy.recalibrate and told["scored"]:
            night.recalibrate()
    standing = stand(night, used, loaded.panel, extent) if used else None
    horizon = loaded.config.resolved_horizon
    lacking = "the model in use cannot be read" if trouble else "there is no model yet"
    reason = find_reason(job.policy.retrain, standing, horizon) if standing else lacking
    told["retrain"] = reason
    news = find_news(night, used, standing, extent, horizon) if used and standing and reason is None else None
    if news:
        told["update"] = {"reason": news}
    if night.is_dry:
        told |= {"status": "planned", "outputs": list(map(place_of, job.outputs))}
        return 0
    if used and standing and news:
        chosen = update(night, used, loaded, extent, standing)
    else:
        chosen = choose(night, used, loaded, extent, standing, reason)
    evidence = chosen.evidence
    told |= {
        "bundle": chosen.bundle.folder.name,
        "model": chosen.bundle.manifest["model"],
        "gate": {
            "skill": round(evidence.skill, 4),
            "coverage80": round(evidence.coverage80, 4),
            "source": evidence.source,
        },
    }
    objection = find_objection(job.policy.gate, evidence)
    if objection:
        hint = "try another model, such as model: {kind: auto}, or ease job.gate, where null asks nothing"
        raise GateError(f"{job.path.name}: {objection}", hint=hint)
    forecast, baselines = _forecast(night, chosen.bundle, loaded, suspects)
    if chosen.is_new:
        champion.promote(chosen.bundle.folder)
    _publish(night, forecast)
    identity = _identify(night, loaded.panel, chosen.bundle)
    night.memory = night.memory.with_published(Published(night.key, identity, extent, told["outputs"]))
    scale = seasonal_error(loaded.panel, loaded.panel.season)
    code = _end(night, forecast)
    night.record(code, forecast, baselines={"seasonal_naive": baselines[0], "naive": baselines[1]}, scale=scale)
    champion.prune(job.bundles, job.policy.keep)
    return code


def _read(night: Night, used: Bundle | None) -> tuple[LoadedData, audit.Extent, dict[str, str]]:
    """Read the data, leave out what is not over yet, and hold it to the policy."""
    job, policy = night.job, night.job.policy
    source = place_of(job.source)
    if used is None or settings_of(used, night.memory) != job.settings:
        loaded = read_data(job.source, job.config, None, night.watch)
    else:
        loaded = load_data(job.source, used)
        night.watch(DataRead(source, len(loaded.panel), loaded.quality["rows"], loaded.roles))
    frequency, zone = loaded.panel.frequency, loaded.panel.zone
    now = now_on(frequency, zone, night.now, home=policy.zone)
    if policy.partial == "drop":
        panel, count = leave_out_unfinished(loaded.panel, now, source)
        if count:
            night.watch(Note(f"the last step of {count} series is not over yet: left out"))
            last = frequency.format(np.array([panel.cutoff.max()]), zone)[0]
            loaded = replace(loaded, panel=panel, quality={**loaded.quality, "series": len(panel), "last": last})
    panel = loaded.panel
    extent = audit.measure(panel)
    cutoff = frequency.format(np.array([extent.cutoff_at]), zone)[0]
    night.told["data"] = {"source": source, "rows": extent.rows, "series": extent.series, "cutoff": str(cutoff)}
    before = night.memory.published.extent if night.memory.published else None
    audit.refuse_stale(source, panel, extent, before, policy, now)
    suspects = audit.find_suspects(panel, policy, now)
    audit.refuse_all_suspect(source, panel, suspects)
    return loaded, extent, suspects


def _stay(night: Night, used: Bundle, published: Published, loaded: LoadedData, suspects: dict[str, str]) -> int:
    """Nothing has changed since the last run that published: nothing is to be done, unless an output is gone."""
    job, told = night.job, night.told
    is_whole = all(is_intact(each, published.outputs.get(place_of(each)), job=job.name) for each in job.outputs)
    if is_whole or night.is_dry:
        told["status"] = "unchanged" if is_whole else "planned"
        night.record(0)
        if not night.is_dry:
            champion.prune(job.bundles, job.policy.keep)  # the last run may have been killed before it could
        return 0
    night.watch(Note("an output is gone or was changed: published again, by the same model"))
    forecast, _ = _forecast(night, used, loaded, suspects)
    _publish(night, forecast)
    night.memory = night.memory.with_published(replace(published, outputs=told["outputs"]))
    code = _end(night, forecast)
    told["status"] = "republished"
    night.record(code)
    champion.prune(job.bundles, job.policy.keep)
    return code


def _forecast(
    night: Night, chosen: Bundle, loaded: LoadedData, suspects: dict[str, str]
) -> tuple[Forecast, tuple[Floats, Floats]]:
    """Forecast every series; also by the last season and the last value."""
    panel, horizon = loaded.panel, int(chosen.manifest["horizon"])
    forecaster = restore_forecaster(chosen.config, chosen.state, chosen.exports)
    source = place_of(night.job.source)

    def predict(some: Panel) -> Forecast:
        future.require(some, horizon, loaded.config, source)
        return forecaster.predict(some, horizon)

    seasonal, naive = SeasonalNaive().predict(panel, horizon), Naive().predict(panel, horizon)
    forecast, reasons = forecast_each(predict, panel, seasonal, suspects)
    if reasons:
        night.told["fallbacks"] = reasons
        night.watch(Note(f"{len(reasons)} of {len(panel)} series are forecast by their last season, marked fallback"))
    return stretch_as_learnt(night.adjustment, forecast, panel), (seasonal.mean, naive.mean)


def _publish(night: Night, forecast: Forecast) -> None:
    job, levels = night.job, night.job.policy.levels
    night.told["outputs"] = publish(forecast, job.outputs, levels, job=job.name, run=night.key, watch=night.watch)


def _end(night: Night, forecast: Forecast) -> int:
    has_fallback = bool(forecast.fallback.any())
    night.told["status"] = "partial" if has_fallback else "published"
    return 3 if has_fallback else 0


def _identify(night: Night, panel: Panel, used: Bundle) -> str:
    """Digest of all that a forecast follows from: data, settings, model, widths of intervals, layout."""
    job = night.job
    widths = night.adjustment.number if night.adjustment else None
    parts = [fingerprint(panel), job.settings, job.layout, used.manifest["files"], widths]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
