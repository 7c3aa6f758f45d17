"""Draw how far the gradients of several trained networks reach, side by side.

    python -m benchmarks.cells BUNDLE BUNDLE ... -o docs/figures/cells.svg

Each panel is that of `forecast explain BUNDLE -o FILE.svg`: |d loss / d h_t| by lag, on one logarithmic scale.
Standard output shows the figures: the share of the newest state's gradient that reaches the oldest, and the memory.
"""

import argparse
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from forecaster.report.figure.explain import STYLE, draw_gradients
from forecaster.workflows.explain import explain


def main() -> None:
    """Explain the bundles, draw the panels, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    count = len(arguments.bundles)
    with rc_context(STYLE):
        figure = Figure(figsize=(3.7 * count, 3.4), layout="constrained")
        panels = figure.subplots(1, count, sharey=True, squeeze=False)[0]
        for panel, bundle in zip(panels, arguments.bundles, strict=True):
            explanation = explain(bundle)
            if explanation.gradients is None:
                parser.error(f"{bundle}: contains no network")
            draw_gradients(panel, explanation.gradients)
            panel.set_title(
                f"{explanation.model}: memory {explanation.gradients.memory} of {explanation.gradients.context}"
            )
            for flow in explanation.gradients.flows:
                text = f"{flow.direction} {flow.part}: {flow.norm[0]:.2g} newest, {flow.norm[-1]:.2g} oldest"
                print(f"{bundle.name} {text}, {100 * flow.fate:.2g} % left, memory {flow.memory}", flush=True)
        panels[0].set_ylabel("|d loss / d h|")
        metadata = {"Date": None} if arguments.out.suffix == ".svg" else None
        figure.savefig(arguments.out, dpi=110, metadata=metadata)


if __name__ == "__main__":
    main()
