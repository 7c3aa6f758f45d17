"""The page of a comparison: models on the same cutoffs, ranked."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from forecaster.durations import format_duration
from forecaster.evaluation.metrics import Detail, columns
from forecaster.report.page import accuracy
from forecaster.report.page.backtest import describe_omissions, describe_plan
from forecaster.report.page.charts import MODEL, QUIET, axes, bars, points
from forecaster.report.page.parts import Chart, Code, Page, Section, Table, Text
from forecaster.report.verdicts import comparison_sentence
from forecaster.report.words import metric_cell, number, plural, share


@dataclass(frozen=True)
class Leaderboard:
    """All that a page tells of a comparison: the folder's name, what metrics.json and config.yaml hold."""

    name: str
    metrics: Mapping[str, Any]
    config: str


def compose(found: Leaderboard) -> Page:
    """Put the page together."""
    block = found.metrics["compare"]
    models = block["models"]
    sections = [
        Section(
            "leaderboard",
            "Leaderboard",
            [_errors_chart(models), _table(models), accuracy.explain_scores(is_brief=True), _explain(block)],
        ),
        Section("winners", "Who wins where", _winners(block)),
        Section("effort", "What it takes", [_effort_chart(models)]),
        Section(
            "origin",
            "Configuration",
            [Text(describe_plan(block)), Code(f"config.yaml: of {block['chosen']}, the model to use", found.config)],
        ),
    ]
    own = accuracy.metric_facts(models[block["chosen"]], "mase", "coverage80")
    return Page(
        kind="Comparison",
        name=found.name,
        verdict=comparison_sentence(dict(found.metrics)),
        facts={
            "Model to use": block["chosen"],
            **{f"Its {title}": value for title, value in own.items()},
            "Models": str(len(models)),
            "Forecasts of each": f"{block['forecasts']:,}",
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
    told = "No error has a scale here."
    if order:
        told = (
            f"{order[-1]} has the lowest mean error, a MASE of {number(known[order[-1]])};"
            f" {order[0]} the highest, {number(known[order[0]])}. Shorter is better."
        )
    height = 90 + 34 * max(len(order), 2)
    return Chart(
        "mase",
        "Error of each model",
        told,
        [bars("MASE", "model", "mase", MODEL, is_lying=True)],
        axes("MASE", "", y_kind="category", height=height, hovermode="closest", bargap=0.35),
        {"model": "model", "MASE": "mase"},
        {"model": order, "mase": np.array([known[name] for name in order])},
    )


def _table(models: Mapping[str, Mapping[str, Any]]) -> Table:
    metrics = columns(Detail.LEADERBOARD)
    titles = [metric.title for metric in metrics]
    head = ["Model", *titles, "skill", "surely beats", "p, seasonal naive", "p, naive"]
    rows = []
    for name, row in models.items():
        beats = "both naive" if len(row["beats"]) == 2 else "".join(row["beats"]).replace("_", " ") or "-"
        rows.append(
            [
                name,
                *(metric_cell(metric, row.get(metric.name)) for metric in metrics),
                share(row["skill"]),
                beats,
                *("-" if row[key] is None else f"{row[key]:.2g}" for key in ("p_seasonal_naive", "p_naive")),
            ]
        )
    return Table("Models, the best first", head, rows)


def _explain(block: Mapping[str, Any]) -> Text:
    test = block["test"]
    return Text(
        "Skill is how much lower the MASE of a model is than that of seasonal naive. A model surely beats a naive"
        " forecast if the difference is more than chance"
        f" would bring 1 in {1 / test['level']:.0f} times: {test['name']}, over {test['count']:,} {test['units']};"
        f" p is adjusted for the number of models ({test['adjusted']})."
    )


def _winners(block: Mapping[str, Any]) -> list[Any]:
    models, steps = block["models"], block["steps_won"]
    won = {name: row["series_won"] for name, row in models.items()}
    order = sorted(won, key=lambda name: won[name])
    parts: list[Any] = []
    if block["series"] > 1 and any(won.values()):
        most = order[-1]
        parts.append(
            Chart(
                "won",
                "Share of series that each model forecast best",
                f"{most} was best on {share(won[most])} of the series.",
                [bars("series won", "model", "won", MODEL, is_lying=True)],
                axes("series, %", "", y_kind="category", height=90 + 34 * len(order), hovermode="closest", bargap=0.35),
                {"model": "model", "series won, %": "won"},
                {"model": order, "won": np.array([100 * won[name] for name in order])},
            )
        )
    if steps:
        rows, step = [], 1
        for name, run in groupby(steps):
            length = len(list(run))
            rows.append([str(step) if length == 1 else f"{step} to {step + length - 1}", name])
            step += length
        parts.append(Table("The best model by step of the horizon", ["Steps", "Model"], rows))
    return parts or [Text("Errors have no scale here, so nobody wins.")]


def _effort_chart(models: Mapping[str, Mapping[str, Any]]) -> Chart:
    seconds = {name: row["train_seconds"] + row["predict_seconds"] for name, row in models.items()}
    order = sorted(seconds, key=lambda name: seconds[name])
    longest = order[-1]
    return Chart(
        "effort",
        "Time to train and to predict",
        f"{longest} took longest: {format_duration(models[longest]['train_seconds'])} to train,"
        f" {format_duration(models[longest]['predict_seconds'])} to predict, over all cutoffs.",
        [
            points("train", "train", "model", MODEL),
            points("predict", "predict", "model", QUIET, symbol="diamond"),
        ],
        axes("seconds", "", x_kind="log", y_kind="category", height=90 + 34 * len(order), hovermode="closest"),
        {"model": "model", "train, s": "train", "predict, s": "predict"},
        {
            "model": order,
            "train": np.array([models[name]["train_seconds"] or np.nan for name in order]),
            "predict": np.array([models[name]["predict_seconds"] or np.nan for name in order]),
        },
    )
