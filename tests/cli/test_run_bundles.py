"""A job deletes only what it made, and shares its bundles folder with nothing and nobody."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from forecaster.store.owner import RECORD
from tests.cli.conftest import Done, Forecast, write_sales
from tests.test_golden import GOLDEN

JOB = "data: {{path: sales.csv, horizon: 7}}\nmodel: {{kind: seasonal_naive}}\njob: {{keep: 1, bundles: {bundles}}}\n"
FOREIGN_FILES = (
    ".git/config",
    ".ssh/id_ed25519",
    ".env",
    "downloads.partial/film.mp4",
    "site/manifest.json",
    "gru-20240101-021500/manifest.json/x",
    ".forecasts.csv.abcd1234",
    "notes.txt",
)


def read_status(done: Done) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(done.out)
    return status


def write_job(folder: Path, name: str = "nightly", *, bundles: str = "null") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_sales(folder)
    path = folder / f"{name}.yaml"
    path.write_text(JOB.format(bundles=bundles))
    return path


def list_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def train_again(forecast: Forecast, job: Path) -> Done:
    """Run a job with a new setting, so that it trains a new model."""
    return forecast("run", job, "-q", "--set", "training.seed=7", "--set", "job.challenger.margin=0")


@pytest.mark.parametrize("bundles", [".", "..", "runs", "../shared", "~x"])
def test_a_folder_with_foreign_files_is_refused_and_unchanged(forecast: Forecast, tmp_path: Path, bundles: str) -> None:
    job = write_job(tmp_path / "jobs", bundles=bundles)
    folder = job.parent / bundles
    for name in FOREIGN_FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    before = list_files(tmp_path)
    for arguments in (["-q"], ["-q", "--dry-run"]):
        done = forecast("run", job, *arguments)
        assert done.code == 78
        assert "which" in read_status(done)["error"]["message"]
        assert "job: {bundles: nightly.bundles}" in read_status(done)["error"]["hint"]
    assert list_files(tmp_path) == before


@pytest.mark.parametrize("name", FOREIGN_FILES)
def test_each_foreign_file_alone_is_refused(forecast: Forecast, tmp_path: Path, name: str) -> None:
    job = write_job(tmp_path, bundles="models")
    path = tmp_path / "models" / name
    path.parent.mkdir(parents=True)
    path.write_text(name)
    before = list_files(tmp_path)
    done = forecast("run", job, "-q")
    if name.startswith("gru-"):  # named like a damaged model of version 0.1: it is tolerated, and stays
        assert done.code == 0
        train_again(forecast, job)
        assert path.read_text() == name
    else:
        assert done.code == 78
        assert list_files(tmp_path) == before


def test_bundles_that_no_job_trained_are_refused(forecast: Forecast, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "network" / "bundle", tmp_path / "runs" / "sales-gru-20240101-021500")
    done = forecast("run", write_job(tmp_path, bundles="runs"), "-q")
    assert done.code == 78
    assert "did not train" in read_status(done)["error"]["message"]


def test_foreign_files_that_come_later_stay(forecast: Forecast, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    forecast("run", job, "-q")
    bundles = tmp_path / "nightly.bundles"
    for name in FOREIGN_FILES:
        (bundles / name).parent.mkdir(parents=True, exist_ok=True)
        (bundles / name).write_text(name)
    (first,) = (path for path in bundles.glob("seasonal_naive-*") if path.is_dir())
    for margin in range(3):
        forecast("run", job, "-q", "--set", f"training.seed={margin}")
    assert {name: (bundles / name).read_text() for name in FOREIGN_FILES} == {name: name for name in FOREIGN_FILES}
    assert first.exists()  # in use still: the others were not better


def test_two_jobs_cannot_share_a_folder(forecast: Forecast, tmp_path: Path) -> None:
    first = write_job(tmp_path / "a", bundles="../shared")
    second = write_job(tmp_path / "b", bundles="../shared")
    third = write_job(tmp_path / "a", "other", bundles="../shared")
    assert forecast("run", first, "-q").code == 0
    before = list_files(tmp_path / "shared")
    for job in (second, third):
        done = forecast("run", job, "-q")
        assert done.code == 78
        assert "belongs to the job 'nightly'" in read_status(done)["error"]["message"]
    assert forecast("run", first, "-q", "--set", "job.name=renamed").code == 78
    assert list_files(tmp_path / "shared") == before
    assert read_status(forecast("run", first, "-q"))["status"] == "unchanged"


def test_a_job_and_its_models_can_move(forecast: Forecast, tmp_path: Path) -> None:
    forecast("run", write_job(tmp_path / "a"), "-q")
    record = (tmp_path / "a" / "nightly.bundles" / RECORD).read_text()
    (tmp_path / "a").rename(tmp_path / "b")
    assert read_status(forecast("run", tmp_path / "b" / "nightly.yaml", "-q"))["retrain"] is None
    assert (tmp_path / "b" / "nightly.bundles" / RECORD).read_text() == record
    (tmp_path / "c").mkdir()
    (tmp_path / "b" / "nightly.yaml").rename(tmp_path / "c" / "nightly.yaml")
    settings = ("--set", "job.bundles=../b/nightly.bundles", "--set", "data.path=../b/sales.csv")
    assert forecast("run", tmp_path / "c" / "nightly.yaml", "-q", *settings).code == 0
    assert json.loads((tmp_path / "b" / "nightly.bundles" / RECORD).read_text())["file"] == "../../c/nightly.yaml"


def test_models_of_version_0_1_are_adopted(forecast: Forecast, tmp_path: Path) -> None:
    job = write_job(tmp_path, bundles="nightly.bundles")
    forecast("run", job, "-q")
    bundles = tmp_path / "nightly.bundles"
    (model,) = (path for path in bundles.glob("seasonal_naive-*"))
    (bundles / RECORD).unlink()
    (bundles / ".champion.123").symlink_to(model.name)
    (bundles / f".{model.name}.abcd1234").mkdir()
    (bundles / "lost+found").mkdir()
    assert read_status(forecast("run", job, "-q"))["status"] == "unchanged"
    assert json.loads((bundles / RECORD).read_text())["adopted"] == [model.name]
    assert model.exists()


def test_a_linked_folder_and_a_file_are_refused(forecast: Forecast, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    (tmp_path / "large disk").mkdir()
    (tmp_path / "nightly.bundles").symlink_to("large disk")
    done = forecast("run", job, "-q")
    assert done.code == 78
    assert f"job: {{bundles: '{tmp_path / 'large disk'}'}}" in read_status(done)["error"]["hint"]
    (tmp_path / "nightly.bundles").unlink()
    (tmp_path / "nightly.bundles").touch()
    done = forecast("run", job, "-q")
    assert done.code == 78
    assert "bundles: nightly-2.bundles" in read_status(done)["error"]["hint"]


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"job": 1}', "[" * 100_000, '{"job": "a", "file": "b", "id": "*", "adopted": []}']
)
def test_a_damaged_record_is_refused(forecast: Forecast, tmp_path: Path, content: str) -> None:
    job = write_job(tmp_path)
    forecast("run", job, "-q")
    (tmp_path / "nightly.bundles" / RECORD).write_text(content)
    done = forecast("run", job, "-q")
    assert done.code == 78
    assert "cannot be read as the record of a job" in read_status(done)["error"]["message"]


@pytest.mark.parametrize("content", ["[[package]]\n", "12 34", "1" * 40])
def test_a_foreign_file_with_the_name_of_the_lock_stays(forecast: Forecast, tmp_path: Path, content: str) -> None:
    job = write_job(tmp_path)
    (tmp_path / "nightly.lock").write_text(content)
    done = forecast("run", job, "-q")
    assert done.code == 73
    assert "mv" in read_status(done)["error"]["hint"]
    assert (tmp_path / "nightly.lock").read_text() == content


def test_a_linked_lock_is_refused(forecast: Forecast, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    (tmp_path / "target").write_text("")
    (tmp_path / "nightly.lock").symlink_to("target")
    assert forecast("run", job, "-q").code == 73
    (tmp_path / ".out.lock").symlink_to("target")
    assert forecast("train", tmp_path / "sales.csv", "--model", "naive", "-o", "out").code == 73
    assert (tmp_path / "target").read_text() == ""
