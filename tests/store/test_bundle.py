import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from forecaster.errors import InputError
from forecaster.settings import load
from forecaster.store import bundle
from forecaster.store.manifest import Manifest

GOLDEN = Path(__file__).parents[1] / "golden/network/bundle"


def write_holdout(path: Path) -> None:
    path.write_bytes(b"ds,y\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "bundle"
    bundle.write(
        path,
        manifest=Manifest.from_dict(json.loads((GOLDEN / "manifest.json").read_text()), place="manifest.json"),
        config=load(GOLDEN / "config.yaml"),
        state={"weight": np.arange(3, dtype=np.float32)},
        metrics=json.loads((GOLDEN / "metrics.json").read_text()),
        tables={"history.csv": b"step\n1\n", "holdout.csv": write_holdout, "0.network.onnx": b"a graph"},
    )
    return path


def test_a_bundle_reads_back_as_written(folder: Path) -> None:
    read = bundle.read(folder)
    assert read.config == load(GOLDEN / "config.yaml")
    assert read.metrics["verdict"] == "no better"
    assert read.manifest.model == "gru"
    assert read.state["weight"].tolist() == [0, 1, 2]
    assert read.exports == {"0.network.onnx": b"a graph"}


def test_no_file_of_a_bundle_is_a_pickle(folder: Path) -> None:
    assert {file.suffix for file in folder.iterdir()} == {".json", ".yaml", ".csv", ".safetensors", ".onnx"}


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "config.yaml", "metrics.json", "history.csv", "holdout.csv", "0.network.onnx"]
)
def test_an_altered_truncated_or_missing_file_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1] + b"#")
    with pytest.raises(InputError, match=f"{name}: altered"):
        bundle.read(folder)
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=f"{name}: altered"):
        bundle.read(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        bundle.read(folder)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"schema_version": "x", "files": {}}', '{"schema_version": 1, "files": {}}']
)
def test_a_broken_manifest_is_refused(folder: Path, content: str) -> None:
    (folder / "manifest.json").write_text(content)
    with pytest.raises(InputError):
        bundle.read(folder)


def test_an_altered_manifest_is_refused(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace("gru", "lstm"))
    with pytest.raises(InputError, match=r"manifest\.json: altered"):
        bundle.read(folder)


def test_of_an_interrupted_training_it_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "b.partial").mkdir()
    with pytest.raises(InputError, match="interrupted") as caught:
        bundle.read(tmp_path / "b.partial")
    assert f"forecast train --resume {tmp_path / 'b.partial'}`" in caught.value.hint


def test_a_newer_schema_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "schema_version": 2}))
    with pytest.raises(InputError, match="schema 2 is newer"):
        bundle.read(folder)


def test_a_name_in_the_manifest_cannot_leave_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../secret"] = "0"
    del manifest["hash"]
    manifest["hash"] = hashlib.sha256(bundle.json_bytes(manifest)).hexdigest()  # as a forger would
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="secret"):
        bundle.read(folder)


def test_a_missing_bundle_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        bundle.read(tmp_path / "nowhere")
    assert "forecast train" in caught.value.hint
