"""Bring each window to one size, and what the network says of it back."""

import math
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecaster.config import ScaleKind

MIN_RELATIVE_SCALE = 0.01  # a flat stretch of a lively series is not blown up more than this
MIN_GAMMA = 0.1

Given = TypeVar("Given", Tensor, int)


@dataclass(frozen=True)
class Scaled:
    """A batch of windows in scaled units, and the way there and back.

        scaled = gamma (data - location) / scale + beta,    with log(data) for data if `is_log`

    Attributes:
        values: [B, L] the context in scaled units; 0 where unknown.
        mask: [B, L] 1 where known, 0 where missing and where there is no season before to compare with.
        location: [B, 1] or [B, H] what each step of the horizon is measured from, in data units; their logarithm, in
            float64, if `is_log`.
        scale: [B] in the units of `location`; 0 for a series that never moved and for a window with nothing observed.
        gamma: [1] a positive factor in scaled units.
        beta: [B, 1] or [B, H] a shift in scaled units.
        is_log: whether the logarithm of the data was scaled.
    """

    values: Tensor
    mask: Tensor
    location: Tensor
    scale: Tensor
    gamma: Tensor
    beta: Tensor
    is_log: bool

    def forward(self, target: Tensor) -> Tensor:
        """Scale what follows the windows.

        No gradient reaches gamma from here: a loss in scaled units would fall with gamma, however bad the forecast.

        Args:
            target: [B, H] data units; NaN where unknown.

        Returns: [B, H] scaled units; NaN where unknown, where data that should have a logarithm has none, and where
            the scale is 0: the inverse gives the location whatever the network says, so there is nothing to learn.
        """
        data = target.double().where(target > 0, torch.nan).log() if self.is_log else target
        divisor = self.scale.where(self.scale > 0, torch.nan)[:, None]
        return (self.gamma.detach() * ((data - self.location) / divisor) + self.beta).to(target.dtype)

    def inverse(self, scaled: Tensor) -> Tensor:
        """Bring [B, H] or [B, H, Q] in scaled units back to data units; order along Q is kept.

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
        """Take windows by number."""
        parts = {name: getattr(self, name)[rows] for name in ("values", "mask", "location", "scale", "beta")}
        return replace(self, **parts)


class Scale(nn.Module):
    """Local normalisation: each window by its own location and scale.

    A level or a unit then means nothing to the network, and a trend that leads out of the range seen in training is
    no different from one inside.

    Args:
        kind: what to subtract, and what to divide by. The divisor is the standard deviation of the window's observed
            values unless another is given.
            `last`: the last observed value (Lin et al. 2023, SegRNN, sec. 3).
            `mean`: the mean of the observed values.
            `none`: nothing; the values stay as they are.
            `standard`: the mean of the series' whole visible history; divided by the history's standard deviation.
            `mean_abs`: nothing; divided by the mean absolute observed value, for counts (Salinas et al. 2020, DeepAR,
                sec. 3.3, without the 1 that is added there and would make the unit matter).
            `instance`: the mean, and then scaled units are stretched by gamma and shifted by beta, both learnt and
                the same for all series (Kim et al. 2022, RevIN; gamma is at least `MIN_GAMMA`).
            `seasonal`: the latest known value of the same phase, at least one season before; from a step of the
                horizon, the one seasonal naive would repeat. A step of the context with none before it counts as
                unknown, a step of the horizon with none is measured from the window's mean. Dividing by the seasonal
                differences instead of the values explodes where windows repeat almost exactly.
            `cycle`: the mean, and in scaled units one learnt cycle a series, indexed by phase (Lin et al. 2024,
                CycleNet, arXiv:2409.18479). Unseen series have a cycle of zeros.
        is_log: scale the natural logarithm of the data, which must be positive: other values count as missing.
            `none` and `mean_abs` then depend on the unit of the data.
        season: steps in a season, m.
        series: series that have a cycle of their own, N.
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
            self.cycle = nn.Parameter(torch.zeros(series + 1, season))  # the last row is of no series

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
        """Scale a batch of windows. Nothing in the result is ever NaN or infinite.

        The scale is at least `MIN_RELATIVE_SCALE` times `spread`. It is `spread` where one value is observed, and 0
        where none is, so that nothing is learnt from such a window. Sound in float32 at any level: values are
        subtracted before they are squared, and squared at size 1; logarithms are taken and measured in float64.

        Args:
            values: [B, L] data units, below 1e38; NaN where missing.
            spread: [B] data units; standard deviation of each window's series over its history, 0 if it never moved.
            horizon: H; `seasonal` and `cycle` need it.
            centre: [B] data units; mean of each window's series over its history. `standard` and logarithms need it;
                the others, where it is given, take it as the location of a window with nothing observed. Of
                logarithms, `spread` and `centre` give the mean and deviation of the log-normal variable they belong to.
            series: [B] number of each window's series in 0..N, N for one not seen in training; `cycle` needs it.
            phase: [B] of the first step of the horizon, in 0..m-1; `cycle` needs it.
        """
        dtype = values.dtype
        is_known = values > 0 if self.is_log else ~values.isnan()
        if self.is_log:
            values = values.double().where(is_known, 1).log()
            spread, centre = _logarithmic(spread, _given(centre, "centre"))
        values = values.where(is_known, 0)
        mask = is_known.to(values.dtype)
        count = mask.sum(1)  # [B]
        start = torch.zeros_like(values[:, :1]) if centre is None else centre[:, None]  # [B, 1]
        last, mean, std = _moments(values, mask, start)
        scale = torch.where(count > 1, torch.maximum(std, MIN_RELATIVE_SCALE * spread), spread * count)
        location = before = mean  # [B, 1]; what each step of the horizon, and of the context, is measured from
        gamma, shift_before, beta = mean.new_ones(1), torch.zeros_like(mean), torch.zeros_like(mean)
        match self.kind:
            case "last":
                location = before = last
            case "none":
                location = before = torch.zeros_like(mean)
                scale = torch.ones_like(scale)
            case "mean_abs":
                location = before = torch.zeros_like(mean)
                scale = torch.maximum(_average(values.abs(), mask), MIN_RELATIVE_SCALE * spread * (count > 0))
            case "standard":
                location = before = _given(centre, "centre")[:, None]
                distance = _root_mean_square((values - location) * mask, mask)  # rules where the history is not theirs
                scale = torch.maximum(spread * (count > 0), MIN_RELATIVE_SCALE * distance)
            case "seasonal":
                before, is_compared, location = _seasons_before(
                    values, is_known, mean, self.season, _given(horizon, "horizon")
                )
                mask = mask * is_compared
            case "cycle":
                steps = torch.arange(-values.shape[1], _given(horizon, "horizon"), device=values.device)
                phases = (_given(phase, "phase")[:, None] + steps) % self.season  # [B, L + H]
                unseen = self.cycle.shape[0] - 1  # as padding it gets no gradient
                own = functional.embedding(_given(series, "series"), self.cycle, padding_idx=unseen)  # [B, m]
                removed = -own.gather(1, phases)  # [B, L + H]
                shift_before, beta = removed[:, : values.shape[1]], removed[:, values.shape[1] :]
            case "instance":
                # softplus(0) = log 2, so gamma starts at 1
                gamma = MIN_GAMMA + (1 - MIN_GAMMA) * functional.softplus(self.stretch) / math.log(2)
                shift_before = beta = self.shift.expand_as(mean)
            case "mean":
                pass
        scale = scale.to(dtype)
        divisor = scale.where(scale > 0, 1)[:, None]
        scaled = (gamma * ((values - before) / divisor) + shift_before).where(mask > 0, 0)  # [B, L]
        return Scaled(scaled.to(dtype), mask.to(dtype), location, scale, gamma.to(dtype), beta.to(dtype), self.is_log)


