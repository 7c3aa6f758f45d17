"""The section on a training: its losses and its gradients."""

from typing import Any

import numpy as np
import pandas as pd

from forecaster.durations import format_duration
from forecaster.report.page.charts import MODEL, QUIET, SEASONAL, axes, line, line_with_markers
from forecaster.report.page.parts import Chart, Section
from forecaster.report.words import number, plural
from forecaster.store.manifest import Manifest

_MAX_POINTS = 400  # points of a curve


def training_section(history: pd.DataFrame, manifest: Manifest) -> Section:
    """Chart history.csv: losses in scaled units, and gradient norms before clipping.

    Args:
        history: a row for each training step; not empty.
        manifest: the bundle's manifest.
    """
    return Section("training", "Training", [_loss_chart(history, manifest), _gradient_chart(history)])


def _loss_chart(history: pd.DataFrame, manifest: Manifest) -> Chart:
    losses = history["train_loss"].to_numpy(np.float64)
    duration = format_duration(float(history["seconds"].iloc[-1]))
    summary = (
        f"The training loss went from {_mean(losses[:5])} to {_mean(losses[-5:])} in {plural(len(history), 'step')}"
        f" ({duration})"
    )
    validated = history[history["validation_loss"].notna()]
    if len(validated):
        best = int(validated["validation_loss"].to_numpy(np.float64).argmin())
        step, loss = int(validated["step"].iloc[best]), float(validated["validation_loss"].iloc[best])
        summary += f"; the validation loss was lowest at step {step:,}: {number(loss)}"
    if len(manifest.training.steps) > 1:
        summary += ". After that, the model was fitted again to all data"
    points = _average_neighbours(history)
    return Chart(
        "losses",
        "Losses",
        f"{summary}.",
        [
            line("training loss", "step", "train", QUIET, width=1.4),
            *([line_with_markers("validation loss", "validated", "validation", MODEL)] if len(validated) else []),
        ],
        axes("training step", "loss, scaled units"),
        {"step": "step", "training loss": "train", "learning rate": "rate", "gradient norm": "norm"},
        {
            "step": points["step"].to_numpy(),
            "train": points["train_loss"].to_numpy(),
            "rate": points["learning_rate"].to_numpy(),
            "norm": points["gradient_norm"].to_numpy(),
            "validated": validated["step"].to_numpy(),
            "validation": validated["validation_loss"].to_numpy(np.float64),
        },
    )


def _gradient_chart(history: pd.DataFrame) -> Chart:
    norms = history["gradient_norm"].to_numpy(np.float64)
    median, largest = float(np.median(norms)), int(norms.argmax())
    points = _average_neighbours(history)
    return Chart(
        "gradients",
        "Gradient norms",
        f"The median of the gradient's norm before clipping is {number(median)}, its largest value"
        f" {number(float(norms[largest]))}, at step {int(history['step'].iloc[largest]):,}.",
        [line("gradient norm", "step", "norm", SEASONAL, width=1.4, dash="solid")],
        axes("training step", "gradient norm", height=260, y_kind="log"),
        {"step": "step", "gradient norm": "norm"},
        {
            "step": points["step"].to_numpy(),
            "norm": points["gradient_norm"].where(points["gradient_norm"] > 0).to_numpy(),
        },
    )


def _average_neighbours(history: pd.DataFrame) -> pd.DataFrame:
    """Average neighbouring steps, so that the curve of a long training has few points."""
    stride = -(-len(history) // _MAX_POINTS)
    if stride == 1:
        return history
    block = np.arange(len(history)) // stride
    return history.groupby(block).mean().assign(step=history.groupby(block)["step"].last())


def _mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    return number(float(values.mean()))
