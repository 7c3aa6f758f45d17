"""Batches for a zero-shot network, on its device."""

import torch

from forecaster.batches.cutoff_windows import CutoffPlan, WindowBatch, draw_cutoffs
from forecaster.batches.windows import RandomSource
from forecaster.network.zero_shot_learner import WindowTensors
from forecaster.training.feed import WindowSource


class CutoffFeed:
    """A feed of windows that are forecast from several cutoffs."""

    def __init__(self, source: WindowSource, plan: CutoffPlan, device: torch.device) -> None:
        self._source, self._plan, self._device = source, plan, device

    def draw(self, size: int, random: RandomSource) -> list[WindowTensors]:
        parts = draw_cutoffs(self._source.draw(size, random), self._plan, random)
        return [to_tensors(part, self._device) for part in parts]


def to_tensors(part: WindowBatch, device: torch.device) -> WindowTensors:
    """Copy windows to a device; on the processor the tensors share the arrays' memory."""
    rows, cutoffs = len(part.values), len(part.cutoffs)
    counted = torch.ones(rows, cutoffs, dtype=torch.bool) if part.is_counted is None else part.is_counted
    values, season, second, is_counted = (
        torch.as_tensor(each).to(device, non_blocking=True)
        for each in (part.values, part.season, part.second_season, counted)
    )
    return WindowTensors(values, season, second, part.start, part.cutoffs, is_counted)
