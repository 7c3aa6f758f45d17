"""Simple forecasts of a window, between which a network chooses: past seasons, levels and trends."""

from collections.abc import Iterator

import torch
from torch import Tensor

_FAST, _SLOW = 0.5, 0.15  # shares of the newest value in exponentially weighted means
_DAMPING = 0.9  # the share of a damped trend that each step retains
_RECENT_STEPS = 3  # newest steps whose change since the season before adjusts a copied season
_MIN_RECENT = 4  # fewest steps of a mean from which a recent trend is computed
_PROFILE_SEASONS = 4
_LINE_SEASONS, _MIN_LINE = 6, 24  # newest steps through which a straight line is fitted
_LIMIT = 1e4  # the largest size of a candidate in standardised units

COUNT = 18


def candidates(values: Tensor, mask: Tensor, season: Tensor, second: Tensor, horizon: int) -> tuple[Tensor, Tensor]:
    """Forecast the steps after each window by formulas without weights.

    They are, in this order: the season one and two seasons back, the mean of three; one second season back, the mean
    of three; the last value, 0 (the location), two exponentially weighted means; the last value with the trend of the
    whole window, with the recent trend, with the damped recent trend; the last season with its growth, the profile of
    four seasons, the last season shifted by the change of the newest steps since the season before, and the last second
    season shifted by the change of the newest season since that time; the profile with the damped recent trend, and
    the slower weighted mean with half the slope of a line through the newest six seasons, as in the Theta method
    (Assimakopoulos and Nikolopoulos 2000).

    Args:
        values: [B, L] standardised values up to the cutoff, 0 where missing.
        mask: [B, L] 1 where observed.
        season: [B] steps in a season, 1 for none.
        second: [B] steps in the second season; equal to `season` if there is none.
        horizon: H.

    Returns: the forecasts [B, H, K] with K = `COUNT`, and True [B, H, K] where one exists.
    """
    steps = torch.arange(1, horizon + 1, device=values.device)  # [H]
    window = _Window(values, mask, steps)
    columns = [*_copies(window, season, second), *_levels(window), *_trends(window, season)]
    columns += [*_seasonal(window, season, second), _theta(window, season)]
    forecasts = torch.stack([column.expand(-1, horizon) for column, _ in columns], dim=2)  # [B, H, K]
    exists = torch.stack([is_known.expand(-1, horizon) for _, is_known in columns], dim=2)
    return forecasts.clamp(-_LIMIT, _LIMIT), exists


class _Window:
    """The observed values of windows, with the sums that several candidates need."""

    def __init__(self, values: Tensor, mask: Tensor, steps: Tensor) -> None:
        self.values, self.mask, self.steps = values, mask, steps
        self.length = values.shape[1]
        self.positions = torch.arange(self.length, device=values.device)  # [L]
        self.age = self.length - 1 - self.positions  # [L] steps before the last one
        self.is_ever = (mask.sum(1) > 0)[:, None]  # [B, 1]
        last_at = (mask * (self.positions + 1)).amax(1).long().clamp(min=1) - 1  # [B]
        first_at = self.length - (mask * (self.age + 1)).amax(1).long().clamp(min=1)  # [B]
        self.last = values.gather(1, last_at[:, None])  # [B, 1]
        self.first = values.gather(1, first_at[:, None])
        self.extent = (last_at - first_at)[:, None]  # [B, 1] steps from the first to the last value

    def back(self, lag: Tensor, seasons: int) -> tuple[Tensor, Tensor]:
        """Copy the values `seasons` seasons of `lag` [B] steps before each step of the horizon, [B, H]."""
        phase = (self.steps - 1)[None] % lag[:, None]
        at = self.length - lag[:, None] * seasons + phase
        is_within = at >= 0
        at = at.clamp(min=0)
        return self.values.gather(1, at), is_within & (self.mask.gather(1, at) > 0)

    def mean(self, newest: Tensor, oldest: Tensor) -> tuple[Tensor, Tensor]:
        """Average the observed values whose age is from `newest` [B] up to, not including, `oldest` [B]: [B, 1]."""
        weight = self.mask * ((self.age >= newest[:, None]) & (self.age < oldest[:, None]))
        count = weight.sum(1, keepdim=True)
        return (self.values * weight).sum(1, keepdim=True) / count.clamp(min=1), count > 0


