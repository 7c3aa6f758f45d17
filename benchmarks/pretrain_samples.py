"""A figure of the synthetic series: a row for each family, with the season of each sample."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from forecaster.pretraining.corpus import draw_families
from forecaster.pretraining.frame import Frame
from forecaster.pretraining.mixture import Family, load_mixture

_STEPS = 1088
_LONGEST_WINDOW_STEPS = 400


def draw_samples(path: Path, columns: int = 6, seed: int = 0) -> None:
    """Write a figure with a row for each family and `columns` samples, each as long as a history of its frequency."""
    rng = np.random.default_rng(seed)
    frequencies = load_mixture().frequencies
    shares = load_mixture().families
    names: list[Family] = list({name: None for each in shares.values() for name in each})
    figure, axes = plt.subplots(len(names), columns, figsize=(2.6 * columns, 1.5 * len(names)), squeeze=False)
    for row, name in zip(axes, names, strict=True):
        weights = np.array([each.share * shares[each.kind].get(name, 0) for each in frequencies])
        drawn_frequencies = rng.choice(len(frequencies), columns, p=weights / weights.sum())
        for axis, number in zip(row, drawn_frequencies, strict=True):
            each = frequencies[number]
            frame = Frame(np.array([each.season]), np.array([each.second_season]), _STEPS)
            bounds = np.log([each.shortest, each.longest])
            length = min(round(np.exp(rng.uniform(*bounds))) + 24, _LONGEST_WINDOW_STEPS)
            first = rng.integers(0, _STEPS - length)
            axis.plot(draw_families(rng, np.array([name]), frame)[0, first : first + length], linewidth=0.7)
            axis.set_title(f"{name}, season {each.season}", fontsize=7, pad=2)
            axis.tick_params(labelsize=5)
    figure.tight_layout(pad=0.4)
    figure.savefig(path, dpi=90)
    plt.close(figure)
