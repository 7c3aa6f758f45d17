"""Scaling of each window to a common location and size, and its exact inverse."""

import math
from dataclasses import dataclass, replace
from typing import TypeVar, assert_never

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecaster.config import ScaleKind

MIN_RELATIVE_SCALE = 0.01  # smallest scale of a window, as a share of the deviation of its series
MIN_GAMMA = 0.1

Value = TypeVar("Value", Tensor, int)


@dataclass(frozen=True)
class Scaled:
    """A batch of windows in scaled units, and the conversion between these and the data's units.

        scaled = gamma (data - location) / scale + beta,    with log(data) for data if `is_log`

    Attributes:
        values: [B, L] the context in scaled units; 0 where unknown.
        mask: [B, L] 1 where known; 0 where missing, and where `seasonal` has no earlier season to compare with.
        location: [B, 1] or [B, H] the value subtracted from each step of the horizon, in data units; if `is_log`, in
            units of their logarithm, as float64.
        scale: [B] in the units of `location`; 0 for a constant series and for a window without observed values.
        gamma: [1] a positive factor in scaled units.
        beta: [B, 1] or [B, H] a shift in scaled units.
        is_log: True if the logarithm of the data is scaled.
    """

    values: Tensor
    mask: Tensor
    location: Tensor
    scale: Tensor
    gamma: Tensor
    beta: Tensor
    is_log: bool

    def forward(self, target: Tensor) -> Tensor:
        """Scale the targets of the windows.

        No gradient reaches gamma from here: a loss in scaled units would decrease with gamma, whatever the forecast.

        Args:
            target: [B, H] data units; NaN where unknown.

        Returns: [B, H] scaled units; NaN where the target is unknown or has no logarithm, and where the scale is 0: the
            forecast is then the location, whatever the network's output, so there is nothing to learn.
        """
        data = target.double().where(target > 0, torch.nan).log() if self.is_log else target
        divisor = self.scale.where(self.scale > 0, torch.nan)[:, None]
        return (self.gamma.detach() * ((data - self.location) / divisor) + self.beta).to(target.dtype)

    def inverse(self, scaled: Tensor) -> Tensor:
        """Convert [B, H] or [B, H, Q] from scaled units to data units; the order along Q does not change.

        The exponential of a logarithm stays within the positive finite numbers of the dtype of `scaled`.
        """
        location, beta, scale = (
            part if scaled.dim() == 2 else part[..., None]  # [B, 1 or H, 1]
            for part in (self.location, self.beta, self.scale[:, None])
        )
        data = location + scale * ((scaled - beta) / self.gamma)
        if self.is_log:
            finite = torch.finfo(scaled.dtype)
            data = data.clamp(math.log(finite.tiny), math.log(finite.max)).exp()
        return data.to(scaled.dtype)

    def take(self, rows: Tensor) -> "Scaled":
        """Select windows by index."""
        parts = {name: getattr(self, name)[rows] for name in ("values", "mask", "location", "scale", "beta")}
        return replace(self, **parts)


