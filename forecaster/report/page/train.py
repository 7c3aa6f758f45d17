"""The page of a trained model: its forecasts, its accuracy on the holdout, its training and its data."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from forecaster.durations import format_duration
from forecaster.evaluation import scored_rows as scores
from forecaster.report.page import accuracy
from forecaster.report.page.parts import Code, Facts, Page, Part, Section, Table, Text
from forecaster.report.page.series import BundleContent, chart_series, draw_series
from forecaster.report.page.series_selection import describe_selection
from forecaster.report.page.training import training_section
from forecaster.report.verdicts import NO_HOLDOUT, backtest_command, cutoffs_sentence, verdict_sentence
from forecaster.report.words import number, plural, timestamp

_REPAIRS = {
    "gaps": "steps without a row, treated as missing",
    "missing_values": "missing values",
    "duplicates_dropped": "repeated rows, dropped",
    "duplicates_merged": "rows with the same time, merged",
    "out_of_order": "rows out of order, sorted",
    "off_grid": "rows between two steps, left out",
    "later_rows": "rows after the last value, used for known columns only",
    "short": "series too short to be scored",
}


def compose_bundle_page(content: BundleContent) -> Page:
    """Compose the page of a trained model."""
    model, metrics = content.manifest.model, dict(content.metrics)
    drawn_series = draw_series(content)
    sections = [*chart_series(content, drawn_series), *_accuracy_sections(content, model)]
    if len(content.history):
        sections.append(training_section(content.history, content.manifest))
    sections += content.insights
    sections += [_quality_section(content.quality), _origin_section(content)]
    return Page(
        kind="Trained model",
        name=content.folder.name,
        verdict=verdict_sentence(metrics, model, more=backtest_command(content.folder))
        if metrics["holdout"]["models"]
        else NO_HOLDOUT,
        facts=_facts(content, model),
        sections=sections,
        drawn_series=drawn_series,
        note=describe_selection(content.selection, content.series),
        series_count=content.series,
        remarks=tuple(content.remarks),
    )


def _accuracy_sections(content: BundleContent, model: str) -> list[Section]:
    block, has_rows = content.metrics["holdout"], len(content.holdout) > 0
    sections = []
    if block["models"]:
        caption = f"Scores on the last {plural(block['horizon'], 'step')}, which were held out, beside naive forecasts"
        parts: list[Any] = [accuracy.score_table(caption, block["models"])]
        if cutoffs := cutoffs_sentence(content.metrics):
            parts.append(Text(cutoffs))
        parts.append(accuracy.explain_scores())
        if has_rows:
            parts.append(accuracy.steps_chart(content.holdout, model))
        sections.append(Section("holdout", "Accuracy on the holdout", parts))
        reliability = {float(p): observed for p, observed in block.get("reliability", {}).items()}
        sections.append(accuracy.calibration_section(reliability, block["models"][model]))
        if has_rows:
            sections.append(Section("errors", "Errors", accuracy.residual_parts(content.holdout)))
    if content.series > 1 and has_rows:
        table = scores.series_scores(content.holdout)
        caption = f"All {plural(len(table), 'series')} on the holdout"
        sections.append(Section("series", "All series", [accuracy.series_listing(table, caption)]))
    return sections


def _facts(content: BundleContent, model: str) -> dict[str, str]:
    manifest = content.manifest
    facts = {
        "Model": model,
        "Horizon": plural(manifest.horizon, content.unit),
        "Series": f"{manifest.data.series:,}",
        "Data until": timestamp(manifest.data.last),
    }
    metrics = content.metrics["holdout"]["models"].get(model, {})
    if metrics:
        scores_on_holdout = accuracy.metric_facts(metrics, "mase", "smape", "coverage80")
        facts |= {f"{title}, holdout": value for title, value in scores_on_holdout.items()}
    if manifest.training.seconds:
        facts["Trained in"] = format_duration(manifest.training.seconds)
    return facts


def _quality_section(quality: Mapping[str, Any]) -> Section:
    counts = {description: int(quality[name]) for name, description in _REPAIRS.items() if quality.get(name)}
    left_out = dict(quality.get("left_out", {}))
    pairs = {
        "rows": f"{quality['rows']:,}",
        "series": f"{quality['series']:,}",
        "from": timestamp(quality["first"]),
        "to": timestamp(quality["last"]),
        **{description: f"{count:,}" for description, count in counts.items()},
        **{f"left out: {name}": str(reason) for name, reason in left_out.items()},
    }
    is_clean = not counts and not left_out
    remark = [Text("No repair was necessary, and nothing was left out.")] if is_clean else []
    return Section("quality", "Data quality", [Facts("The data and its repairs", pairs), *remark])


def _origin_section(content: BundleContent) -> Section:
    manifest = content.manifest
    data, training = manifest.data, manifest.training
    columns = {role: names for role, names in asdict(data.columns).items() if names}
    pairs = {
        "trained": manifest.created,
        "data": str(data.path),
        "fingerprint of the data": data.fingerprint,
        **{f"column: {role}": names if isinstance(names, str) else ", ".join(names) for role, names in columns.items()},
        "season": plural(data.season, "step"),
        "seed": str(manifest.seed),
        "training": ", ".join(f"{stage} {plural(steps, 'step')}" for stage, steps in training.steps.items()) or "none",
        "threads": str(training.threads),
        **({"reason for this model": manifest.choice["why"]} if manifest.choice else {}),
        **manifest.versions,
        "fingerprint of the weights": manifest.files["weights.safetensors"],
    }
    parts: list[Part] = [Facts("Origin of the model", pairs), *_candidate_table(manifest.choice)]
    return Section("origin", "Configuration and origin", [*parts, Code("config.yaml", content.config)])


def _candidate_table(choice: Mapping[str, Any] | None) -> list[Part]:
    """Return a table of the candidates for an ensemble, the best first; empty if there were none."""
    if not choice or "members" not in choice:
        return []
    losses = {name: math.inf if loss is None else loss for name, loss in choice["among"].items()}
    rows = [
        [name, "-" if math.isinf(losses[name]) else number(losses[name]), "yes" if name in choice["members"] else "no"]
        for name in sorted(losses, key=losses.__getitem__)
    ]
    return [Table(f"Candidates, by {choice['by']}", ["Candidate", "loss", "chosen"], rows)]
