"""Windows for networks to read, made of bare tensors."""

import torch
from torch import Tensor

from forecaster.network.inputs import Inputs


def windows_of(
    context: Tensor,
    target: Tensor | None = None,
    *,
    horizon: int = 5,
    spread: Tensor | float = 1.0,
    past: Tensor | None = None,
    known: Tensor | None = None,
    static: Tensor | None = None,
    series: Tensor | None = None,
    phase: Tensor | None = None,
) -> Inputs:
    """Complete a batch of windows: what is not given is unknown, of no width, or zeros.

    Args:
        context: [B, L] in data units.
        target: [B, H]; `horizon` NaNs where not given.
    """
    rows = len(context)
    target = context.new_full((rows, horizon), torch.nan) if target is None else target
    zeros = torch.zeros(rows, dtype=torch.long)
    return Inputs(
        context=context,
        target=target,
        spread=torch.as_tensor(spread, dtype=context.dtype).expand(rows),
        centre=context.double().nanmean(1).nan_to_num().to(context.dtype),
        past=context.new_empty(*context.shape, 0) if past is None else past,
        known=context.new_empty(rows, context.shape[1] + target.shape[1], 0) if known is None else known,
        static=context.new_empty(rows, 0) if static is None else static,
        series=zeros if series is None else series,
        phase=zeros if phase is None else phase,
    )
