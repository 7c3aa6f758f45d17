"""Draw a figure of the synthetic series that the network is pretrained on, with a row for each family.

python -m benchmarks.pretrain_samples FILE.png [--columns 5] [--seed 0]
"""

import argparse
import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from forecaster.pretraining.corpus import FAMILIES, draw_families, draw_frame
from forecaster.pretraining.mixture import load_mixture

_STEPS = 1088
_COLOURS = 12  # keep the file below 100 kB
_LONGEST_WINDOW_STEPS = 240


def draw_samples(path: Path, columns: int = 5, seed: int = 0) -> None:
    """Write a figure with `columns` samples of each family, each as long as a history of its frequency."""
    rng, mixture = np.random.default_rng(seed), load_mixture()
    figure = Figure(figsize=(2.1 * columns, 1.1 * len(FAMILIES)), layout="constrained")
    axes = figure.subplots(len(FAMILIES), columns, squeeze=False)
    for row, family in zip(axes, FAMILIES, strict=True):
        weights = np.array([each.share * mixture.families[each.kind].get(family, 0) for each in mixture.frequencies])
        frequency = rng.choice(len(weights), columns, p=weights / weights.sum())
        frame = draw_frame(mixture, rng, frequency, _STEPS)
        values = draw_families(rng, np.full(columns, family), frame)
        for axis, series, number in zip(row, values, frequency, strict=True):
            each = mixture.frequencies[number]
            longest = max(min(each.longest, _LONGEST_WINDOW_STEPS), each.shortest)
            length = round(np.exp(rng.uniform(*np.log([each.shortest, longest]))))
            first = rng.integers(0, _STEPS - length)
            axis.plot(series[first : first + length], linewidth=0.7, color="#2a6f97")
            axis.set_title(f"{family}, season {each.season}", fontsize=6, pad=2)
            axis.tick_params(labelsize=5, length=2, pad=1)
            axis.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=85)
    Image.open(picture).convert("RGB").quantize(_COLOURS).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--columns", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw_samples(arguments.file, arguments.columns, arguments.seed)


if __name__ == "__main__":
    main()