def _given(value: Given | None, name: str) -> Given:
    if value is None:
        raise ValueError(f"this kind of scale needs {name}")
    return value


def _moments(values: Tensor, mask: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Last [B, 1], mean [B, 1] and standard deviation [B] of what is observed; `start` [B, 1] and 0 if nothing is."""
    steps = torch.arange(values.shape[1], device=values.device)
    last = values.gather(1, (mask * steps).argmax(1, keepdim=True))
    last = torch.where(mask.any(1, keepdim=True), last, start)
    deviations = (values - last) * mask
    centre = _average(deviations, mask)[:, None]
    return last, last + centre, _root_mean_square((deviations - centre) * mask, mask)


def _average(values: Tensor, mask: Tensor) -> Tensor:
    """[B] the mean over observed steps of values that are 0 elsewhere, without overflow; 0 if nothing is observed."""
    peak = values.abs().amax(1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)
    return peak[:, 0] * ((values / peak).sum(1) / mask.sum(1).clamp(min=1))


def _root_mean_square(values: Tensor, mask: Tensor) -> Tensor:
    """[B] over observed steps of values that are 0 elsewhere, without overflow; 0 if nothing is observed."""
    peak = values.abs().amax(1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)
    return peak[:, 0] * ((values / peak).square().sum(1) / mask.sum(1).clamp(min=1)).sqrt()


def _logarithmic(spread: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
    """Deviation and mean of the logarithm of a log-normal variable with deviation `spread` and mean `centre`."""
    is_positive = centre > 0
    level = centre.double().where(is_positive, 1)
    variance = (spread / level).square().log1p() * is_positive
    return variance.sqrt(), level.log() - variance / 2


def _seasons_before(
    values: Tensor, is_known: Tensor, mean: Tensor, season: int, horizon: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Give each step the latest known value of its phase before it: a season ago, else two, and so on.

    Args:
        values, is_known: [B, L].
        mean: [B, 1] stands in where no value of the phase is known.

    Returns: of the context [B, L], whether the context has one [B, L], of the horizon [B, H].
    """
    rows, length = values.shape[0], int(values.shape[1])  # the length is a number where a graph is traced, too
    seasons = -(-length // season)
    pad = seasons * season - length
    table = functional.pad(values, (pad, 0)).view(rows, seasons, season)  # [B, K, m]
    is_filled = functional.pad(is_known, (pad, 0)).view(rows, seasons, season)
    numbers = torch.arange(seasons, device=values.device)[:, None]
    latest = _running_maximum(numbers.where(is_filled, -1))  # [B, K, m]; -1 where none is known yet
    is_found = latest >= 0
    found = table.gather(1, latest.clamp(min=0)).where(is_found, mean[..., None])
    # a step is compared with the row above its own
    before = torch.cat((mean[..., None].expand(-1, 1, season), found[:, :-1]), dim=1).flatten(1)[:, pad:]  # [B, L]
    is_compared = functional.pad(is_found[:, :-1], (0, 0, 1, 0)).flatten(1)[:, pad:]  # [B, L]
    future = found[:, -1, torch.arange(horizon, device=values.device) % season]  # [B, H]
    return before, is_compared, future


def _running_maximum(values: Tensor) -> Tensor:
    """[B, K, m] the largest so far along K."""
    if not torch.onnx.is_in_onnx_export():
        return values.cummax(1).values
    rows = values.unbind(1)  # ONNX has no running maximum
    return torch.stack([torch.stack(rows[: end + 1]).amax(0) for end in range(len(rows))], dim=1)
