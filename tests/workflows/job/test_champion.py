import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forecaster.workflows.job.champion import find_champion, name_bundle, promote, prune_bundles, remove_leftovers

NOW = datetime(2024, 3, 1, 2, 15, tzinfo=UTC)


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    """Seven models, the oldest first."""
    for number in range(7):
        folder = tmp_path / f"m{number}"
        folder.mkdir()
        (folder / "manifest.json").touch()
        os.utime(folder, (number, number))
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_old_models_go_but_never_the_one_in_use(bundles: Path) -> None:
    promote(bundles / "m0")
    (bundles / "notes").mkdir()
    assert sorted(prune_bundles(bundles, 3)) == ["m1", "m2", "m3", "m4"]
    assert names(bundles) == ["champion", "m0", "m5", "m6", "notes"]
    assert (bundles / "champion").resolve() == bundles / "m0"
    prune_bundles(bundles, 1)
    assert names(bundles) == ["champion", "m0", "notes"]


def test_what_a_killed_run_had_begun_is_removed(bundles: Path) -> None:
    promote(bundles / "m6")
    (bundles / "m7.partial").mkdir()
    (bundles / ".m8.x1y2").mkdir()
    (bundles / ".champion.123").symlink_to("m6")
    (bundles / ".forecasts.csv.abcd1234").touch()
    (bundles / ".forecasts.csv.swp").touch()
    remove_leftovers(bundles / "absent", (str(bundles / "forecasts.csv"), "sqlite:///x.db"))
    assert ".forecasts.csv.abcd1234" not in names(bundles)
    assert ".forecasts.csv.swp" in names(bundles)
    remove_leftovers(bundles, ())
    assert names(bundles) == ["champion", *(f"m{number}" for number in range(7))]


def test_there_is_no_model_before_the_first_and_none_that_is_broken(bundles: Path) -> None:
    assert find_champion(bundles) == (None, None)
    promote(bundles / "m6")
    champion, problem = find_champion(bundles)
    assert champion is None
    assert problem is not None
    assert "not a bundle's manifest" in problem


def test_a_new_model_gets_a_name_of_its_own(tmp_path: Path) -> None:
    first = name_bundle(tmp_path, "gru", NOW)
    assert first.name == "gru-20240301-021500"
    first.mkdir()
    assert name_bundle(tmp_path, "gru", NOW).name == "gru-20240301-021500-2"