def _copies(window: _Window, season: Tensor, second: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    for lag, is_first in ((season, True), (second, False)):
        backs = [window.back(lag, seasons) for seasons in (1, 2, 3)]
        yield backs[0]
        if is_first:
            yield backs[1]
        weights = torch.stack([is_known for _, is_known in backs]).to(window.values.dtype)
        total = weights.sum(0)
        mean = (torch.stack([value for value, _ in backs]) * weights).sum(0) / total.clamp(min=1)
        yield mean, total > 1


def _levels(window: _Window) -> Iterator[tuple[Tensor, Tensor]]:
    yield window.last, window.is_ever
    yield torch.zeros_like(window.last), torch.ones_like(window.is_ever)
    for share in (_FAST, _SLOW):
        weight = window.mask * (1 - share) ** window.age.to(window.values.dtype)
        total = weight.sum(1, keepdim=True)
        yield (window.values * weight).sum(1, keepdim=True) / total.clamp(min=1e-12), total > 1e-12


def _trends(window: _Window, season: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    ahead = window.steps[None].to(window.values.dtype)  # [1, H]
    whole = (window.last - window.first) / window.extent.clamp(min=1)
    yield window.last + whole * ahead, window.extent > 0
    growth, is_known, span = _growth(window, season)
    slope = growth / span
    yield window.last + slope * ahead, is_known
    yield window.last + slope * _damp(ahead), is_known


def _damp(ahead: Tensor) -> Tensor:
    """Return the sums of the first `ahead` damped steps."""
    return _DAMPING * (1 - _DAMPING**ahead) / (1 - _DAMPING)


def _growth(window: _Window, season: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the change [B, 1] from the mean of one span to that of the next, and the steps [B, 1] of a span."""
    span = season.clamp(min=_MIN_RECENT)
    newest, has_newest = window.mean(torch.zeros_like(span), span)
    before, has_before = window.mean(span, 2 * span)
    return newest - before, has_newest & has_before, span[:, None].to(window.values.dtype)


def _seasonal(window: _Window, season: Tensor, second: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    copied, is_copied = window.back(season, 1)
    growth, is_known, span = _growth(window, season)
    seasons_ahead = ((window.steps[None] - 1) // season[:, None] + 1).to(window.values.dtype)
    yield copied + growth * (season[:, None] / span) * seasons_ahead, is_copied & is_known
    deviations, known = [], []
    for number in range(1, _PROFILE_SEASONS + 1):
        value, is_value = window.back(season, number)
        mean, is_mean = window.mean(season * (number - 1), season * number)
        deviations.append((value - mean) * is_value)
        known.append((is_value & is_mean).to(window.values.dtype))
    total = torch.stack(known).sum(0)
    level, has_level = window.mean(torch.zeros_like(season), season)
    profile = (torch.stack(deviations) * torch.stack(known)).sum(0) / total.clamp(min=1)
    yield level + profile, (total > 1) & has_level
    recent = torch.full_like(season, _RECENT_STEPS)
    newest, has_newest = window.mean(torch.zeros_like(season), recent)
    before, has_before = window.mean(season, season + recent)
    yield copied + newest - before, is_copied & has_newest & has_before
    copied, is_copied = window.back(second, 1)
    newest, has_newest = window.mean(torch.zeros_like(season), season)
    before, has_before = window.mean(second, second + season)
    yield copied + newest - before, is_copied & has_newest & has_before & (second > season)[:, None]
    ahead = window.steps[None].to(window.values.dtype)
    yield level + profile + growth / span * _damp(ahead), (total > 1) & has_level & is_known


def _theta(window: _Window, season: Tensor) -> tuple[Tensor, Tensor]:
    weight = window.mask * (1 - _SLOW) ** window.age.to(window.values.dtype)
    total = weight.sum(1, keepdim=True)
    level = (window.values * weight).sum(1, keepdim=True) / total.clamp(min=1e-12)
    weight = window.mask * (window.age < (_LINE_SEASONS * season).clamp(min=_MIN_LINE)[:, None])
    count = weight.sum(1, keepdim=True)
    times = -window.age.to(window.values.dtype)[None]  # [1, L]
    times = times - (times * weight).sum(1, keepdim=True) / count.clamp(min=1)
    slope = (times * window.values * weight).sum(1, keepdim=True) / (times**2 * weight).sum(1, keepdim=True).clamp(
        min=1
    )
    lag = (1 - _SLOW) / _SLOW  # mean age of the values in the weighted mean
    ahead = window.steps[None].to(window.values.dtype)
    return level + slope / 2 * (ahead + lag), (count > 2) & (total > 1e-12)