class Scale(nn.Module):
    """Local normalisation of each window by its own location and scale.

    The network then does not depend on a level or a unit, and a trend that leaves the range of the training data is
    the same to it as one inside.

    Args:
        kind: the location to subtract. The divisor is the standard deviation of the window's observed values, unless
            stated otherwise.
            `last`: the last observed value (Lin et al. 2023, SegRNN, sec. 3).
            `mean`: the mean of the observed values.
            `none`: nothing; the values do not change.
            `standard`: the mean of the series' whole visible history; divided by the history's standard deviation.
            `mean_abs`: nothing; divided by the mean absolute observed value, for counts (Salinas et al. 2020, DeepAR,
                sec. 3.3, without the 1 that is added there and would make the unit matter).
            `instance`: the mean; scaled units are then multiplied by gamma and shifted by beta, both learnt and the
                same for all series (Kim et al. 2022, RevIN; gamma is at least `MIN_GAMMA`).
            `seasonal`: the latest known value of the same phase, at least one season before; for a step of the
                horizon, that is the seasonal naive forecast. Without such a value a step of the context counts as
                unknown, and a step of the horizon is measured from the window's mean. The divisor is not that of the
                seasonal differences, which is close to 0 where windows repeat almost exactly.
            `cycle`: the mean, and in scaled units one learnt cycle for each series, indexed by phase (Lin et al. 2024,
                CycleNet, arXiv:2409.18479). Unseen series have a cycle of zeros.
        is_log: if True, scale the natural logarithm of the data. Values that are not positive then count as missing,
            and `none` and `mean_abs` depend on the unit of the data.
        season: steps in a season, m.
        series: number of series with a learnt cycle, N.
    """

    def __init__(self, kind: ScaleKind, *, is_log: bool = False, season: int = 1, series: int = 0) -> None:
        super().__init__()
        self.kind = kind
        self.is_log = is_log
        self.season = season
        if kind == "instance":
            self.stretch = nn.Parameter(torch.zeros(1))
            self.shift = nn.Parameter(torch.zeros(1))
        if kind == "cycle":
            self.cycle = nn.Parameter(torch.zeros(series + 1, season))  # the last row is for unseen series

    def forward(
        self,
        values: Tensor,
        spread: Tensor,
        *,
        horizon: int | None = None,
        centre: Tensor | None = None,
        series: Tensor | None = None,
        phase: Tensor | None = None,
    ) -> Scaled:
        """Scale a batch of windows; nothing in the result is ever NaN or infinite.

        The scale is at least `MIN_RELATIVE_SCALE` times `spread`. It is `spread` where one value is observed, and 0
        where none is, so that nothing is learnt from such a window. The result is accurate in float32 at any level:
        values are subtracted before they are squared, and squared at size 1; logarithms are computed in float64.

        Args:
            values: [B, L] data units, below 1e38; NaN where missing.
            spread: [B] data units; standard deviation of each window's series over its history, 0 for a constant one.
            horizon: H; necessary for `seasonal` and `cycle`.
            centre: [B] data units; mean of each window's series over its history. Necessary for `standard` and for
                logarithms; for other kinds it is the location of a window without observed values. For logarithms,
                `spread` and `centre` are converted to those of a log-normal variable.
            series: [B] number of each window's series in 0..N, N for an unseen series; necessary for `cycle`.
            phase: [B] phase of the first step of the horizon, in 0..m-1; necessary for `cycle`.
        """
        dtype = values.dtype
        is_known = values > 0 if self.is_log else ~values.isnan()
        if self.is_log:
            values = values.double().where(is_known, 1).log()
            spread, centre = _logarithmic(spread, _require(centre, "centre"))
        values = values.where(is_known, 0)
        mask = is_known.to(values.dtype)
        location, scale = self._measure(values, mask, spread, centre)
        before = location  # the values subtracted from the context are those of the horizon, unless `seasonal`
        gamma, shift_before, beta = location.new_ones(1), torch.zeros_like(location), torch.zeros_like(location)
        match self.kind:
            case "seasonal":
                steps_ahead = _require(horizon, "horizon")
                before, is_compared, location = _seasons_before(values, is_known, location, self.season, steps_ahead)
                mask = mask * is_compared
            case "cycle":
                steps = torch.arange(-values.shape[1], _require(horizon, "horizon"), device=values.device)
                phases = (_require(phase, "phase")[:, None] + steps) % self.season  # [B, L + H]
                shift = -self._cycles(_require(series, "series")).gather(1, phases)  # [B, L + H]
                shift_before, beta = shift[:, : values.shape[1]], shift[:, values.shape[1] :]
            case "instance":
                # softplus(0) = log 2, so gamma starts at 1
                gamma = MIN_GAMMA + (1 - MIN_GAMMA) * functional.softplus(self.stretch) / math.log(2)
                shift_before = beta = self.shift.expand_as(location)
        scale = scale.to(dtype)
        divisor = scale.where(scale > 0, 1)[:, None]
        scaled = (gamma * ((values - before) / divisor) + shift_before).where(mask > 0, 0)  # [B, L]
        return Scaled(scaled.to(dtype), mask.to(dtype), location, scale, gamma.to(dtype), beta.to(dtype), self.is_log)

    def _measure(self, values: Tensor, mask: Tensor, spread: Tensor, centre: Tensor | None) -> tuple[Tensor, Tensor]:
        """Measure the location [B, 1] and the scale [B] of windows, values of which are 0 where missing."""
        count = mask.sum(1)  # [B]
        start = torch.zeros_like(values[:, :1]) if centre is None else centre[:, None]  # [B, 1]
        last, mean, std = _moments(values, mask, start)
        scale = torch.where(count > 1, torch.maximum(std, MIN_RELATIVE_SCALE * spread), spread * count)
        match self.kind:
            case "last":
                return last, scale
            case "none":
                return torch.zeros_like(mean), torch.ones_like(scale)
            case "mean_abs":
                size = _average(values.abs(), mask)
                return torch.zeros_like(mean), torch.maximum(size, MIN_RELATIVE_SCALE * spread * (count > 0))
            case "standard":
                location = _require(centre, "centre")[:, None]
                # the distance only matters for windows that are far from the history of their series
                distance = _root_mean_square((values - location) * mask, mask)
                return location, torch.maximum(spread * (count > 0), MIN_RELATIVE_SCALE * distance)
            case "mean" | "seasonal" | "cycle" | "instance":
                return mean, scale
        assert_never(self.kind)

    def _cycles(self, series: Tensor) -> Tensor:
        """Return the learnt cycles [B, m] of series [B]; the cycle of unseen series gets no gradient."""
        return functional.embedding(series, self.cycle, padding_idx=self.cycle.shape[0] - 1)


