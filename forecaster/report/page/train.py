"""The page of a trained model: what it forecasts, and how good it was on what was held out."""

from collections.abc import Mapping
from typing import Any

from forecaster.durations import format_duration
from forecaster.evaluation import scored_rows as scores
from forecaster.report.page import accuracy
from forecaster.report.page.parts import Code, Facts, Page, Section, Text
from forecaster.report.page.picks import note
from forecaster.report.page.series import TrainedModel, chart_series, draw_series
from forecaster.report.page.training import training_section
from forecaster.report.verdicts import NO_HOLDOUT, skill_sentence
from forecaster.report.words import plural, timestamp

_REPAIRS = {
    "gaps": "steps without a row, masked",
    "missing_values": "values missing, masked",
    "duplicates_dropped": "rows repeated, dropped",
    "duplicates_merged": "rows of one time, merged",
    "out_of_order": "rows out of order, sorted",
    "off_grid": "rows between two steps, left out",
    "later_rows": "rows after the last value, known columns only",
    "short": "series too short to be scored",
}


def compose(found: TrainedModel) -> Page:
    """Put the page together."""
    model, metrics = str(found.manifest["model"]), dict(found.metrics)
    held_out = metrics["holdout"]
    drawn = draw_series(found)
    sections = [*chart_series(found, drawn)]
    if held_out["models"]:
        table = accuracy.score_table(
            f"Scores on the last {plural(held_out['horizon'], 'step')}, held out: the model beside naive forecasts",
            held_out["models"],
        )
        holdout_parts: list[Any] = [table, accuracy.explain_scores()]
        if len(found.holdout):
            holdout_parts.append(accuracy.steps_chart(found.holdout, model))
        sections.append(Section("holdout", "Held out, against naive", holdout_parts))
        reliability = {float(p): held for p, held in held_out.get("reliability", {}).items()}
        sections.append(accuracy.calibration_section(reliability, held_out["models"][model]))
        if len(found.holdout):
            sections.append(Section("errors", "Residuals", accuracy.residual_parts(found.holdout)))
    if found.series > 1 and len(found.holdout):
        table_of_series = scores.by_series(found.holdout)
        caption = f"All {plural(len(table_of_series), 'series')} on the holdout"
        sections.append(Section("series", "All series", [accuracy.series_listing(table_of_series, caption)]))
    if len(found.history):
        sections.append(training_section(found.history, found.manifest))
    sections += found.insights
    sections += [_quality_section(found.quality), _origin_section(found)]
    verdict = skill_sentence(metrics, model) if held_out["models"] else NO_HOLDOUT
    return Page(
        kind="Trained model",
        name=found.name,
        verdict=verdict,
        facts=_facts(found, model),
        sections=sections,
        drawn=drawn,
        note=note(found.picks, found.series),
        series=found.series,
        remarks=tuple(found.remarks),
    )


def _facts(found: TrainedModel, model: str) -> dict[str, str]:
    own = found.metrics["holdout"]["models"].get(model, {})
    data = found.manifest["data"]
    facts = {
        "Model": model,
        "Horizon": plural(found.manifest["horizon"], found.unit),
        "Series": f"{data['series']:,}",
        "Data until": timestamp(data["last"]),
    }
    if own:
        held_out = accuracy.metric_facts(own, "mase", "smape", "coverage80")
        facts |= {f"{title}, held out": value for title, value in held_out.items()}
    if found.manifest["training"]["seconds"]:
        facts["Trained in"] = format_duration(found.manifest["training"]["seconds"])
    return facts


def _quality_section(quality: Mapping[str, Any]) -> Section:
    counts = {told: int(quality[name]) for name, told in _REPAIRS.items() if quality.get(name)}
    left_out = dict(quality.get("left_out", {}))
    told = "Nothing had to be repaired." if not counts and not left_out else ""
    pairs = {
        "rows": f"{quality['rows']:,}",
        "series": f"{quality['series']:,}",
        "from": timestamp(quality["first"]),
        "to": timestamp(quality["last"]),
        **{name: f"{count:,}" for name, count in counts.items()},
        **{f"left out: {name}": str(reason) for name, reason in left_out.items()},
    }
    return Section(
        "quality", "Data quality", [Facts("What was found in the data", pairs), *([Text(told)] if told else [])]
    )


def _origin_section(found: TrainedModel) -> Section:
    manifest = found.manifest
    data, training = manifest["data"], manifest["training"]
    columns = {role: names for role, names in data["columns"].items() if names}
    pairs = {
        "trained": str(manifest["created"]),
        "data": str(data["path"]),
        "fingerprint of the data": str(data["fingerprint"]),
        **{f"column: {role}": names if isinstance(names, str) else ", ".join(names) for role, names in columns.items()},
        "season": plural(data["season"], "step"),
        "point forecast": str(manifest["point"]),
        "seed": str(manifest["seed"]),
        "training": ", ".join(f"{stage} {plural(steps, 'step')}" for stage, steps in training["steps"].items())
        or "none",
        "threads": str(training["threads"]),
        **({"why this model": str(manifest["chosen"])} if manifest.get("chosen") else {}),
        **{name: str(version) for name, version in manifest["versions"].items()},
        "fingerprint of the weights": str(manifest["files"]["weights.safetensors"]),
    }
    return Section(
        "origin", "Configuration and origin", [Facts("Where this comes from", pairs), Code("config.yaml", found.config)]
    )
