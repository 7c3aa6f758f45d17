"""Batches of synthetic windows."""

import numpy as np

from forecaster.pretraining.corpus import Corpus
from forecaster.pretraining.feed import Feed, FeedPlan, draw_batch
from forecaster.pretraining.mixture import load_mixture

PLAN = FeedPlan(64, 8, 4, (16, 32), forecasts=12, pool_rows=40, pool_batches=2)


def corpus(length: int, count: int = 20, steps: int = 200) -> Corpus:
    """Return lines, so that a value tells its step."""
    values = np.tile(np.arange(steps, dtype=np.float32), (count, 1))
    ones = np.ones(count, np.int64)
    return Corpus(values, ones, ones, length * ones)


def test_short_series_are_read_in_the_shortest_context_from_one_cutoff() -> None:
    batch = draw_batch(corpus(10), PLAN, np.random.default_rng(0))
    assert batch.values.shape == (12, 72)
    assert (batch.start, batch.cutoffs) == (48, (64,))


def test_long_series_are_read_in_a_longer_context_from_several_cutoffs() -> None:
    batch = draw_batch(corpus(60), PLAN, np.random.default_rng(0))
    assert batch.values.shape == (6, 72)
    assert batch.start == 32
    assert len(batch.cutoffs) == 2
    assert all(48 < cutoff <= 64 and cutoff % 4 == 0 for cutoff in batch.cutoffs)


def test_the_visible_history_is_as_long_as_the_series_says() -> None:
    batch = draw_batch(corpus(10), PLAN, np.random.default_rng(0))
    visible = ~np.isnan(batch.values[:, : batch.cutoffs[0]])
    assert (visible.sum(1) == 10).all()
    assert visible[:, -10:].all()
    assert not np.isnan(batch.values[:, batch.cutoffs[0] :]).any()


def test_values_are_standardised_by_what_is_visible_before_the_first_cutoff() -> None:
    batch = draw_batch(corpus(10), PLAN, np.random.default_rng(0))
    np.testing.assert_allclose(np.nanmean(batch.values[:, 60:64], 1), 0, atol=1e-5)


def test_windows_end_at_different_steps() -> None:
    random = Corpus(
        np.random.default_rng(0).normal(size=(1, 200)).astype(np.float32), *[np.array([1])] * 2, np.array([9])
    )
    batch = draw_batch(random, PLAN, np.random.default_rng(0))
    assert len({row.tobytes() for row in batch.values}) > 6


def test_a_batch_depends_on_the_seed_and_its_number_alone() -> None:
    mixture = load_mixture()
    with Feed(mixture, PLAN, seed=1) as feed:
        first = [feed.batch(number).values for number in range(5)]
    with Feed(mixture, PLAN, seed=1) as feed:
        assert np.array_equal(feed.batch(4).values, first[4], equal_nan=True)
        assert not np.array_equal(first[0], first[1])
    with Feed(mixture, PLAN, seed=2) as feed:
        assert not np.array_equal(feed.batch(4).values, first[4], equal_nan=True)