def _require(value: Value | None, name: str) -> Value:
    if value is None:
        raise ValueError(f"this kind of scale needs {name}")
    return value


def _moments(values: Tensor, mask: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the last [B, 1] and mean [B, 1] observed value and the standard deviation [B].

    Without an observed value they are `start` [B, 1], `start` and 0.
    """
    steps = torch.arange(values.shape[1], device=values.device)
    last = values.gather(1, (mask * steps).argmax(1, keepdim=True))
    last = torch.where(mask.any(1, keepdim=True), last, start)
    deviations = (values - last) * mask
    centre = _average(deviations, mask)[:, None]
    return last, last + centre, _root_mean_square((deviations - centre) * mask, mask)


def _average(values: Tensor, mask: Tensor) -> Tensor:
    """Compute the mean [B] over observed steps of values that are 0 elsewhere, without overflow; 0 without any step."""
    peak = values.abs().amax(1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)
    return peak[:, 0] * ((values / peak).sum(1) / mask.sum(1).clamp(min=1))


def _root_mean_square(values: Tensor, mask: Tensor) -> Tensor:
    """Compute the root mean square [B] of the same steps as `_average`, without overflow; 0 without any step."""
    peak = values.abs().amax(1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)
    return peak[:, 0] * ((values / peak).square().sum(1) / mask.sum(1).clamp(min=1)).sqrt()


def _logarithmic(spread: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
    """Return deviation and mean of the logarithm of a log-normal variable with deviation `spread`, mean `centre`."""
    is_positive = centre > 0
    level = centre.double().where(is_positive, 1)
    variance = (spread / level).square().log1p() * is_positive
    return variance.sqrt(), level.log() - variance / 2


def _seasons_before(
    values: Tensor, is_known: Tensor, mean: Tensor, season: int, horizon: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Find for each step the latest known value of its phase: a season before, otherwise two, and so on.

    Args:
        values, is_known: [B, L] the context.
        mean: [B, 1] replaces the value of a phase without any known value.

    Returns: the values for the context [B, L], True where the context has such a value [B, L], and the values for the
        horizon [B, H].
    """
    rows, length = values.shape[0], int(values.shape[1])  # an int also while a graph is traced
    seasons = -(-length // season)
    pad = seasons * season - length
    table = functional.pad(values, (pad, 0)).view(rows, seasons, season)  # [B, K, m]
    is_filled = functional.pad(is_known, (pad, 0)).view(rows, seasons, season)
    numbers = torch.arange(seasons, device=values.device)[:, None]
    latest = _running_maximum(numbers.where(is_filled, -1))  # [B, K, m]; -1 where none is known yet
    has_value = latest >= 0
    latest_values = table.gather(1, latest.clamp(min=0)).where(has_value, mean[..., None])
    # each step is compared with the season in the row above its own
    rows_before = torch.cat((mean[..., None].expand(-1, 1, season), latest_values[:, :-1]), dim=1)  # [B, K, m]
    before = rows_before.flatten(1)[:, pad:]  # [B, L]
    is_compared = functional.pad(has_value[:, :-1], (0, 0, 1, 0)).flatten(1)[:, pad:]  # [B, L]
    future = latest_values[:, -1, torch.arange(horizon, device=values.device) % season]  # [B, H]
    return before, is_compared, future


def _running_maximum(values: Tensor) -> Tensor:
    """Return the largest value so far along K for each of [B, K, m]."""
    if not torch.onnx.is_in_onnx_export():
        return values.cummax(1).values
    rows = values.unbind(1)  # ONNX has no running maximum
    return torch.stack([torch.stack(rows[: end + 1]).amax(0) for end in range(len(rows))], dim=1)
