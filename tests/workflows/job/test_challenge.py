"""What decides whether an update of the model in use is better than the model as it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from forecaster.config.job import ChallengerConfig
from forecaster.data.load import LoadedData
from forecaster.events import ignore
from forecaster.settings import load
from forecaster.store import bundle
from forecaster.store.bundle import Bundle
from forecaster.workflows.job.challenge import Comparison, compare_update
from forecaster.workflows.job.champion import learnt_until
from forecaster.workflows.reading import read_data
from forecaster.workflows.source import Source
from forecaster.workflows.train import train_on

HORIZON, LEARNT = 6, 40


def read(folder: Path, **days: int) -> LoadedData:
    """Data of series that have so many days each."""
    rows = [f"{name},{day},{(day * 7 + len(name)) % 11}" for name, count in days.items() for day in range(count)]
    path = folder / "data.csv"
    path.write_text("\n".join(["unique_id,ds,y", *rows]) + "\n")
    config = load(overrides={"data": {"path": str(path), "horizon": HORIZON, "season": 1}})
    return read_data(Source.of(config.data), config, None, ignore)


@pytest.fixture
def champion(tmp_path: Path) -> Bundle:
    """A naive model that ends at step 39."""
    loaded = read(tmp_path, a=LEARNT, bb=LEARNT)
    config = load(overrides={"data": loaded.config.model_dump(), "model": {"kind": "naive"}})
    train_on(loaded, config, tmp_path / "champion", data="-")
    return bundle.read(tmp_path / "champion")


def compare(champion: Bundle, loaded: LoadedData, *, folds: int = 3) -> Comparison | None:
    since = learnt_until(champion)
    steps = int(loaded.panel.cutoff.max()) - since
    return compare_update(champion, loaded, ChallengerConfig(folds=folds), since=since, steps=steps, watch=ignore)


@pytest.mark.parametrize(
    ("new", "folds", "expected"),
    [
        (1, 3, None),
        (2, 3, (1, 1)),
        (4, 3, (2, 1)),
        (6, 3, (3, 1)),
        (6, 1, (1, 3)),
        (12, 3, (3, 4)),  # 4, 5 and 6 steps before the end
        (20, 3, (3, 6)),
        (200, 3, (3, 6)),  # no more than the horizon
    ],
)
def test_the_newer_half_of_the_new_steps_decides(
    champion: Bundle, tmp_path: Path, new: int, folds: int, expected: tuple[int, int] | None
) -> None:
    comparison = compare(champion, read(tmp_path, a=LEARNT + new, bb=LEARNT + new), folds=folds)
    assert (comparison and (comparison.folds, comparison.horizon)) == expected


def test_what_changes_nothing_does_not_win(champion: Bundle, tmp_path: Path) -> None:
    comparison = compare(champion, read(tmp_path, a=LEARNT + 20, bb=LEARNT + 20))
    assert comparison is not None
    assert comparison.champion == comparison.challenger > 0
    assert not comparison.is_challenger_better(0)


def test_a_series_that_ended_earlier_is_no_test_of_what_has_seen_it(champion: Bundle, tmp_path: Path) -> None:
    alone = compare(champion, read(tmp_path, a=LEARNT + 20))
    both = compare(champion, read(tmp_path, a=LEARNT + 20, bb=LEARNT + 3))
    assert alone is not None
    assert alone == both
    assert compare(champion, read(tmp_path, a=LEARNT, bb=LEARNT - 10)) is None


def test_a_champion_of_another_horizon_is_not_tried(champion: Bundle, tmp_path: Path) -> None:
    loaded = read(tmp_path, a=LEARNT + 20, bb=LEARNT + 20)
    other = replace(loaded, config=loaded.config.model_copy(update={"horizon": HORIZON + 1}))
    assert compare(champion, other) is None
