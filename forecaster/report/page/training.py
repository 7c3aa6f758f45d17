"""The section on a training: its losses and its gradients."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecaster.durations import format_duration
from forecaster.report.page.charts import MODEL, QUIET, SEASONAL, axes, line, marked
from forecaster.report.page.parts import Chart, Section
from forecaster.report.words import number, plural

_POINTS = 400  # drawn of a curve


def training_section(history: pd.DataFrame, manifest: Mapping[str, Any]) -> Section:
    """What history.csv holds: losses in scaled units, gradient norms before clipping, the learning rate."""
    steps = plural(len(history), "step")
    train = history["train_loss"].to_numpy(np.float64)
    told = f"The training loss went from {_mean(train[:5])} to {_mean(train[-5:])} in {steps}"
    told += f" ({format_duration(float(history['seconds'].iloc[-1]))})"
    known = history[history["validation_loss"].notna()]
    if len(known):
        best = int(known["validation_loss"].to_numpy(np.float64).argmin())
        step, loss = int(known["step"].iloc[best]), float(known["validation_loss"].iloc[best])
        told += f"; the validation loss was lowest at step {step:,}: {number(loss)}"
    if len(manifest.get("training", {}).get("steps", {})) > 1:
        told += ". Then it was fitted again on everything"
    thin = _thin(history)
    norm = history["gradient_norm"].to_numpy(np.float64)
    middle, largest = float(np.median(norm)), int(norm.argmax())
    losses = Chart(
        "losses",
        "Losses",
        f"{told}.",
        [
            line("training loss", "step", "train", QUIET, width=1.4),
            *([marked("validation loss", "validated", "validation", MODEL)] if len(known) else []),
        ],
        axes("training step", "loss, scaled units"),
        {"step": "step", "training loss": "train", "learning rate": "rate", "gradient norm": "norm"},
        {
            "step": thin["step"].to_numpy(),
            "train": thin["train_loss"].to_numpy(),
            "rate": thin["learning_rate"].to_numpy(),
            "norm": thin["gradient_norm"].to_numpy(),
            "validated": known["step"].to_numpy(),
            "validation": known["validation_loss"].to_numpy(np.float64),
        },
    )
    gradients = Chart(
        "gradients",
        "Gradient norms",
        f"The gradient's norm, before clipping, was {number(middle)} in the middle and {number(float(norm[largest]))}"
        f" at most, at step {int(history['step'].iloc[largest]):,}.",
        [line("gradient norm", "step", "norm", SEASONAL, width=1.4, dash="solid")],
        axes("training step", "gradient norm", height=260, y_kind="log"),
        {"step": "step", "gradient norm": "norm"},
        {"step": thin["step"].to_numpy(), "norm": thin["gradient_norm"].where(thin["gradient_norm"] > 0).to_numpy()},
    )
    return Section("training", "Training", [losses, gradients])


def _thin(history: pd.DataFrame) -> pd.DataFrame:
    """Means of neighbouring steps, so that a long training is a curve of few points."""
    every = -(-len(history) // _POINTS)
    if every == 1:
        return history
    block = np.arange(len(history)) // every
    return history.groupby(block).mean().assign(step=history.groupby(block)["step"].last())


def _mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    return number(float(values.mean()))
