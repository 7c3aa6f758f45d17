"""What the terminal shows of an explanation: legible at 80 columns and without colour."""

import base64
import struct
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from forecaster.explain.explanation import (
    Attribution,
    Explanation,
    Flow,
    Gradients,
    Importance,
    Influence,
    LayerTrace,
    Unrolling,
)
from forecaster.report.excerpts import liveliest_units
from forecaster.report.terminal.explain import DIGITS, bars, summary

STEPS = 300
CUTOFF = "2024-10-26 00:00:00"


def explanation_of(*, layers: int = 2, covariates: int = 3, ways: int = 2) -> Explanation:
    wave = np.sin(np.arange(STEPS)[:, None] + np.arange(20))
    parts = {"hidden": wave, "cell": wave, "input": (wave + 1) / 2, "forget": (wave + 1) / 2}
    names_of_ways = ("forward", "backward")[:ways]
    traces = [
        LayerTrace(1 + n, way, "lstm", parts, {"forget": "1 keeps it"}) for n in range(layers) for way in names_of_ways
    ]
    lags = list(range(1, STEPS + 1))
    times = [f"2024-01-{lag:03d} 00:00:00" for lag in lags]
    norm = 0.99 ** np.arange(STEPS)
    flows = [
        Flow(1 + n, way, part, lags, norm, norm / 2, norm * 2, 200, 0.05)
        for n in range(layers)
        for way in names_of_ways
        for part in ("hidden", "cell")
    ]
    whole = [
        Flow(0, way, "state", lags, norm, norm / 2, norm * 2, memory, fate)
        for way, memory, fate in zip(names_of_ways, (200, 20), (0.05, 0.004), strict=False)
    ]
    names = [f"a covariate of a rather long name {number}" for number in range(covariates)]
    influences = [
        Influence("lag 1", "lags", 1, 1, 0.5, 0.1),
        Influence("lags 2-300", "lags", 2, STEPS, -0.01, float("nan")),
        *(Influence(name, "known", None, None, 0.1 * place, 0.01) for place, name in enumerate(names)),
    ]
    return Explanation(
        bundle="runs/a",
        model="lstm",
        network="network 1 of 3: lstm, context 300, both ways",
        horizon=24,
        notes=(),
        unrolling=Unrolling("a series", CUTOFF, lags[::-1], times, wave[:, 0], tuple(traces)),
        gradients=Gradients(256, tuple(flows), whole[0], 1, STEPS, None, *whole[1:]),
        importance=Importance(0.8, 128, 64, 5, tuple(influences)),
        attribution=Attribution(
            series="a series",
            cutoff=CUTOFF,
            step=None,
            steps=24,
            forecast=12.0,
            baseline=10.0,
            level=11.0,
            lags=lags,
            of_lags=np.full(STEPS, 2 / STEPS),
            of_groups=dict.fromkeys(names, 0.0),
            error=0.0,
            points=64,
        ),
    )


def text_of(explanation: Explanation, *, marks: str | None = None) -> str:
    console = Console(width=80, color_system=None)
    with console.capture() as text:
        console.print(summary(explanation, marks=marks) if marks else summary(explanation))
    return text.get()


def test_a_page_of_everything_fits_eighty_columns() -> None:
    text = text_of(explanation_of(covariates=30))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for title in ("Unrolled in time", "Backpropagation through time", "What matters", "Why this forecast"):
        assert title in text
    assert "90 % of the gradient lies within the last 200 of 300 steps" in text
    assert "layer 2, backward" in text
    assert "whole state, back" in text


def test_each_direction_has_its_verdict() -> None:
    one_way, both_ways = (" ".join(text_of(each).split()) for each in (explanation_of(ways=1), explanation_of()))
    assert "At the oldest state it is 5 % as large as at the newest, so it fades." in one_way
    assert "Read" not in one_way
    assert "Read forward, 90 % of the gradient lies within the last 200 of 300 steps" in both_ways
    assert "Read backward, it lies within the first 20. At the newest state it is 0.4 % as large" in both_ways
    assert both_ways.count("it vanishes") == both_ways.count("it fades") == 1


def test_a_terminal_of_ascii_gets_digits() -> None:
    assert text_of(explanation_of(), marks=DIGITS).isascii()


def test_what_has_no_network_tells_what_matters_alone() -> None:
    whole = explanation_of()
    text = text_of(Explanation("runs/a", "naive", None, 24, (), None, None, whole.importance, None))
    assert "What matters" in text
    assert "Unrolled" not in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 1, 2, 3], "0257"), ([3, 3, 3], "000"), ([0, np.nan, 3], "0.7"), ([0, 0, 3, 3], "0077")],
)
def test_a_row_of_bars_runs_from_the_lowest_to_the_highest(values: list[float], expected: str) -> None:
    known = np.array(values, float)
    assert bars(known, float(np.nanmin(known)), float(np.nanmax(known)), marks=DIGITS) == expected


def test_many_values_share_columns() -> None:
    assert bars(np.repeat([0.0, 7.0], 100), 0, 7, marks=DIGITS, columns=4) == "0077"


def test_the_liveliest_units_are_those_that_move_most() -> None:
    states = np.array([[0, 5, 0, 1], [0, 5, 9, 2]], float)
    assert liveliest_units(states, 2) == [2, 3]


def test_a_picture_is_drawn_of_every_part() -> None:
    pytest.importorskip("matplotlib")
    from forecaster.report.figure.explain import draw

    whole = explanation_of(layers=1)
    assert whole.unrolling
    whole = replace(whole, unrolling=replace(whole.unrolling, layers=whole.unrolling.layers[:1]))  # maps take long
    assert draw(whole, "png").startswith(b"\x89PNG")
    bare = Explanation("runs/a", "naive", None, 24, (), None, None, whole.importance, None)
    assert b"<svg" in draw(bare, "svg")


def test_a_map_of_an_svg_takes_a_pixel_a_step_and_texts_stay_texts() -> None:
    pytest.importorskip("matplotlib")
    from forecaster.report.figure.explain import draw

    whole = explanation_of(layers=1)
    assert whole.unrolling
    whole = replace(whole, unrolling=replace(whole.unrolling, layers=whole.unrolling.layers[:1]))
    svg = draw(whole, "svg").decode()
    assert "Unrolled in time" in svg
    images = [base64.b64decode(part.split('"', 1)[0]) for part in svg.split("data:image/png;base64,")[1:]]
    sizes = [struct.unpack(">II", image[16:24]) for image in images]
    assert sizes.count((STEPS, 20)) == 4  # hidden, cell and two gates


def test_json_holds_lists_and_no_nan() -> None:
    import json

    document = explanation_of(layers=1).to_dict()
    text = json.loads(json.dumps(document, allow_nan=False))
    assert text["schema_version"] == 1
    assert text["importance"]["influences"][1]["error"] is None
    assert text["gradients"]["memory"] == 200
    assert text["gradients"]["fate"] == "fades"
    assert len(text["unrolling"]["layers"][0]["parts"]["hidden"]) == STEPS
    assert text["attribution"]["of_lags"][0] == 0.00666667
