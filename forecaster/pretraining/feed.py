"""Batches of synthetic windows, each of which depends only on the seed and its number."""

from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from types import TracebackType

import numpy as np

from forecaster.batches.cutoff_windows import WindowBatch
from forecaster.batches.standardise import Values, standardise
from forecaster.frequency import Ints
from forecaster.pretraining.corpus import Corpus, generate
from forecaster.pretraining.mixture import Mixture

_POOL_STREAM, _BATCH_STREAM = 0, 1  # streams of random numbers below the seed


@dataclass(frozen=True)
class FeedPlan:
    """The sizes of the batches of a training.

    The windows of a batch have about the same length, so that the recurrence reads no more than it has to. Long windows
    are forecast from several cutoffs, short ones from one, so that every batch has as many forecasts.

    Attributes:
        history: steps before the last cutoff, L.
        horizon: steps after a cutoff, H.
        patch: the distance of possible cutoffs, P.
        contexts: steps that the recurrence reads, rising.
        forecasts: forecasts in a batch, B C.
        pool_rows: series that are generated together, and from which batches are drawn.
        pool_batches: batches that are drawn from a pool.
    """

    history: int
    horizon: int
    patch: int
    contexts: tuple[int, ...]
    forecasts: int = 1024
    pool_rows: int = 24_000
    pool_batches: int = 200


class Feed:
    """A source of batches, which generates the next pool of series in a process of its own.

    Args:
        mixture: the distribution of the series.
        plan: the sizes.
        seed: the seed of everything random.
    """

    def __init__(self, mixture: Mixture, plan: FeedPlan, seed: int) -> None:
        self._mixture, self._plan, self._seed = mixture, plan, seed
        self._executor = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        self._pools: dict[int, Future[Corpus]] = {}

    def __enter__(self) -> "Feed":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(cancel_futures=True)

    def batch(self, number: int) -> WindowBatch:
        """Return a batch; batches that are asked for in rising order take the least time."""
        pool = number // self._plan.pool_batches
        for ahead in (pool, pool + 1):
            if ahead not in self._pools:
                steps = self._plan.history + self._plan.horizon
                self._pools[ahead] = self._executor.submit(
                    generate_pool, self._mixture, self._plan.pool_rows, steps, self._seed, ahead
                )
        self._pools = {key: value for key, value in self._pools.items() if key >= pool}
        return draw_batch(
            self._pools[pool].result(), self._plan, np.random.default_rng((self._seed, _BATCH_STREAM, number))
        )


def generate_pool(mixture: Mixture, rows: int, steps: int, seed: int, number: int) -> Corpus:
    """Generate the series of a pool."""
    return generate(mixture, rows, steps, np.random.default_rng((seed, _POOL_STREAM, number)))


def draw_batch(corpus: Corpus, plan: FeedPlan, rng: np.random.Generator) -> WindowBatch:
    """Draw windows of one length class from a pool, and standardise them by what is visible before the first cutoff."""
    classes = np.searchsorted(plan.contexts[:-1], corpus.length)  # [N] number of the context of each series
    number = int(classes[rng.integers(len(classes))])
    context, count = plan.contexts[number], plan.contexts[number] // plan.contexts[0]
    rows = rng.choice(np.flatnonzero(classes == number), plan.forecasts // count)
    least = (plan.contexts[number - 1] if number else context - 1) // plan.patch + 1
    patches = np.sort(rng.integers(least, context // plan.patch + 1, count))
    start = plan.history - context
    cutoffs = tuple(int(start + plan.patch * each) for each in patches)
    values = _cut(corpus, rows, plan, rng)
    values[np.arange(values.shape[1]) < (cutoffs[0] - corpus.length[rows])[:, None]] = np.nan
    season = corpus.season[rows]
    scaled = standardise(values, season, until=np.full(len(rows), cutoffs[0]))
    return WindowBatch(scaled.values, season, corpus.second_season[rows], start, cutoffs)


def _cut(corpus: Corpus, rows: Ints, plan: FeedPlan, rng: np.random.Generator) -> Values:
    """Cut a window [history + horizon] from each series, which may begin before the series does."""
    steps = corpus.values.shape[1]
    end = rng.integers(np.minimum(corpus.length[rows] + plan.horizon, steps), steps + 1)  # [B]
    at = end[:, None] - (plan.history + plan.horizon) + np.arange(plan.history + plan.horizon)
    values: Values = corpus.values[rows[:, None], np.maximum(at, 0)].astype(np.float64)
    values[at < 0] = np.nan
    return values
