"""Scaled windows of a known location and scale."""

import torch

from forecaster.network.scale import Scale, Scaled


def scaled_by(location: float, scale: float, rows: int = 1) -> Scaled:
    """Create rows in which scaled units are converted to `location` + `scale` * scaled units."""
    context = torch.tensor([[location - scale, location + scale]]).repeat(rows, 1)
    return Scale("mean")(context, torch.full((rows,), scale))
