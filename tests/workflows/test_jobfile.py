from pathlib import Path

import pytest

from forecaster.errors import ConfigError
from forecaster.workflows.jobfile import open_job


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "night.yaml").write_text("data: {path: ../sales.csv}\njob: {ledger: x.db}\n")
    monkeypatch.chdir(tmp_path)
    job = open_job(Path("jobs/night.yaml"))
    assert job.name == "night"
    assert job.config.data.path == f"{tmp_path}/jobs/../sales.csv"
    assert job.ledger == f"{tmp_path}/jobs/x.db"


@pytest.mark.parametrize(
    ("ledger", "found"),
    [
        ("null", "{}/night.ledger.db"),
        ("sqlite:///x.db", "sqlite:///{}/x.db"),
        ("sqlite:////srv/x.db", "sqlite:////srv/x.db"),
        ("postgresql://me@host/x", "postgresql://me@host/x"),
    ],
)
def test_a_ledger_is_found_from_any_folder(tmp_path: Path, ledger: str, found: str) -> None:
    (tmp_path / "night.yaml").write_text(f"data: {{path: sales.csv}}\njob: {{ledger: {ledger}}}\n")
    assert open_job(tmp_path / "night.yaml").ledger == found.format(tmp_path)


def test_a_job_without_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "night.yaml").write_text("job: {}\n")
    with pytest.raises(ConfigError, match="names no file"):
        open_job(tmp_path / "night.yaml")
