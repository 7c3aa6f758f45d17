"""A network that forecasts: scale -> embed -> recur -> decode -> head."""

from typing import assert_never

import torch
from torch import Tensor, nn

from forecaster.config import Config, GruConfig, LstmConfig, NetworkConfig, NetworkModel, RnnConfig
from forecaster.errors import ConfigError
from forecaster.network.decode import Direct
from forecaster.network.embed import Segments
from forecaster.network.heads import Quantile
from forecaster.network.recurrent.gru import Gru
from forecaster.network.recurrent.layer import Layer
from forecaster.network.recurrent.lstm import Lstm
from forecaster.network.recurrent.rnn import Rnn
from forecaster.network.recurrent.stack import Stack
from forecaster.network.scale import Scale, Scaled


class Network(nn.Module):
    """The five parts in a row.

    Args:
        dropout: share of the summary's values that is left out in training.
        truncate: recurrence steps (segments) that gradients go back in training; None for all.
    """

    def __init__(
        self,
        *,
        scale: Scale,
        embed: Segments,
        recur: Stack,
        decode: Direct,
        head: Quantile,
        dropout: float = 0.0,
        truncate: int | None = None,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.embed = embed
        self.recur = recur
        self.dropout = nn.Dropout(dropout)
        self.decode = decode
        self.head = head
        self.truncate = truncate

    def forward(self, context: Tensor, spread: Tensor) -> Tensor:
        """Forecast what follows each context.

        Args:
            context: [B, L] data units; NaN where missing, and before a series that is shorter than L.
            spread: [B] data units; standard deviation of each series over its history.

        Returns: [B, H, Q] quantiles in data units, finite and nowhere decreasing along Q.
        """
        scaled: Scaled = self.scale(context, spread)
        quantiles: Tensor = self.head(self._raw(scaled))
        return scaled.inverse(quantiles)

    def loss(self, context: Tensor, spread: Tensor, target: Tensor) -> Tensor:
        """Give the head's loss in scaled units, a scalar, so that every series weighs the same.

        Args:
            context, spread: as in `forward`.
            target: [B, H] data units; NaN where unknown.
        """
        scaled: Scaled = self.scale(context, spread)
        return self.head.loss(self._raw(scaled), scaled.forward(target))

    def _raw(self, scaled: Scaled) -> Tensor:
        inputs = torch.stack((scaled.values, scaled.mask), dim=2)  # [B, L, 2]
        segments: Tensor = self.embed(inputs)  # [B, S, E]
        summary = self.recur.summarise(segments, truncate=self.truncate if self.training else None)  # [B, D]
        raw: Tensor = self.decode(self.dropout(summary))  # [B, H, Q]
        return raw


def build(config: Config, *, context: int, horizon: int, width: int, probabilities: tuple[float, ...]) -> Network:
    """Put together the network that a config describes, its weights drawn from torch's generator.

    Args:
        config: `model` must be a recurrent network.
        context: past steps it reads, L.
        horizon: steps it forecasts, H.
        width: steps in a segment.
        probabilities: of the quantiles, rising, 0.5 among them.

    Raises: ConfigError: a segment is longer than the context.
    """
    model = config.model
    if not isinstance(model, NetworkModel):
        raise TypeError(f"{model.kind} is no network")
    if width > context:
        raise ConfigError(
            f"embed.width: a segment of {width} steps is longer than the context of {context}",
            hint=f"pass --set embed.width={context} or less, or a longer model.context",
        )
    embed = Segments(width, model.hidden)
    recur = _stack(model, embed.features)
    head = Quantile(probabilities)
    return Network(
        scale=Scale(config.scale.kind),
        embed=embed,
        recur=recur,
        decode=Direct(recur.features, horizon, head.outputs),
        head=head,
        dropout=model.dropout,
        truncate=config.training.truncate,
    )


def _stack(model: NetworkConfig, inputs: int) -> Stack:
    layers: list[Layer] = []
    for _ in range(model.layers):
        layers.append(_layer(model, inputs))
        inputs = layers[-1].features
    return Stack(layers, dropout=model.dropout)


def _layer(model: NetworkConfig, inputs: int) -> Layer:
    match model:
        case RnnConfig(hidden=hidden, activation=activation, bidirectional=both):
            return Rnn(inputs, hidden, activation=activation, bidirectional=both)
        case LstmConfig(hidden=hidden, bidirectional=both):
            return Lstm(inputs, hidden, bidirectional=both)
        case GruConfig(hidden=hidden, bidirectional=both):
            return Gru(inputs, hidden, bidirectional=both)
        case _:
            assert_never(model)
