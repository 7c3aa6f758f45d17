"""Why this forecast: integrated gradients on what the network reads."""

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

_POINTS = (64, 128, 256, 512)  # of the quadrature, more where fewer are not exact enough
_EXACT = 1e-3  # of what is attributed in all
_ROWS = 64  # points at once


Parts = tuple[Tensor, Tensor, Tensor, Tensor]
"""Scaled values [L], past [L, P], known [L + H, K] and static [S'] of one window."""


def attribute(
    network: Network, batch: Inputs, names: CovariateNames, *, series: str, cutoff: str, step: int | None = None
) -> Attribution:
    """Explain one forecast as the sum of what each input adds.

    From a flat window to the real one the inputs go in a straight line, and the gradient of the point forecast is
    integrated along it. Flat is 0 after scaling: every observed step at the window's own level (its last value or its
    mean, by the scale), every covariate at its mean in training, a learnt identity that of a series never seen. The
    level and size of the window are taken as given: what the window is measured from is part of the baseline.

    Args:
        batch: one window.
        step: of the horizon, from 1; None for the mean of all. A recursive network forecasts its first segment without
            drawing; steps beyond have no gradient.

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
    added: list[Tensor] = []
    error, points = 0.0, 0
    for points in _POINTS:
        added = [
            (a - b) * g
            for a, b, g in zip(real, flat, _mean_gradient(network, scaled, real, flat, step, points), strict=True)
        ]
        error = forecast - baseline - sum(float(each.sum()) for each in added)
        if abs(error) <= _EXACT * abs(forecast - baseline):
            break
    values, past, known, static = (each.numpy() for each in added)
    groups: dict[str, float] = {}
    for each, own in ((past.sum(0), names.past), (known.sum(0), names.known), (static, names.static)):
        for name, value in zip(own, each, strict=True):
            groups[name] = groups.get(name, 0.0) + float(value)
    lags = list(range(1, len(values) + 1))
    counted = 1 if step else steps
    return Attribution(
        series, cutoff, step, counted, forecast, baseline, level, lags, values[::-1].copy(), groups, error, points
    )


def _ends(network: Network, batch: Inputs) -> tuple[Scaled, Parts, Parts]:
    """The window's scaling, and its inputs: as they are, and flat."""
    scaled, covariates = network.scale_windows(batch), network.covariates(batch)
    real = scaled.values[0], covariates.past[0], covariates.known[0], covariates.static[0]
    nameless = torch.zeros_like(covariates.static)
    identity = network.covariates.identity
    if identity is not None:
        nameless[:, -identity.features :] = identity(torch.full_like(batch.series, identity.unseen))
    flat = *(torch.zeros_like(part) for part in real[:3]), nameless[0]
    return scaled, real, flat  # type: ignore[return-value]


def _forecast(network: Network, scaled: Scaled, inputs: Parts, step: int | None) -> Tensor:
    """[R] the point forecast in data units from R versions of the inputs."""
    values, past, known, static = inputs
    own = replace(scaled.take(torch.zeros(len(values), dtype=torch.long)), values=values)
    mean = network.head.mean(network.decode_ahead(own, Standardised(past, known, static)), own)  # [R, H]
    return mean.mean(1) if step is None else mean[:, step - 1]


def _mean_gradient(
    network: Network, scaled: Scaled, real: Parts, flat: Parts, step: int | None, points: int
) -> list[Tensor]:
    """The mean of the forecast's gradient along the straight line from `flat` to `real`, of each input."""
    places, weights = np.polynomial.legendre.leggauss(points)
    total = [torch.zeros_like(part) for part in real]
    for begin in range(0, points, _ROWS):
        some = slice(begin, begin + _ROWS)
        at, weight = torch.from_numpy((places[some] + 1) / 2), torch.from_numpy(weights[some] / 2)
        inputs = [
            torch.lerp(b, a, at.view(-1, *[1] * a.dim())).requires_grad_() for a, b in zip(real, flat, strict=True)
        ]
        forecast = _forecast(network, scaled, tuple(inputs), step)  # type: ignore[arg-type]
        gradients = torch.autograd.grad((forecast * weight).sum(), inputs, allow_unused=True)
        for place, gradient in enumerate(gradients):
            if gradient is not None:
                total[place] += gradient.sum(0)
    return total


def _double(batch: Inputs) -> Inputs:
    parts = {each.name: getattr(batch, each.name) for each in fields(batch)}
    return replace(batch, **{name: part.double() for name, part in parts.items() if part.is_floating_point()})
