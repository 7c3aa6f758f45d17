"""Batches of windows on the device of the network."""

from dataclasses import fields
from typing import Any, Protocol

import torch
from torch import Tensor

from forecaster.batches.windows import Batch, RandomSource, Windows
from forecaster.frequency import Ints
from forecaster.network.inputs import Inputs


class WindowSource(Protocol):
    """A source of windows, as arrays in main memory."""

    def draw(self, size: int, random: RandomSource) -> Batch:
        """Draw `size` windows at random."""


class BatchFeed(Protocol):
    """A source of windows, as tensors on the network's device, in the form that the network's loss reads."""

    def draw(self, size: int, random: RandomSource) -> Any:
        """Draw `size` windows at random."""


def make_feed(source: WindowSource, device: torch.device) -> BatchFeed:
    """Return the fastest feed to a device.

    That is numpy's gather on the processor, and elsewhere a gather on the device if the windows allow it.
    """
    if device.type != "cpu" and isinstance(source, Windows):
        return DeviceFeed(source, device)
    return HostFeed(source, device)


class HostFeed:
    """A feed that gathers with numpy.

    On the processor the tensors share the arrays' memory; to any other device they are copied.
    """

    def __init__(self, source: WindowSource, device: torch.device) -> None:
        self._source, self._device = source, device

    def draw(self, size: int, random: RandomSource) -> Inputs:
        return Inputs.of(self._source.draw(size, random), self._device)


class DeviceFeed:
    """A feed that gathers on the device, which stores the whole panel: only the numbers of windows are copied to it.

    These numbers are drawn on the processor, so a seed means the same windows on every device.
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
        tables, length = self._tables, self._windows.context
        number = torch.from_numpy(numbers).to(self._device, non_blocking=True)
        series = torch.searchsorted(tables["bounds"], number, right=True)
        before = tables["bounds"][series - 1].where(series > 0, 0)
        cut, begin = tables["first"][series] + number - before, tables["begin"][series]
        position = cut[:, None] + self._span  # [B, L + H]
        is_before = position < begin[:, None]
        outside = is_before | (position >= tables["end"][series][:, None])
        rows = _gather(tables["target"][:, None], position, outside)[..., 0]
        beyond = is_before | (position >= tables["stop"][series][:, None])
        known = _gather(tables["known"], position, beyond)
        if len(tables["features"]):
            steps = tables["feature_row"][series][:, None] + position - begin[:, None]
            known = torch.cat((tables["features"][steps], known), dim=2)
        return Inputs(
            context=rows[:, :length],
            target=rows[:, length:],
            past=_gather(tables["past"], position[:, :length], outside[:, :length]),
            known=known,
            static=tables["static"][series],
            series=series,
            phase=(tables["phase"][series] + cut - begin) % self._windows.season,
            spread=tables["spread"][series],
            centre=tables["centre"][series],
        )


def _gather(columns: Tensor, position: Tensor, outside: Tensor) -> Tensor:
    """Gather [B, W, C] from `columns` [T, C] at positions [B, W], with NaN where `outside`."""
    rows: Tensor = columns[position.clamp(0, len(columns) - 1)]
    return rows.masked_fill(outside[:, :, None], torch.nan)
