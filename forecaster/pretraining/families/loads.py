"""Loads of a day and a week: consumption, traffic, calls, solar and wind power, at 24, 48 or 96 steps a day.

Source: the structure of electricity and traffic data (Hong and Fan, "Probabilistic electric load forecasting", 2016),
namely a day profile that differs by day of the week, holidays, weather that wanders for days, and noise that grows
with the load.
"""

from dataclasses import dataclass

import numpy as np

from forecaster.frequency import Ints
from forecaster.pretraining.frame import Frame, Range, Values, chance, log_uniform, uniform
from forecaster.pretraining.paths import draw_smooth
from forecaster.pretraining.profiles import draw_tables, smooth_around

_DAYS = 7


@dataclass(frozen=True)
class LoadRanges:
    """The ranges of loads.

    Attributes:
        solar_share: share of solar power, which is zero at night.
        day: deviation of the day profile, as a share of the mean load.
        weekday: deviation of the level from one weekday to another.
        weekend: level of a day of the weekend.
        weekend_change: share of the weekend's profile that differs from the one of a weekday.
        holiday_rate: probability that a weekday has the profile of a weekend.
        smooth_share: share of loads without sudden changes within an hour or at midnight.
        smooth_hours: width of the kernel that smooths them.
        weather: deviation of the logarithm of the weather's influence.
        weather_days: days over which the weather changes.
        walk: deviation of the step of the slow walk of the logarithm, per day.
        noise: deviation of the noise, as a share of the load.
        noise_steps: steps over which noise persists.
    """

    solar_share: float = 0.07
    day: Range = (0.08, 0.8)
    weekday: Range = (0.0, 0.08)
    weekend: Range = (0.5, 1.1)
    weekend_change: Range = (0.0, 1.0)
    holiday_rate: Range = (0.0, 0.04)
    smooth_share: float = 0.75
    smooth_hours: Range = (0.4, 2.5)
    weather: Range = (0.005, 0.25)
    weather_days: Range = (1.0, 12.0)
    walk: Range = (0.002, 0.1)
    noise: Range = (0.001, 0.07)
    noise_steps: Range = (0.5, 16.0)


def draw_loads(ranges: LoadRanges, rng: np.random.Generator, frame: Frame) -> Values:
    """Draw [n, T] series that are at least 0."""
    values = np.empty((len(frame), frame.steps))
    for season in np.unique(frame.season):
        rows = np.flatnonzero(frame.season == season)
        is_weekly = frame.second_season[rows] == _DAYS * season
        values[rows] = _draw_loads_of(ranges, rng, int(season), is_weekly.astype(np.int64), frame.steps)
    return values


def _draw_loads_of(ranges: LoadRanges, rng: np.random.Generator, season: int, is_weekly: Ints, steps: int) -> Values:
    """Draw [n, T] loads with `season` steps a day; days of the week differ where `is_weekly` is 1."""
    count, days = len(is_weekly), -(-steps // season)
    kind, level = _draw_days(ranges, rng, is_weekly, days)
    size = log_uniform(rng, ranges.day, count)[:, None]
    weekday, other = draw_tables(rng, count, season), draw_tables(rng, count, season)
    change = uniform(rng, ranges.weekend_change, count)[:, None]
    profiles = np.stack([1 + size * weekday, 1 + size * ((1 - change) * weekday + change * other)], 1)
    shape = np.maximum(profiles[np.arange(count)[:, None], kind], 0.02) * level[:, :, None]  # [n, days, season]
    solar = np.flatnonzero(chance(rng, ranges.solar_share, count))
    shape[solar] = _draw_sun(rng, len(solar), season)
    rows = np.flatnonzero(chance(rng, ranges.smooth_share, count))
    loads = shape.reshape(count, -1)
    loads[rows] = smooth_around(loads[rows], log_uniform(rng, ranges.smooth_hours, len(rows)) * season / 24)
    values = np.maximum(loads[:, :steps], 0.0) * np.exp(_draw_weather(ranges, rng, count, season, steps))
    persistence = log_uniform(rng, ranges.noise_steps, count)
    noise = draw_smooth(rng, persistence, steps, 0.5) + uniform(rng, (0.0, 0.5), count)[:, None] * rng.normal(
        size=(count, steps)
    )
    return values * np.maximum(1 + log_uniform(rng, ranges.noise, count)[:, None] * noise, 0.0)


def _draw_days(ranges: LoadRanges, rng: np.random.Generator, is_weekly: Ints, days: int) -> tuple[Ints, Values]:
    """Draw the [n, days] kind of each day (0 for a weekday, 1 for a weekend or a holiday), and its level."""
    count = len(is_weekly)
    weekday = (np.arange(days) + rng.integers(0, _DAYS, count)[:, None]) % _DAYS
    kind = np.where(weekday >= 5, 1, 0)
    kind |= rng.random((count, days)) < uniform(rng, ranges.holiday_rate, count)[:, None]
    kind *= is_weekly[:, None]
    levels = 1 + rng.normal(size=(count, _DAYS)) * uniform(rng, ranges.weekday, count)[:, None]
    weekend = uniform(rng, ranges.weekend, count)[:, None]
    sunday = np.where(weekday == 6, uniform(rng, (0.8, 1.05), count)[:, None], 1.0)
    level = np.take_along_axis(levels, weekday, 1) * np.where(kind == 1, weekend * sunday, 1.0)
    return kind, np.where(is_weekly[:, None] == 1, level, 1.0)


def _draw_sun(rng: np.random.Generator, count: int, season: int) -> Values:
    """Draw the [n, 1, season] height of the sun, 0 at night."""
    angle = 2 * np.pi * (np.arange(season) / season - 0.5 + uniform(rng, (-0.06, 0.06), count)[:, None])
    return np.maximum(np.cos(angle) - uniform(rng, (-0.4, 0.3), count)[:, None], 0.0)[:, None]


def _draw_weather(ranges: LoadRanges, rng: np.random.Generator, count: int, season: int, steps: int) -> Values:
    """Draw the [n, T] logarithm of slow influences: weather that changes within days, and a walk."""
    weather = draw_smooth(rng, log_uniform(rng, ranges.weather_days, count) * season, steps, 1.5)
    weather *= log_uniform(rng, ranges.weather, count)[:, None]
    walk = np.cumsum(rng.normal(size=(count, steps)), 1) / np.sqrt(season)
    walk *= log_uniform(rng, ranges.walk, count)[:, None]
    logs: Values = weather + np.clip(walk, -1.5, 1.5)
    return logs
