"""The corpus: its shapes, that it is deterministic and finite, and the seasons that the network sees."""

import numpy as np
import pytest

from forecaster.pretraining.corpus import FAMILIES, Corpus, draw_families, generate, repair
from forecaster.pretraining.frame import Frame, window_deviations
from forecaster.pretraining.mixture import load_mixture

COUNT, STEPS = 1500, 320


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return generate(load_mixture(), COUNT, STEPS, np.random.default_rng(3))


def test_a_corpus_has_the_documented_shapes_and_types(corpus: Corpus) -> None:
    assert (corpus.values.shape, corpus.values.dtype) == ((COUNT, STEPS), np.float32)
    for each in (corpus.season, corpus.second_season, corpus.length):
        assert (each.shape, each.dtype) == ((COUNT,), np.int64)
    assert len(corpus) == COUNT


def test_values_are_standardised_and_never_infinite(corpus: Corpus) -> None:
    assert not np.isinf(corpus.values).any()
    np.testing.assert_allclose(np.nanmean(corpus.values, 1), 0, atol=1e-4)
    np.testing.assert_allclose(np.nanstd(corpus.values, 1), 1, atol=1e-4)


def test_about_a_tenth_of_the_series_misses_some_values(corpus: Corpus) -> None:
    share = np.isnan(corpus.values).mean(1)
    assert 0.06 < (share > 0).mean() < 0.14
    assert share.max() < 0.5


def test_every_series_varies_over_most_of_its_time(corpus: Corpus) -> None:
    complete = corpus.values[~np.isnan(corpus.values).any(1)].astype(np.float64)
    assert ((window_deviations(complete) > 1e-5).mean(1) > 0.5).all()


@pytest.mark.parametrize("count", [1, 5000])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(count: int) -> None:
    one, two, other = (generate(load_mixture(), count, 96, np.random.default_rng(seed)) for seed in (7, 7, 8))
    for name in ("values", "season", "second_season", "length"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
    assert one.values.tobytes() != other.values.tobytes()


def test_histories_are_as_short_as_in_life(corpus: Corpus) -> None:
    assert corpus.length.min() >= 6
    assert corpus.length.max() <= STEPS
    monthly = corpus.length[corpus.season == 12]
    assert np.quantile(monthly, 0.05) >= 24  # a wrong season of 12 is rare
    assert 0.12 < (corpus.length <= 40).mean() < 0.35


def test_the_second_season_equals_the_season_where_there_is_none(corpus: Corpus) -> None:
    is_single = np.isin(corpus.season, (1, 4, 12, 52))
    assert (corpus.second_season[is_single] == corpus.season[is_single]).all()
    assert (corpus.second_season >= corpus.season).all()
    assert (corpus.second_season[corpus.season == 24] == 168).mean() > 0.5


def test_one_in_ten_seasons_is_unknown_and_few_are_wrong(corpus: Corpus) -> None:
    frequencies = load_mixture().frequencies
    nonseasonal = sum(each.share for each in frequencies if each.season == 1)
    unknown = (corpus.season == 1).mean() - nonseasonal
    assert 0.1 < unknown < 0.22


@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_family_draws_finite_series_that_vary(family: str) -> None:
    season = np.full(64, 24)
    frame = Frame(season, np.full(64, 168), 400)
    values = draw_families(np.random.default_rng(0), np.full(64, family), frame)
    assert values.shape == (64, 400)
    assert np.isfinite(values).all()
    assert (values.std(1) > 0).all()


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("seed", range(3))
def test_a_family_draws_a_single_series(family: str, seed: int) -> None:
    frame = Frame(np.array([24]), np.array([168]), 100)
    assert np.isfinite(draw_families(np.random.default_rng(seed), np.array([family]), frame)).all()


def test_a_constant_or_infinite_series_is_repaired() -> None:
    values = np.zeros((3, 200))
    values[1, 50] = np.inf
    values[2] = np.arange(200)
    repaired = repair(np.random.default_rng(0), values)
    assert np.isfinite(repaired).all()
    assert (window_deviations(repaired) > 0.01).all()
    assert np.corrcoef(repaired[2], np.arange(200))[0, 1] > 0.999
