"""Whatever can be named in `model.kind`, and the sizes that follow from the data."""

from typing import assert_never

import numpy as np

from forecaster.config import Config, EmbedConfig, GruConfig, LstmConfig, NaiveConfig, RnnConfig, SeasonalNaiveConfig
from forecaster.forecast import Forecaster
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Panel

_SEGMENTS = 16  # a context is cut into at most about so many segments, unless it is short anyway
_SHORT_CONTEXT = 64


def build(config: Config) -> Forecaster:
    """Make the forecaster that a resolved config names."""
    match config.model:
        case RnnConfig() | LstmConfig() | GruConfig():
            from forecaster.models.neural import NeuralForecaster

            return NeuralForecaster(config)
        case NaiveConfig():
            return Naive()
        case SeasonalNaiveConfig():
            return SeasonalNaive()
    assert_never(config.model)


def resolve(config: Config, panel: Panel) -> Config:
    """Fill in the context and the segment width that were left to the data; `data.horizon` must be set.

    A season of several steps wants some seasons of context, a long horizon a few horizons; series that are all
    short cannot give more than they have. A long context is read in segments that divide the season.
    """
    if isinstance(config.model, NaiveConfig | SeasonalNaiveConfig):
        return config
    horizon, season = config.data.horizon or 1, panel.season
    width = config.embed.width
    context = config.model.context
    if context is None:
        seasons = 14 if season >= 24 else 4
        available = int(np.quantile(panel.lengths, 0.9)) - horizon
        context = max(1, min(max(seasons * season, 3 * horizon, 16), available))
    if width is None:
        width = 1 if context <= _SHORT_CONTEXT else _dividing(season, at_least=context / _SEGMENTS)
    context = -(-context // width) * width  # whole segments
    return config.model_copy(
        update={"model": config.model.model_copy(update={"context": context}), "embed": EmbedConfig(width=width)}
    )


def _dividing(season: int, *, at_least: float) -> int:
    """The smallest divisor of the season that is large enough, else the smallest such multiple or number."""
    divisors = [width for width in range(1, season + 1) if season % width == 0 and width >= at_least]
    if divisors:
        return divisors[0]
    return -(-int(at_least) // season) * season if season > 1 else int(np.ceil(at_least))
