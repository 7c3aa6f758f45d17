"""Augmentation: each one changes its share of the series, and only what it is about."""

import numpy as np
import pytest

from forecaster.pretraining.augment import Traits, augment, remove_blocks, visible_seasons
from forecaster.pretraining.frame import Frame, Values, standardise
from forecaster.pretraining.mixture import Augmentation, load_mixture

COUNT, STEPS = 400, 600
NONE = Augmentation(**dict.fromkeys(Augmentation.model_fields, 0.0))
NAMES = ("mix", "splice", "modulate", "jitter", "warp", "flip", "shift", "spikes", "noise", "censor", "quantise")


def only(**shares: float) -> Augmentation:
    return NONE.model_copy(update=shares)


def traits(season: int = 12, second: int | None = None, is_loose: bool = True, is_positive: bool = False) -> Traits:
    frame = Frame(np.full(COUNT, season), np.full(COUNT, second or season), STEPS)
    return Traits(frame, np.full(COUNT, is_loose), np.full(COUNT, is_positive), np.zeros(COUNT))


def series(seed: int = 0) -> Values:
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * np.arange(STEPS) / 12) * rng.uniform(0.5, 2, (COUNT, 1))
    return standardise(wave + np.cumsum(rng.normal(size=(COUNT, STEPS)), 1) * 0.2)


def share_changed(shares: Augmentation, which: Traits) -> float:
    before = series()
    after, _ = augment(shares, np.random.default_rng(1), before, which)
    return float((np.abs(after - before).max(1) > 1e-6).mean())


@pytest.mark.parametrize("name", NAMES)
def test_an_augmentation_changes_its_share_of_the_series(name: str) -> None:
    assert share_changed(NONE, traits()) == 0
    assert share_changed(only(**{name: 0.3}), traits()) == pytest.approx(0.3, abs=0.08)
    assert share_changed(only(**{name: 1.0}), traits()) > 0.9


def test_the_input_stays_as_it_is() -> None:
    before = series()
    augment(load_mixture().augmentation, np.random.default_rng(0), before, traits())
    np.testing.assert_array_equal(before, series())


def test_only_a_loose_season_drifts() -> None:
    assert share_changed(only(jitter=1.0), traits(is_loose=False)) == 0


def test_positive_families_have_a_share_of_flips_of_their_own() -> None:
    assert share_changed(only(flip=1.0), traits(is_positive=True)) == 0
    assert share_changed(only(flip_positive=1.0), traits(is_positive=True)) == 1


def test_a_flip_is_a_change_of_sign() -> None:
    after, _ = augment(only(flip=1.0), np.random.default_rng(0), series(), traits())
    np.testing.assert_allclose(after, -series(), atol=1e-9)


def test_series_are_mixed_only_with_series_of_equal_season() -> None:
    frame = Frame(np.arange(COUNT) + 2, np.arange(COUNT) + 2, STEPS)
    alone = Traits(frame, *(np.zeros(COUNT, np.bool_),) * 2, np.zeros(COUNT))
    assert share_changed(only(mix=1.0, splice=0.0), alone) == 0


def test_a_splice_keeps_the_start_of_a_series() -> None:
    before = series()
    after, _ = augment(only(splice=1.0), np.random.default_rng(0), before, traits())
    first = before[:, : STEPS // 20]
    for row, start in zip(after, first, strict=True):
        assert np.corrcoef(row[: STEPS // 20], start)[0, 1] > 0.999


def test_censoring_repeats_the_lowest_or_highest_value() -> None:
    after, _ = augment(only(censor=1.0), np.random.default_rng(0), series(), traits())
    at_edge = [max((row == row.min()).sum(), (row == row.max()).sum()) for row in after]
    assert min(at_edge) >= 0.02 * STEPS


def test_quantised_series_have_few_values() -> None:
    after, _ = augment(only(quantise=1.0), np.random.default_rng(0), series(), traits())
    assert np.median([len(np.unique(row.round(9))) for row in after]) < STEPS / 3


def test_a_warped_series_must_hide_its_season() -> None:
    _, must_hide = augment(only(warp=0.5), np.random.default_rng(0), series(), traits())
    assert 0.4 < must_hide.mean() < 0.6
    season, second = visible_seasons(NONE, np.random.default_rng(0), traits(24, 168), must_hide)
    np.testing.assert_array_equal(season, np.where(must_hide, 1, 24))
    np.testing.assert_array_equal(second, np.where(must_hide, 1, 168))


def test_visible_seasons_are_sometimes_unknown_and_seldom_wrong() -> None:
    never = np.zeros(COUNT, np.bool_)
    shares = only(unknown_season=0.3, wrong_season=0.1, unknown_second_season=0.2)
    season, second = visible_seasons(shares, np.random.default_rng(0), traits(10, 70), never)
    assert (season == 1).mean() == pytest.approx(0.3, abs=0.07)
    is_wrong = (season != 1) & (season != 10)
    assert is_wrong.mean() == pytest.approx(0.07, abs=0.04)
    assert (second[season != 10] == season[season != 10]).all()
    assert (second[season == 10] == 10).mean() == pytest.approx(0.2, abs=0.08)


def test_missing_values_are_blocks_or_scattered_and_the_rest_is_standardised() -> None:
    after = remove_blocks(0.5, np.random.default_rng(0), series())
    is_missing = np.isnan(after)
    assert 0.4 < is_missing.any(1).mean() < 0.6
    assert is_missing.mean(1).max() < 0.6
    np.testing.assert_allclose(np.nanmean(after, 1), 0, atol=1e-9)
    np.testing.assert_allclose(np.nanstd(after, 1), 1, atol=1e-9)
