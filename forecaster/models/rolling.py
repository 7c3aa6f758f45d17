"""Forecasts of any horizon by a network that was trained for one horizon, run by torch or onnxruntime."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from forecaster.batches.narrow import NarrowPanel
from forecaster.batches.window_spec import WindowSpec
from forecaster.batches.windows import Batch, Windows
from forecaster.config import Config
from forecaster.forecast import PROBABILITIES, Forecast
from forecaster.frequency import Ints
from forecaster.panel import Floats, Panel

_BATCH_ROWS = 1024
_EXPECTATIONS = ("expectation", "mean")


class Block(NamedTuple):
    """A network's output for some windows, in the data's units: `mean` [B, H] and `quantiles` [B, H, Q]."""

    mean: Floats
    quantiles: Floats


Forward = Callable[[Batch], Block]


@dataclass(frozen=True)
class Rolling:
    """The settings of a network that decide how its forecasts are rolled forward.

    Attributes:
        window_spec: context, horizon and known features that the network was trained with.
        season: steps in a season of the training data.
        series: names of the trained series, in the order of their numbers; empty if forecasts do not depend on them.
        count: the number that represents an unseen series.
        is_log: True if the network scales logarithms.
        is_recursive: True if the network forecasts as far as the known features reach, and so needs no blocks.
    """

    window_spec: WindowSpec
    season: int
    series: Sequence[str]
    count: int
    is_log: bool
    is_recursive: bool

    @classmethod
    def of(
        cls, config: Config, *, season: int, count: int, series: Sequence[str] = (), is_recursive: bool = False
    ) -> "Rolling":
        """Combine a resolved config with the sizes that the training data decided."""
        return cls(window_spec_of(config), season, series, count, config.scale.log or False, is_recursive)

    def predict(self, panel: Panel, horizon: int, forward: Forward) -> Block:
        """Forecast each series of a panel, [N, horizon]."""
        contexts = Windows.for_prediction(
            panel, replace(self.window_spec, horizon=max(horizon, self.window_spec.horizon))
        )
        numbers, last = self.numbers(panel), panel.last_values()
        mean = np.empty((len(panel), horizon), np.float32)
        quantiles = np.empty((len(panel), horizon, len(PROBABILITIES)), np.float32)
        for first in range(0, len(panel), _BATCH_ROWS):
            rows = np.arange(first, min(first + _BATCH_ROWS, len(panel)))
            batch = contexts.gather(rows)
            is_blank = np.isnan(batch.context).all(1)  # the context lies in a gap
            batch.context[is_blank, 0] = last[rows[is_blank]]
            block = self._roll(replace(batch, series=numbers[rows]), horizon, forward)
            mean[rows], quantiles[rows] = _replace_unreadable(batch.context, block) if self.is_log else block
        return Block(mean, quantiles)

    def numbers(self, panel: Panel) -> Ints:
        """Return the [N] numbers of a panel's series among the trained ones; `count` for an unseen one."""
        known = {name: number for number, name in enumerate(self.series)}
        return np.array([known.get(name, self.count) for name in panel.ids], np.int64)

    def _roll(self, batch: Batch, horizon: int, forward: Forward) -> Block:
        """Forecast any horizon block by block; the means of a block are part of the context of the next.

        The error at the end of a block carries into all later ones, so the distances of their quantiles from the
        mean grow in quadrature, as for a sum of independent errors.
        """
        context, trained, known = self.window_spec.context, self.window_spec.horizon, batch.known
        if self.is_recursive:
            return forward(replace(batch, known=known[:, : context + horizon]))
        blocks: list[Block] = []
        for begin in range(0, horizon, trained):
            if blocks:
                nothing = np.full((len(batch.past), trained, batch.past.shape[2]), np.nan, np.float32)
                batch = replace(
                    batch,
                    context=np.concatenate([batch.context, blocks[-1].mean], axis=1)[:, -context:],
                    past=np.concatenate([batch.past, nothing], axis=1)[:, -context:],
                    phase=(batch.phase + trained) % self.season,
                )
            block = forward(replace(batch, known=_steps(known, begin, begin + context + trained)))
            blocks.append(widen(block, blocks[-1]) if blocks else block)
        return Block(*(np.concatenate(parts, axis=1)[:, :horizon] for parts in zip(*blocks, strict=True)))


def make_forecast(panel: Panel, narrowed: NarrowPanel, block: Block, config: Config, point: str) -> Forecast:
    """Return the forecast of a panel by the output of a network, with the expectation as its mean.

    Args:
        narrowed: the panel as the network read it.
        config: of the network.
        point: the meaning of the block's mean, see `network.heads.head.Head`. If it is no expectation, as on a scale of
            logarithms, the quantiles give one.
    """
    mean, quantiles = (narrowed.restore(each) for each in block)
    is_expectation = point in _EXPECTATIONS and not config.scale.log
    return Forecast.of(panel, quantiles, model=config.name, mean=mean if is_expectation else None)


def window_spec_of(config: Config) -> WindowSpec:
    """Return the content of the windows that a network reads, by its resolved config."""
    context = getattr(config.model, "context", None) or 1
    data = config.data
    return WindowSpec(context, data.resolved_horizon, calendar=data.calendar or False, holidays=data.holidays)


def _replace_unreadable(context: Floats, block: Block) -> Block:
    """Repeat the last value of windows without a positive value: a log-scaled network cannot read them."""
    is_readable = np.any(context > 0, axis=1)
    last = _last_known(context)[:, None]
    mean, quantiles = block
    return Block(
        np.where(is_readable[:, None], mean, last), np.where(is_readable[:, None, None], quantiles, last[..., None])
    )


def _last_known(context: Floats) -> Floats:
    """Return the [B] last known values of [B, L]."""
    steps = np.where(np.isnan(context), -1, np.arange(context.shape[1]))
    last: Floats = np.take_along_axis(context, steps.argmax(1)[:, None], axis=1)[:, 0]
    return last


def _steps(known: Floats, begin: int, end: int) -> Floats:
    """Return steps `begin` .. `end` of [B, T, K]; NaN beyond T."""
    missing = max(end - known.shape[1], 0)
    if missing:
        beyond = np.full((len(known), missing, known.shape[2]), np.nan, np.float32)
        known = np.concatenate([known, beyond], axis=1)
    return known[:, begin:end]


def widen(block: Block, before: Block) -> Block:
    """Add the uncertainty at the end of the block before to the quantiles of a block."""
    centre, end = block.mean[..., None], before.mean[:, -1:, None]
    distance, carried = block.quantiles - centre, before.quantiles[:, -1:] - end  # [B, H, Q], [B, 1, Q]
    return Block(block.mean, centre + np.sign(distance + carried) * np.hypot(distance, carried))
