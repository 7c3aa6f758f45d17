import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from forecaster.store import bundle
from forecaster.store.files import find_temporaries, temporary_prefix
from forecaster.store.owner import Owner
from forecaster.workflows.job.champion import find_champion, name_bundle, promote, prune_bundles, remove_leftovers
from tests.test_golden import GOLDEN

NOW = datetime(2024, 3, 1, 2, 15, tzinfo=UTC)
OWNER = Owner("nightly", "../nightly.yaml", "0123456789abcdef", adopted=("m6",))
OTHER_ID = "fedcba9876543210"


def make_model(folder: Path, job: dict[str, Any] | None, *, created: str = "2024-01-01T00:00:00+00:00") -> Path:
    """Write a folder with a valid manifest and one more file of the bundle."""
    values = json.loads((GOLDEN / "network" / "bundle" / bundle.MANIFEST).read_text())
    values = {**values, "created": created, "job": job, "files": {"weights.safetensors": "0" * 64}}
    del values["hash"]
    if job is None:
        del values["job"]
    folder.mkdir()
    (folder / "weights.safetensors").touch()
    digest = sha256(bundle.json_bytes(values)).hexdigest()
    (folder / bundle.MANIFEST).write_bytes(bundle.json_bytes({**values, "hash": digest}))
    return folder


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    """Seven models, the oldest first; version 0.1 made the last one."""
    for number in range(7):
        entry = {"name": "nightly"} if number == 6 else {"name": "nightly", "id": OWNER.id}
        make_model(tmp_path / f"m{number}", entry, created=f"2024-01-0{number + 1}T00:00:00+00:00")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_old_models_go_but_never_the_one_in_use(bundles: Path) -> None:
    promote(bundles / "m0", OWNER)
    (bundles / "notes").mkdir()
    assert sorted(prune_bundles(bundles, 3, OWNER)) == ["m1", "m2", "m3", "m4"]
    assert names(bundles) == ["champion", "m0", "m5", "m6", "notes"]
    assert (bundles / "champion").resolve() == bundles / "m0"
    prune_bundles(bundles, 1, OWNER)
    assert names(bundles) == ["champion", "m0", "notes"]


def test_the_model_that_published_stays_beside_the_champion(bundles: Path) -> None:
    promote(bundles / "m5", OWNER)
    prune_bundles(bundles, 1, OWNER, publisher="m2")
    assert names(bundles) == ["champion", "m2", "m5"]


def test_models_that_this_job_did_not_make_stay(tmp_path: Path) -> None:
    make_model(tmp_path / "trained", None)
    make_model(tmp_path / "same_name", {"name": "nightly"})
    make_model(tmp_path / "other_id", {"name": "nightly", "id": OTHER_ID})
    make_model(tmp_path / "m6", {"name": "another"})
    (make_model(tmp_path / "damaged", {"name": "nightly", "id": OWNER.id}) / bundle.MANIFEST).write_text("{}")
    (tmp_path / "linked").symlink_to(make_model(tmp_path.with_name("elsewhere"), {"id": OWNER.id}))
    before = names(tmp_path)
    assert prune_bundles(tmp_path, 1, OWNER) == []
    remove_leftovers(tmp_path, (), OWNER)
    assert names(tmp_path) == before


def test_what_others_put_into_a_model_stays(bundles: Path) -> None:
    promote(bundles / "m6", OWNER)
    (bundles / "m0" / "notes.txt").touch()
    prune_bundles(bundles, 1, OWNER)
    assert names(bundles) == ["champion", "m0", "m6"]
    assert names(bundles / "m0") == ["notes.txt"]


def test_what_a_killed_run_had_begun_is_removed(bundles: Path) -> None:
    promote(bundles / "m6", OWNER)
    for name in ("m8", "m9"):
        entry = {"name": "nightly", "id": OWNER.id if name == "m8" else OTHER_ID}
        (bundles / f"{name}.partial").mkdir()
        run = {"out": str(bundles / name), "is_default": False, "fingerprint": "", "data": "", "chosen": None}
        (bundles / f"{name}.partial" / "run.json").write_text(json.dumps({**run, "told": {"job": entry}}))
    (bundles / "m8.partial" / (temporary_prefix("state.safetensors", OWNER.id) + "x")).touch()
    (bundles / (temporary_prefix("m8", OWNER.id) + "x1y2")).mkdir()
    (bundles / (temporary_prefix("champion", OWNER.id) + "x1y2")).symlink_to("m6")
    (bundles / (temporary_prefix("forecasts.csv", OWNER.id) + "x1y2")).touch()
    foreign = [".env", ".forecasts.csv.abcd1234", "downloads.partial", temporary_prefix("m8", OTHER_ID) + "x"]
    for name in foreign:
        (bundles / name).mkdir()
    remove_leftovers(bundles / "absent", (str(bundles / "forecasts.csv"), "sqlite:///x.db"), OWNER)
    assert find_temporaries(bundles, OWNER.id) == []
    remove_leftovers(bundles, (), OWNER)
    assert names(bundles) == sorted(["champion", *(f"m{number}" for number in range(7)), "m9.partial", *foreign])


def test_there_is_no_model_before_the_first_and_none_that_is_broken(bundles: Path) -> None:
    assert find_champion(bundles) == (None, None)
    (bundles / "m6" / bundle.MANIFEST).write_text("")
    promote(bundles / "m6", OWNER)
    champion, problem = find_champion(bundles)
    assert champion is None
    assert problem is not None
    assert "manifest.json: is not valid JSON" in problem


def test_a_new_model_gets_a_name_of_its_own(tmp_path: Path) -> None:
    first = name_bundle(tmp_path, "gru", NOW)
    assert first.name == "gru-20240301-021500"
    first.mkdir()
    assert name_bundle(tmp_path, "gru", NOW).name == "gru-20240301-021500-2"
