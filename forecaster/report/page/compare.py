"""The page of a comparison: models on the same cutoffs, ranked."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from forecaster.durations import format_duration
from forecaster.evaluation.metric_table import METRICS, Detail, columns
from forecaster.evaluation.verdict import BASELINES
from forecaster.report.page import accuracy
from forecaster.report.page.backtest import describe_omissions, describe_plan
from forecaster.report.page.charts import MODEL, QUIET, axes, bars, points
from forecaster.report.page.parts import Chart, Code, Page, Part, Section, Table, Text
from forecaster.report.verdicts import comparison_sentence
from forecaster.report.words import metric_cell, number, plural, share


@dataclass(frozen=True)
class ComparisonContent:
    """Everything that the page of a comparison shows.

    Attributes:
        name: the name of the folder.
        metrics: the content of metrics.json.
        config: the text of config.yaml.
    """

    name: str
    metrics: Mapping[str, Any]
    config: str


def compose_comparison_page(content: ComparisonContent) -> Page:
    """Compose the page of a comparison."""
    block = content.metrics["compare"]
    models = block["models"]
    configuration: list[Part] = [
        Text(describe_plan(block)),
        Code(f"config.yaml, for {block['chosen']}, the model to use", content.config),
    ]
    sections = [
        Section(
            "leaderboard",
            "Leaderboard",
            [
                _errors_chart(models),
                _leaderboard_table(models),
                accuracy.explain_scores(is_brief=True),
                _explain_test(block, content.metrics.get("evidence", {}).get("metric", "mase")),
            ],
        ),
        Section("winners", "Best models by series and step", _winners(block)),
        Section("effort", "Time", [_effort_chart(models)]),
        Section("origin", "Configuration", configuration),
    ]
    facts = accuracy.metric_facts(models[block["chosen"]], "mase", "coverage80")
    return Page(
        kind="Comparison",
        name=content.name,
        verdict=comparison_sentence(dict(content.metrics)),
        facts={
            "Model to use": block["chosen"],
            **{f"{title}, this model": value for title, value in facts.items()},
            "Models": str(len(models)),
            "Forecasts per model": f"{block['forecasts']:,}",
            "Series": f"{block['series']:,}",
            "Horizon": plural(block["horizon"], "step"),
            "Cutoffs": str(block["folds"]),
        },
        sections=sections,
        remarks=describe_omissions(block),
    )


def _errors_chart(models: Mapping[str, Mapping[str, Any]]) -> Chart:
    known = {name: row["mase"] for name, row in models.items() if row["mase"] is not None}
    order = sorted(known, key=lambda name: -known[name])
    summary = "The errors have no scale here, so there is no MASE."
    if order:
        summary = (
            f"{order[-1]} has the lowest error, a MASE of {number(known[order[-1]])};"
            f" {order[0]} has the highest, {number(known[order[0]])}. Shorter bars are better."
        )
    return Chart(
        "mase",
        "Error of each model",
        summary,
        [bars("MASE", "model", "mase", MODEL, is_horizontal=True)],
        _model_axes("MASE", max(len(order), 2), bargap=0.35),
        {"model": "model", "MASE": "mase"},
        {"model": order, "mase": np.array([known[name] for name in order])},
    )


def _leaderboard_table(models: Mapping[str, Mapping[str, Any]]) -> Table:
    metrics = columns(Detail.LEADERBOARD)
    titles = [metric.title for metric in metrics]
    head = ["Model", *titles, "skill", "verdict", "p, seasonal naive", "p, naive"]
    rows = []
    for name, row in models.items():
        rows.append(
            [
                name,
                *(metric_cell(metric, row.get(metric.name)) for metric in metrics),
                share(row["skill"]),
                "-" if name in BASELINES else row["verdict"],
                *("-" if row[key] is None else f"{row[key]:.2g}" for key in ("p_seasonal_naive", "p_naive")),
            ]
        )
    return Table("Models, the best first", head, rows)


def _explain_test(block: Mapping[str, Any], metric: str) -> Text:
    test, title = block["test"], METRICS[metric].title
    skill = f"Skill is how much lower the {title} of a model is than that of seasonal naive."
    units = f"{test['count']:,} {test['units']}"
    if test["count"] < test["fewest"]:
        return Text(
            f"{skill} Every verdict is undecided, because {units} are too few for a test:"
            f" it needs at least {test['fewest']}."
        )
    return Text(
        f"{skill} p is the probability that chance alone brings a difference as large as the one measured. The verdict"
        f" is better if a model beats both naive forecasts with p below {test['level']:g}, worse if one of them beats"
        f" the model with such a p, and otherwise undecided. The test is {test['name']}, over {units}; p is adjusted"
        f" for the number of models ({test['adjusted']})."
    )


def _winners(block: Mapping[str, Any]) -> list[Any]:
    models, winners_by_step = block["models"], block["steps_won"]
    won = {name: row["series_won"] for name, row in models.items()}
    order = sorted(won, key=lambda name: won[name])
    parts: list[Any] = []
    if block["series"] > 1 and any(won.values()):
        winner = order[-1]
        parts.append(
            Chart(
                "won",
                "Share of series on which each model is best",
                f"{winner} is best on {share(won[winner])} of the series.",
                [bars("series won", "model", "won", MODEL, is_horizontal=True)],
                _model_axes("series, %", len(order), bargap=0.35),
                {"model": "model", "series won, %": "won"},
                {"model": order, "won": np.array([100 * won[name] for name in order])},
            )
        )
    if winners_by_step:
        rows, step = [], 1
        for name, run in groupby(winners_by_step):
            length = len(list(run))
            rows.append([str(step) if length == 1 else f"{step} to {step + length - 1}", name])
            step += length
        parts.append(Table("Best model by step of the horizon", ["Steps", "Model"], rows))
    return parts or [Text("The errors have no scale here, so no model is best.")]


def _effort_chart(models: Mapping[str, Mapping[str, Any]]) -> Chart:
    seconds = {name: row["train_seconds"] + row["predict_seconds"] for name, row in models.items()}
    order = sorted(seconds, key=lambda name: seconds[name])
    slowest = order[-1]
    return Chart(
        "effort",
        "Time to train and to predict",
        f"{slowest} took longest: {format_duration(models[slowest]['train_seconds'])} to train and"
        f" {format_duration(models[slowest]['predict_seconds'])} to predict, over all cutoffs.",
        [
            points("train", "train", "model", MODEL),
            points("predict", "predict", "model", QUIET, symbol="diamond"),
        ],
        _model_axes("seconds", len(order), x_kind="log"),
        {"model": "model", "train, s": "train", "predict, s": "predict"},
        {
            "model": order,
            "train": np.array([models[name]["train_seconds"] or np.nan for name in order]),
            "predict": np.array([models[name]["predict_seconds"] or np.nan for name in order]),
        },
    )


def _model_axes(title: str, count: int, **more: Any) -> dict[str, Any]:
    """Return axes with a row for each of `count` models."""
    return axes(title, "", y_kind="category", height=90 + 34 * count, hovermode="closest", **more)
