"""The section on what is inside a network."""

import json
from dataclasses import replace

import numpy as np
import pytest

from forecaster.explain.explanation import Explanation, Influence
from forecaster.report.page.document import to_script
from forecaster.report.page.explain import explain_section
from forecaster.report.page.parts import Chart, Text, to_json_column
from tests.report.terminal.test_explain import STEPS, explanation_of


def charts_of(found: Explanation) -> dict[str, Chart]:
    return {part.key: part for part in explain_section(found).parts if isinstance(part, Chart)}


def test_every_part_of_the_look_has_its_chart_and_a_sentence() -> None:
    charts = charts_of(explanation_of())
    assert list(charts) == ["unrolled", "gates", "memory", "matters", "why"]
    for chart in charts.values():
        columns = chart.columns or {}
        assert chart.summary.endswith(".")
        assert set(chart.numbers.values()) <= set(columns)
        json.loads(to_script({name: to_json_column(values) for name, values in columns.items()}))


def test_the_heat_map_has_a_row_a_unit_and_a_column_a_step() -> None:
    columns = charts_of(explanation_of())["unrolled"].columns or {}
    assert np.shape(columns["state"]) == (20, STEPS)
    assert len(columns["lag"]) == len(columns["time"]) == STEPS
    means = np.asarray(columns["state"]).mean(axis=1)
    assert (np.diff(means) >= 0).all()


def test_the_sentence_of_the_gradients_is_the_one_of_the_terminal() -> None:
    seen = charts_of(explanation_of())["memory"].summary
    assert "90 % of the gradient lies within the last 200 of 300 steps (the memory)" in seen


def test_the_bars_of_a_forecast_begin_at_the_flat_window_and_sum_to_the_forecast() -> None:
    columns = charts_of(explanation_of())["why"].columns or {}
    steps = np.asarray(columns["step"])
    assert (steps[0], steps[-1]) == (10.0, 12.0)
    assert steps[:-1].sum() == pytest.approx(steps[-1])
    assert columns["name"][0], columns["name"][-1] == ("flat window", "forecast")


def test_a_line_marks_the_memory_of_each_direction() -> None:
    shapes = charts_of(explanation_of())["memory"].layout["shapes"]
    assert [shape["x0"] for shape in shapes] == [200, STEPS - 20 + 1]


def test_names_of_columns_are_no_markup_and_stay_apart() -> None:
    whole = explanation_of(covariates=0)
    assert whole.importance
    long = "a covariate whose name is far too long, "
    names = [f"{long}one", f"{long}two", "<b>price</b>"]
    influences = tuple(Influence(name, "known", None, None, 0.1, 0.01) for name in names)
    found = replace(whole, importance=replace(whole.importance, influences=influences))
    columns = charts_of(found)["matters"].columns or {}
    assert len(set(columns["label"])) == 3
    assert "<" not in columns["label"][2]
    assert columns["name"][2] == "known <b>price</b>"


def test_what_reads_both_ways_or_has_no_gates_is_drawn_as_well() -> None:
    whole = explanation_of(layers=1)
    assert whole.unrolling
    trace = whole.unrolling.layers[0]
    bare = replace(trace, parts={"hidden": trace.parts["hidden"]})
    found = replace(whole, unrolling=replace(whole.unrolling, layers=(bare,)))
    assert list(charts_of(found)) == ["unrolled", "memory", "matters", "why"]
    backward = charts_of(whole)["memory"].numbers
    assert list(backward) == ["lag", "whole state", "whole state, backward", "hidden", "cell"]


def test_of_several_networks_the_one_that_is_shown_is_named() -> None:
    first = explain_section(explanation_of()).parts[0]
    assert first == Text(
        "Inside network 1 of 3: lstm, context 300, both ways. For the others: forecast explain --member 2."
    )


def test_without_a_network_what_matters_stands_alone_and_what_is_missing_is_told() -> None:
    whole = explanation_of()
    found = Explanation("b", "naive", None, 24, ("nothing is inside",), None, None, whole.importance, None)
    section = explain_section(found)
    assert section.heading == "Importance of the inputs"
    assert section.parts[-1] == Text("Nothing is inside.")
