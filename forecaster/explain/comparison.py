"""Several networks side by side: the gradient, the influences, the accuracy and the cost of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from forecaster.explain.explanation import Array, Attribution, Flow, Gradients, to_plain

_UNSEASONAL_LAGS = (4, 16)  # bounds of the groups of lags for data without a season


@dataclass(frozen=True)
class InfluenceShare:
    """The share of some inputs in everything that moves one forecast away from that of a flat window.

    Attributes:
        name: name of the inputs, such as `lags 2-12` or `calendar`.
        is_lags: True for values at past steps; False for covariates.
        share: the sum of the absolute contributions of these inputs, as a share of that of all inputs.
    """

    name: str
    is_lags: bool
    share: float


@dataclass(frozen=True)
class ComparedNetwork:
    """One of the networks of a comparison.

    Attributes:
        label: name of the network in tables and figures, unique in the comparison.
        bundle: folder of the bundle.
        model: name of the model.
        network: the network that is explained, as in `Explanation.network`.
        cell: kind of the cell, such as `gru`.
        directions: 1, or 2 if the network reads both ways.
        layers: recurrent layers in the stack.
        parameters: trained numbers of all networks of the bundle.
        seconds: seconds that all stages of the training took.
        holdout: metrics on the holdout by name; empty if the series are too short for one.
        gradients: the gradients of the loss through time.
        half_life: see `half_life_of`; of the whole state that is read forward.
        influences: the influences on the forecast of the window that all networks read.
    """

    label: str
    bundle: str
    model: str
    network: str
    cell: str
    directions: int
    layers: int
    parameters: int
    seconds: float
    holdout: Mapping[str, float | None]
    gradients: Gradients
    half_life: int | None
    influences: tuple[InfluenceShare, ...]


@dataclass(frozen=True)
class NetworkComparison:
    """The result of `forecast explain` for several bundles.

    Attributes:
        data: the data that all networks read.
        series, cutoff: id and cutoff of the window whose forecasts are explained.
        step: step of the horizon that is explained; None for the mean of all steps.
        horizon: steps that all networks forecast.
        baselines: metrics of the naive forecasts on the same holdout, by model and name.
        notes: sentences about differences between the networks that limit the comparison.
        networks: the networks in the order in which they were named.
    """

    data: str
    series: str
    cutoff: str
    step: int | None
    horizon: int
    baselines: Mapping[str, Mapping[str, float | None]]
    notes: tuple[str, ...]
    networks: tuple[ComparedNetwork, ...]

    def to_dict(self) -> dict[str, object]:
        """Convert the comparison for JSON, as `Explanation.to_dict` does."""
        document = to_plain(self)
        assert isinstance(document, dict)
        for network, values in zip(self.networks, document["networks"], strict=True):
            values["gradients"] |= {"memory": network.gradients.memory, "fate": network.gradients.fate}
        return {"schema_version": 1, **document}


def half_life_of(flow: Flow) -> int | None:
    """Return the smallest lag at which a gradient is at most half as large as at the newest state.

    Args:
        flow: the gradient of forward states.

    Returns: None if the gradient does not halve within the context.
    """
    halved = flow.norm <= flow.norm[0] / 2
    return flow.lags[int(np.argmax(halved))] if halved.any() else None


def share_influences(attribution: Attribution, season: int) -> tuple[InfluenceShare, ...]:
    """Return the share of each group of lags and of each covariate in a forecast.

    The groups of lags do not depend on the context, so that networks can be compared: the last step, the rest of its
    season, the season before, and older steps.

    Args:
        season: steps in a season, 1 for none.
    """
    bounds = (season, 2 * season) if season > 1 else _UNSEASONAL_LAGS
    sizes = np.abs(attribution.of_lags)
    groups = list(_group_lags(sizes, bounds))
    groups += [(name, False, abs(contribution)) for name, contribution in attribution.of_groups.items()]
    total = sum(size for _, _, size in groups)
    return tuple(InfluenceShare(name, is_lags, size / total if total else 0.0) for name, is_lags, size in groups)


def _group_lags(sizes: Array, bounds: tuple[int, int]) -> Iterable[tuple[str, bool, float]]:
    """Yield the name and the total of each group of lags, empty ones included."""
    near, far = bounds
    yield "lag 1", True, float(sizes[:1].sum())
    yield f"lags 2-{near}" if near > 2 else "lag 2", True, float(sizes[1:near].sum())
    yield f"lags {near + 1}-{far}", True, float(sizes[near:far].sum())
    yield f"lags from {far + 1}", True, float(sizes[far:].sum())
