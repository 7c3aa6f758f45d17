"""The network that a configuration describes."""

from dataclasses import dataclass
from importlib import import_module
from typing import assert_never

from forecaster.config import Config, NetworkModel
from forecaster.config.network import (
    DecodeConfig,
    HeadConfig,
    NegativeBinomialConfig,
    PointConfig,
    QuantileConfig,
    StudentTConfig,
)
from forecaster.errors import ConfigError
from forecaster.model_table import CELLS
from forecaster.network.covariates import Covariates, Identity
from forecaster.network.decode import DecoderShape, Direct, Parallel
from forecaster.network.embed import Segments
from forecaster.network.heads.head import Head
from forecaster.network.heads.negative_binomial import NegativeBinomial
from forecaster.network.heads.point import Point
from forecaster.network.heads.quantile import Quantile
from forecaster.network.heads.student_t import StudentT
from forecaster.network.network import Network, NetworkParts
from forecaster.network.recurrent.layer import Layer
from forecaster.network.recurrent.stack import Stack
from forecaster.network.recursive import Recursive, RecursiveNetwork
from forecaster.network.scale import Scale
from forecaster.network.skip import SeasonalSkip


@dataclass(frozen=True)
class Dimensions:
    """The sizes of a network that the data determines.

    Attributes:
        horizon: number of steps to forecast, H.
        season: steps in a season, m.
        series: number of series to train on, N.
        past, known, static: numbers of covariates of each kind, P, K and S.
    """

    horizon: int
    season: int = 1
    series: int = 1
    past: int = 0
    known: int = 0
    static: int = 0


def build(config: Config, dimensions: Dimensions, *, probabilities: tuple[float, ...]) -> Network:
    """Build the network that a resolved config describes, with weights from torch's default generator.

    Args:
        config: a config in which `model` is a recurrent network, and `model.context`, `embed.width`, `decode.skip` and
            `scale.kind` are set.
        dimensions: the sizes that the data determines.
        probabilities: probabilities of the quantiles, rising, 0.5 among them.

    Raises: ConfigError: two settings do not fit each other.
    """
    model = config.model
    if not isinstance(model, NetworkModel):
        raise TypeError(f"{model.kind} is not a network")
    context, width = model.context or 1, config.embed.width or 1
    if width > context:
        raise ConfigError(
            f"embed.width: a segment of {width} steps is longer than the context of {context}",
            hint=f"pass --set embed.width={context} or less, or a longer model.context",
        )
    if config.scale.kind == "auto":
        raise TypeError("scale.kind must be resolved before the network is built")
    size = dimensions
    identity = Identity(size.series, config.embed.identity) if config.embed.identity else None
    covariates = Covariates(past=size.past, known=size.known, static=size.static, identity=identity)
    is_recursive = config.decode.kind == "recursive"
    lags = (config.decode.lags or ()) if is_recursive else ()
    if any(lag < width for lag in lags):
        raise ConfigError(
            f"decode.lags: {min(lags)} steps back are part of the segment of {width} that is forecast",
            hint=f"pass lags of {width} or more, or --set embed.width={min(lags)}",
        )
    channels = 2 + covariates.channels + len(lags)
    embed = Segments(width, model.hidden, channels=channels, static=covariates.features)
    recur = _stack(model, embed.features)
    head = _head(config.head, size.horizon, probabilities)
    shape = DecoderShape(
        inputs=embed.features,
        features=recur.features,
        width=embed.width,
        horizon=size.horizon,
        outputs=head.outputs,
        known=size.known,
        static=covariates.features,
    )
    decode = _decoder(config.decode, shape, probabilities=probabilities, dropout=model.dropout)
    seasons = tuple(lag for lag in config.decode.skip or () if lag <= context)
    is_skipping = seasons and not is_recursive and head.has_location
    parts = NetworkParts(
        scale=Scale(config.scale.kind, is_log=config.scale.log or False, season=size.season, series=size.series),
        covariates=covariates,
        embed=embed,
        recur=recur,
        decode=decode,
        head=head,
        skip=SeasonalSkip(seasons, recur.features, size.horizon) if is_skipping else None,
    )
    kind = RecursiveNetwork if is_recursive else Network
    return kind(parts, truncate=config.training.truncate, weigh=config.training.weigh)


def _decoder(
    decode: DecodeConfig, shape: DecoderShape, *, probabilities: tuple[float, ...], dropout: float
) -> Direct | Parallel | Recursive:
    match decode.kind:
        case "direct":
            return Direct(shape, dropout=dropout)
        case "parallel":
            return Parallel(shape, dropout=dropout)
        case "recursive":
            lags = decode.lags or ()
            return Recursive(shape, lags=lags, paths=decode.paths, probabilities=probabilities, dropout=dropout)
    assert_never(decode.kind)


def _head(head: HeadConfig, horizon: int, probabilities: tuple[float, ...]) -> Head:
    match head:
        case PointConfig(loss=loss, delta=delta):
            return Point(loss, horizon=horizon, probabilities=probabilities, delta=delta)
        case QuantileConfig():
            return Quantile(probabilities)
        case StudentTConfig():
            return StudentT(probabilities)
        case NegativeBinomialConfig():
            return NegativeBinomial(probabilities)
        case _:
            assert_never(head)


def _stack(model: NetworkModel, inputs: int) -> Stack:
    layers: list[Layer] = []
    for _ in range(model.layers):
        layers.append(_layer(model, inputs))
        inputs = layers[-1].features
    return Stack(
        layers,
        dropout=model.dropout,
        residual=model.residual,
        normalise=model.normalise,
        dilation=model.dilation,
    )


def _layer(model: NetworkModel, inputs: int) -> Layer:
    module, _, name = CELLS[model.kind].partition(":")
    layer: type[Layer] = getattr(import_module(f"forecaster.network.recurrent.{module}"), name)
    return layer(inputs, model.hidden, bidirectional=model.bidirectional, **model.cell_settings)
