"""A comparison of networks as one figure: gradients by lag, influences on one forecast, accuracy and cost."""

from typing import TYPE_CHECKING, Any

import numpy as np

from forecaster.explain.comparison import ComparedNetwork, NetworkComparison
from forecaster.report.figure.explain import draw_gradients, render
from forecaster.report.verdicts import describe_left

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _GREY = "#33658a", "#8d99a6"
_PANELS_PER_ROW = 3
_PANEL_HEIGHT = 3.2
_WIDTH = 11.0
_COVARIATES_SHOWN = 5
_BASELINE_STYLES = {"--": "dashed", ":": "dotted"}


def draw(comparison: NetworkComparison, kind: str) -> bytes:
    """Draw a comparison.

    Args:
        kind: `png` or `svg`.

    Returns: the content of the file.
    Raises: DependencyError: matplotlib is not installed.
    """
    return render(lambda: figure_of(comparison), kind)


def figure_of(comparison: NetworkComparison) -> "Figure":
    """Return the figure of a comparison; the caller sets the style."""
    from matplotlib.figure import Figure

    networks = comparison.networks
    rows = -(-len(networks) // _PANELS_PER_ROW)
    below = 1.4 + 0.28 * len(networks)
    figure = Figure(figsize=(_WIDTH, rows * _PANEL_HEIGHT + below), layout="constrained")
    figure.suptitle(f"{len(networks)} networks: {comparison.series}, read up to {comparison.cutoff}", fontweight="bold")
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(rows * _PANEL_HEIGHT, below))[:, 0]
    columns = min(len(networks), _PANELS_PER_ROW)
    panels = top.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for panel, network in zip(panels, networks, strict=False):
        _draw_network(panel, network)
    for panel in panels[len(networks) :]:
        panel.set_axis_off()
    for panel in panels[::columns]:
        panel.set_ylabel("|d loss / d h|")
    left, middle, right = bottom.subplots(1, 3, gridspec_kw={"width_ratios": (3, 1.4, 1.4)}, sharey=True)
    draw_influences(left, networks)
    _draw_accuracy(middle, comparison)
    _draw_bars(right, networks, [network.seconds for network in networks], "Training, seconds")
    return figure


def draw_influences(axis: "Axes", networks: tuple[ComparedNetwork, ...]) -> None:
    """Draw a bar of length 1 for each network, with a part for each group of inputs."""
    names = list(dict.fromkeys(each.name for network in networks for each in network.influences if each.is_lags))
    shares = [{each.name: each.share for each in network.influences} for network in networks]
    others = {name for each in shares for name in each} - {*names}
    names += sorted(others, key=lambda name: -max(each.get(name, 0.0) for each in shares))[:_COVARIATES_SHOWN]
    rows = np.arange(len(networks))
    left = np.zeros(len(networks))
    for number_of_name, name in enumerate(names):
        parts = np.array([each.get(name, 0.0) for each in shares])
        axis.barh(rows, parts, left=left, height=0.7, color=f"C{number_of_name}", label=name)
        left += parts
    axis.set_yticks(rows, [network.label for network in networks])
    axis.set_ylim(len(networks) - 0.5, -0.5)  # the first network is at the top
    axis.set_xlim(0, 1)
    axis.set_title("Influence on the forecast, share of all inputs")
    axis.legend(frameon=False, fontsize=7, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.15))


def _draw_network(panel: "Axes", network: ComparedNetwork) -> None:
    gradients, backward = network.gradients, network.gradients.backward
    draw_gradients(panel, gradients, gradients.directions)
    left = f"{describe_left(gradients.total)} left" + (f", {describe_left(backward)} backward" if backward else "")
    panel.set_title(f"{network.label}: memory {gradients.memory} of {gradients.context}, {left}")
    panel.set_ylabel("")


def _draw_accuracy(axis: "Axes", comparison: NetworkComparison) -> None:
    """Draw the MASE of each network, and that of each naive forecast as a line."""
    values = [network.holdout.get("mase") for network in comparison.networks]
    _draw_bars(axis, comparison.networks, values, "MASE on the holdout")
    labels: list[str] = []
    for (name, scores), (style, word) in zip(comparison.baselines.items(), _BASELINE_STYLES.items(), strict=False):
        mase = scores.get("mase")
        if mase is not None:
            axis.axvline(mase, color=_GREY, linewidth=1, linestyle=style)
            labels.append(f"{word}: {name.replace('_', ' ')}")
    axis.set_xlabel(", ".join(labels))


def _draw_bars(axis: "Axes", networks: tuple[ComparedNetwork, ...], values: list[Any], title: str) -> None:
    heights = [0.0 if value is None else value for value in values]
    axis.barh(np.arange(len(networks)), heights, height=0.7, color=_BLUE)
    axis.set_title(title)
    axis.tick_params(labelleft=False)
