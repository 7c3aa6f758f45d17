"""Windows of a panel in the form that the pretrained network reads."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecaster.batches.cutoff_windows import CutoffPlan, WindowBatch, cut_at_end, draw_cutoffs
from forecaster.batches.standardise import standardise
from forecaster.batches.window_spec import WindowSpec
from forecaster.batches.windows import Batch, Windows
from tests.conftest import MakePanel

PLAN = CutoffPlan(season=6, second_season=6, patch=4, contexts=(16, 32), cutoffs=3)
SPEC = WindowSpec(48, 5)


class Numbers:
    """Random numbers of numpy."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def integers(self, end: int, size: int) -> np.ndarray:
        return self._generator.integers(end, size=size)

    def shares(self, size: int) -> np.ndarray:
        return self._generator.random(size)


@pytest.fixture
def batch(make_panel: MakePanel) -> Batch:
    generator = np.random.default_rng(0)
    series = [10 + generator.normal(size=60), generator.normal(size=12), [3.0] * 30, [1.0, 2.0]]
    return Windows.for_training(make_panel(series), SPEC).gather(np.array([49, 54, 61, 80]))


def parts_of(batch: Batch, seed: int = 0) -> list[WindowBatch]:
    return draw_cutoffs(batch, PLAN, Numbers(seed))


def test_windows_are_grouped_by_the_fewest_steps_that_cover_their_values(batch: Batch) -> None:
    lengths = 48 - np.isnan(batch.context).argmin(1)
    parts = parts_of(batch)
    assert [part.start for part in parts] == [32, 16]
    assert [len(part.values) for part in parts] == [int((lengths <= 16).sum()), int((lengths > 16).sum())]
    assert sum(len(part.values) for part in parts) == 4


@pytest.mark.parametrize("seed", range(5))
def test_cutoffs_are_whole_patches_apart_and_end_with_the_context(batch: Batch, seed: int) -> None:
    for part in parts_of(batch, seed):
        assert part.cutoffs[-1] == 48
        assert all((48 - cutoff) % 4 == 0 for cutoff in part.cutoffs)
        assert sorted(set(part.cutoffs)) == list(part.cutoffs)
        assert part.cutoffs[0] - part.start >= (48 - part.start) / 2
        assert len(part.cutoffs) <= 3


def test_units_are_those_of_the_values_before_the_first_cutoff_that_counts(batch: Batch) -> None:
    values = np.concatenate([batch.context, batch.target], axis=1)[:1].astype(np.float64)
    part = parts_of(batch)[1]
    assert part.is_counted is not None
    assert part.is_counted[0].all()
    expected = standardise(values, np.array([6]), until=np.array([part.cutoffs[0]])).values
    assert_allclose(np.abs(part.values[0]), np.abs(expected[0]), rtol=1e-5)
    changed = batch.context.copy()
    changed[0, part.cutoffs[0] :] *= 2
    again = parts_of(Batch(**{**vars(batch), "context": changed}))[1]
    assert_array_equal(again.values[0, : part.cutoffs[0]], part.values[0, : part.cutoffs[0]])


def test_a_cutoff_with_few_values_before_it_does_not_count(batch: Batch) -> None:
    for part in (*parts_of(batch), *cut_at_end(batch, PLAN)):
        assert part.is_counted is not None
        for row, is_counted in zip(part.values, part.is_counted, strict=True):
            known = np.array([(~np.isnan(row[:cutoff])).sum() for cutoff in part.cutoffs])
            is_constant = np.nanmax(row) == np.nanmin(row)
            assert_array_equal(is_counted, (known >= 3) & (2 * known >= known[-1]) & (not is_constant))


def test_half_of_the_windows_are_mirrored(make_panel: MakePanel) -> None:
    windows = Windows.for_training(make_panel([np.arange(400.0)]), SPEC)
    part = draw_cutoffs(windows.draw(300, Numbers(1)), PLAN, Numbers(2))[-1]
    slopes = part.values[:, 40] - part.values[:, 39]
    assert 0.4 < (slopes < 0).mean() < 0.6


def test_a_window_to_validate_on_is_read_as_in_a_prediction(batch: Batch) -> None:
    part = cut_at_end(batch, PLAN)[1]
    expected = standardise(batch.context[:1].astype(np.float64), np.array([6])).values
    assert part.cutoffs == (48,)
    assert_array_equal(part.values[0, :48], expected[0])
