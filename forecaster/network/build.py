"""The network that a configuration describes."""

from dataclasses import dataclass
from importlib import import_module
from typing import assert_never

from forecaster.config import (
    Config,
    HeadConfig,
    NegativeBinomialConfig,
    NetworkModel,
    PointConfig,
    QuantileConfig,
    StudentTConfig,
)
from forecaster.errors import ConfigError
from forecaster.model_table import CELLS
from forecaster.network.covariates import Covariates, Identity
from forecaster.network.decode import Direct, Parallel
from forecaster.network.embed import Segments
from forecaster.network.heads.head import Head
from forecaster.network.heads.negative_binomial import NegativeBinomial
from forecaster.network.heads.point import Point
from forecaster.network.heads.quantile import Quantile
from forecaster.network.heads.student_t import StudentT
from forecaster.network.network import Network
from forecaster.network.recurrent.layer import Layer
from forecaster.network.recurrent.stack import Stack
from forecaster.network.recursive import Recursive, RecursiveNetwork
from forecaster.network.scale import Scale
from forecaster.network.skip import SeasonalSkip


@dataclass(frozen=True)
class Dimensions:
    """What the data decides of a network's shape.

    Attributes:
        horizon: steps it forecasts, H.
        season: steps in a season, m.
        series: series it is trained on, N.
        past, known, static: covariates of each kind, P, K and S.
    """

    horizon: int
    season: int = 1
    series: int = 1
    past: int = 0
    known: int = 0
    static: int = 0


def build(config: Config, dimensions: Dimensions, *, probabilities: tuple[float, ...]) -> Network:
    """Put together the network that a resolved config describes, its weights drawn from torch's generator.

    Args:
        config: `model` is a recurrent network; `model.context`, `embed.width` and `decode.skip` are set.
        probabilities: of the quantiles, rising, 0.5 among them.

    Raises: ConfigError: parts that do not fit each other.
    """
    model = config.model
    if not isinstance(model, NetworkModel):
        raise TypeError(f"{model.kind} is no network")
    context, width = model.context or 1, config.embed.width or 1
    if width > context:
        raise ConfigError(
            f"embed.width: a segment of {width} steps is longer than the context of {context}",
            hint=f"pass --set embed.width={context} or less, or a longer model.context",
        )
    if config.scale.kind == "auto":
        raise TypeError("the scale was not chosen")
    size = dimensions
    identity = Identity(size.series, config.embed.identity) if config.embed.identity else None
    covariates = Covariates(past=size.past, known=size.known, static=size.static, identity=identity)
    is_recursive = config.decode.kind == "recursive"
    lags = (config.decode.lags or ()) if is_recursive else ()
    if any(lag < width for lag in lags):
        raise ConfigError(
            f"decode.lags: {min(lags)} steps back lie within the segment of {width} that is to come",
            hint=f"pass lags of {width} or more, or --set embed.width={min(lags)}",
        )
    channels = 2 + covariates.channels + len(lags)
    embed = Segments(width, model.hidden, channels=channels, static=covariates.features)
    recur = _stack(model, embed.features)
    head = _head(config.head, size.horizon, probabilities)
    decode = _decoder(config, size, embed, recur, head, covariates, probabilities)
    seasons = tuple(lag for lag in config.decode.skip or () if lag <= context)
    is_skipping = seasons and not is_recursive and head.has_location
    return (RecursiveNetwork if is_recursive else Network)(
        scale=Scale(config.scale.kind, is_log=config.scale.log or False, season=size.season, series=size.series),
        covariates=covariates,
        embed=embed,
        recur=recur,
        decode=decode,
        head=head,
        skip=SeasonalSkip(seasons, recur.features, size.horizon) if is_skipping else None,
        truncate=config.training.truncate,
        weigh=config.training.weigh,
    )


def _decoder(
    config: Config,
    size: Dimensions,
    embed: Segments,
    recur: Stack,
    head: Head,
    covariates: Covariates,
    probabilities: tuple[float, ...],
) -> Direct | Parallel | Recursive:
    dropout = getattr(config.model, "dropout", 0.0)
    match config.decode.kind:
        case "direct":
            return Direct(recur.features, size.horizon, head.outputs, known=size.known, dropout=dropout)
        case "parallel":
            return Parallel(
                inputs=embed.features,
                features=recur.features,
                width=embed.width,
                horizon=size.horizon,
                outputs=head.outputs,
                known=size.known,
                static=covariates.features,
                dropout=dropout,
            )
        case "recursive":
            return Recursive(
                recur.features,
                embed.width,
                head.outputs,
                lags=config.decode.lags or (),
                paths=config.decode.paths,
                probabilities=probabilities,
                dropout=dropout,
            )
    assert_never(config.decode.kind)


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
