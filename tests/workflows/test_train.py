"""The facts of an interrupted training."""

from pathlib import Path

import pytest

from forecaster.store.bundle import json_bytes
from forecaster.workflows.manifest import Origin
from forecaster.workflows.train import RUN, TrainingRun

ORIGINS = [
    Origin("/data/sales.csv", "0a1b", {"model": "gru", "why": "it was the best"}, {"name": "shop"}),
    Origin("-", ""),
]


@pytest.mark.parametrize("origin", ORIGINS, ids=["job", "standard input"])
def test_a_run_is_read_back_as_written(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = TrainingRun(Path("runs/b"), True, origin)
    folder = tmp_path / "runs/b.partial"
    folder.mkdir(parents=True)
    (folder / RUN).write_bytes(json_bytes(run.to_dict()))
    assert TrainingRun.read(folder / RUN) == run


def test_a_run_of_version_0_1_is_read(tmp_path: Path) -> None:
    values = {"out": "/x/b", "is_default": False, "fingerprint": "0a", "data": "/x/a.csv", "chosen": None, "told": {}}
    folder = tmp_path / "b.partial"
    folder.mkdir()
    (folder / RUN).write_bytes(json_bytes(values))
    run = TrainingRun.read(folder / RUN)
    assert run == TrainingRun(tmp_path / "b", False, Origin("/x/a.csv", "0a"))  # where it is, not where it says
    assert run.to_dict() == {**values, "out": str(tmp_path / "b")}
