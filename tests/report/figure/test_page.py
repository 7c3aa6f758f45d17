"""The legend of a figure lies within it."""

import pytest

pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from forecaster.report.figure.page import add_legend

SHORT = ["actual", "gru"]
USUAL = ["95 % interval", "80 % interval", "50 % interval", "actual", "gru, holdout", "gru, forecast"]
LONG = [f"a model with a name as long as number {number}" for number in range(5)]


@pytest.mark.parametrize(("labels", "rows"), [(SHORT, 1), (USUAL, 2), (LONG, 3)])
def test_a_legend_takes_as_many_rows_as_it_needs(labels: list[str], rows: int) -> None:
    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    for label in labels:
        axes.plot([0, 1], [0, 1], label=label)
    add_legend(figure, axes)
    canvas.draw()
    (legend,) = figure.legends
    box = legend.get_window_extent(canvas.get_renderer())
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
    tops = {round(text.get_window_extent(canvas.get_renderer()).y1 / 8) for text in legend.get_texts()}
    assert len(tops) == rows


def test_a_single_line_needs_no_legend() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], label="loss")
    add_legend(figure, axes)
    assert not figure.legends
