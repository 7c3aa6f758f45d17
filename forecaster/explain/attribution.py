"""Attribution of one forecast to its inputs by integrated gradients."""

import copy
from dataclasses import fields, replace

import numpy as np
import torch
from torch import Tensor

from forecaster.explain.explanation import Attribution, CovariateNames
from forecaster.network.covariates import Standardised
from forecaster.network.inputs import Inputs
from forecaster.network.network import Network
from forecaster.network.scale import Scaled

_QUADRATURE_POINTS = (64, 128, 256, 512)  # tried in this order until the error is small enough
_MAX_RELATIVE_ERROR = 1e-3  # error of the integration, as a share of the sum of all contributions
_POINTS_PER_BATCH = 64


Parts = tuple[Tensor, Tensor, Tensor, Tensor]
"""Scaled values [L], past [L, P], known [L + H, K] and static [S'] of one window."""


def attribute(
    network: Network, batch: Inputs, names: CovariateNames, *, series: str, cutoff: str, step: int | None = None
) -> Attribution:
    """Explain one forecast as a sum of contributions, one of each input.

    The gradient of the median forecast is integrated along the straight line from a flat window to the real one. The
    flat window is 0 after scaling: every observed step is at the window's own level (its last value or its mean,
    depending on the scale), every covariate is at its mean in training, and a learnt identity is that of an unseen
    series. The level and size of the window are not attributed: they are part of the baseline.

    Args:
        network: a trained network; it is not changed.
        batch: one window.
        names: names of the covariates in the batch.
        series, cutoff: id and cutoff of the window.
        step: step of the horizon, from 1; None for the mean of all. Only the first segment of a recursive network can
            be attributed: later steps depend on random draws and have no gradient.

    Source: Sundararajan, Taly & Yan 2017, "Axiomatic attribution for deep networks", arXiv:1703.01365, eq. 1 and
    proposition 1 (completeness); the integral by Gauss and Legendre's rule.
    """
    network, batch = copy.deepcopy(network).double().eval(), _double(batch)
    with torch.no_grad():
        scaled, real, flat = _ends(network, batch)
        forecast, baseline = (
            _forecast(network, scaled, tuple(part[None] for part in each), step)[0].item()  # type: ignore[arg-type]
            for each in (real, flat)
        )
        levels = scaled.inverse(torch.zeros_like(batch.target))
        level = float(levels.mean() if step is None else levels[0, step - 1])
        steps = network.decode_ahead(scaled, network.covariates(batch)).shape[1]
    contributions: list[Tensor] = []
    error, points = 0.0, 0
    for points in _QUADRATURE_POINTS:
        contributions = [
            (a - b) * g
            for a, b, g in zip(real, flat, _mean_gradient(network, scaled, real, flat, step, points), strict=True)
        ]
        error = forecast - baseline - sum(float(each.sum()) for each in contributions)
        if abs(error) <= _MAX_RELATIVE_ERROR * abs(forecast - baseline):
            break
    values, past, known, static = (each.numpy() for each in contributions)
    groups: dict[str, float] = {}
    named = (*zip(names.past, past.sum(0), strict=True), *zip(names.known, known.sum(0), strict=True))
    for name, value in (*named, *zip(names.static, static, strict=True)):
        groups[name] = groups.get(name, 0.0) + float(value)
    return Attribution(
        series=series,
        cutoff=cutoff,
        step=step,
        steps=1 if step else steps,
        forecast=forecast,
        baseline=baseline,
        level=level,
        lags=list(range(1, len(values) + 1)),
        of_lags=values[::-1].copy(),
        of_groups=groups,
        error=error,
        points=points,
    )


def _ends(network: Network, batch: Inputs) -> tuple[Scaled, Parts, Parts]:
    """Return the scaled window, its inputs, and the inputs of the flat window."""
    scaled, covariates = network.scale_windows(batch), network.covariates(batch)
    real = scaled.values[0], covariates.past[0], covariates.known[0], covariates.static[0]
    unseen = torch.zeros_like(covariates.static)
    identity = network.covariates.identity
    if identity is not None:
        unseen[:, -identity.features :] = identity(torch.full_like(batch.series, identity.unseen))
    flat = *(torch.zeros_like(part) for part in real[:3]), unseen[0]
    return scaled, real, flat  # type: ignore[return-value]


def _forecast(network: Network, scaled: Scaled, inputs: Parts, step: int | None) -> Tensor:
    """Compute the point forecasts [R] in data units from R versions of the inputs of one window."""
    values, past, known, static = inputs
    rows = replace(scaled.take(torch.zeros(len(values), dtype=torch.long)), values=values)
    mean = network.head.mean(network.decode_ahead(rows, Standardised(past, known, static)), rows)  # [R, H]
    return mean.mean(1) if step is None else mean[:, step - 1]


def _mean_gradient(
    network: Network, scaled: Scaled, real: Parts, flat: Parts, step: int | None, points: int
) -> list[Tensor]:
    """Average the forecast's gradient by each input along the straight line from `flat` to `real`."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    total = [torch.zeros_like(part) for part in real]
    for begin in range(0, points, _POINTS_PER_BATCH):
        part = slice(begin, begin + _POINTS_PER_BATCH)
        position, weight = torch.from_numpy((nodes[part] + 1) / 2), torch.from_numpy(weights[part] / 2)
        inputs = [
            torch.lerp(b, a, position.view(-1, *[1] * a.dim())).requires_grad_()
            for a, b in zip(real, flat, strict=True)
        ]
        forecast = _forecast(network, scaled, tuple(inputs), step)  # type: ignore[arg-type]
        gradients = torch.autograd.grad((forecast * weight).sum(), inputs, allow_unused=True)
        for index, gradient in enumerate(gradients):
            if gradient is not None:
                total[index] += gradient.sum(0)
    return total


def _double(batch: Inputs) -> Inputs:
    parts = {each.name: getattr(batch, each.name) for each in fields(batch)}
    return replace(batch, **{name: part.double() for name, part in parts.items() if part.is_floating_point()})
