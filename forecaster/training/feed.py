"""Batches of windows where the network lies."""

from dataclasses import fields
from typing import Protocol

import torch
from torch import Tensor

from forecaster.batches.windows import Batch, RandomSource, Windows
from forecaster.frequency import Ints
from forecaster.network.inputs import Inputs


class WindowSource(Protocol):
    """Where windows are drawn from."""

    def draw(self, size: int, random: RandomSource) -> Batch:
        """Take `size` windows at random."""


class BatchFeed(Protocol):
    """Draws windows, on the network's device."""

    def draw(self, size: int, random: RandomSource) -> Inputs:
        """Take `size` windows at random."""


def make_feed(source: WindowSource, device: torch.device) -> BatchFeed:
    """The fastest way from windows to a device: on the processor numpy's gather, elsewhere one that runs there."""
    if device.type != "cpu" and isinstance(source, Windows):
        return DeviceFeed(source, device)
    return HostFeed(source, device)


class HostFeed:
    """Gathered by numpy; on the processor the tensors share the arrays' memory, to any other device they are copied."""

    def __init__(self, source: WindowSource, device: torch.device) -> None:
        self._source, self._device = source, device

    def draw(self, size: int, random: RandomSource) -> Inputs:
        return Inputs.of(self._source.draw(size, random), self._device)


class DeviceFeed:
    """Gathered on the device, where the whole panel lies: only the numbers of the windows travel there.

    They are drawn as on the processor, so a seed means the same windows on every device.
    """

    def __init__(self, windows: Windows, device: torch.device) -> None:
        self._windows, self._device = windows, device
        tables = windows.tables
        self._tables = {each.name: torch.tensor(getattr(tables, each.name), device=device) for each in fields(tables)}
        self._span = torch.tensor(windows.span, device=device)

    def draw(self, size: int, random: RandomSource) -> Inputs:
        return self.gather(self._windows.pick(size, random))

    def gather(self, numbers: Ints) -> Inputs:
        """Gather windows by number [B], as `Windows.gather` does."""
        of, length = self._tables, self._windows.context
        number = torch.from_numpy(numbers).to(self._device, non_blocking=True)
        series = torch.searchsorted(of["bounds"], number, right=True)
        before = of["bounds"][series - 1].where(series > 0, 0)
        cut, begin = of["first"][series] + number - before, of["begin"][series]
        position = cut[:, None] + self._span  # [B, L + H]
        is_before = position < begin[:, None]
        outside = is_before | (position >= of["end"][series][:, None])
        rows = _gather(of["target"][:, None], position, outside)[..., 0]
        beyond = is_before | (position >= of["stop"][series][:, None])
        known = _gather(of["known"], position, beyond)
        if len(of["almanac"]):
            steps = of["row"][series][:, None] + position - begin[:, None]
            known = torch.cat((of["almanac"][steps], known), dim=2)
        return Inputs(
            context=rows[:, :length],
            target=rows[:, length:],
            past=_gather(of["past"], position[:, :length], outside[:, :length]),
            known=known,
            static=of["static"][series],
            series=series,
            phase=(of["phase"][series] + cut - begin) % self._windows.season,
            spread=of["spread"][series],
            centre=of["centre"][series],
        )


def _gather(columns: Tensor, position: Tensor, outside: Tensor) -> Tensor:
    """[B, W, C] rows of `columns` [T, C] at positions [B, W], NaN where outside."""
    rows: Tensor = columns[position.clamp(0, len(columns) - 1)]
    return rows.masked_fill(outside[:, :, None], torch.nan)
