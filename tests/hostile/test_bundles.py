"""Bundles that are damaged or hostile although their hashes are right: each is an input error, soon."""

import json
import os
import shutil
import signal
import struct
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.cli.conftest import Forecast
from tests.hostile import forge
from tests.hostile.forge import with_array, with_content, with_json, with_text

DEEP = "[" * 100_000 + "]" * 100_000
BOMB = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]).encode()
MERGES = "\n".join(["b0: &b0 {k: 1}", *(f"b{n}: &b{n} {{<<: [*b{n - 1}, *b{n - 1}]}}" for n in range(1, 40))]).encode()
NO_NUMBER = json.loads("1e999")


def header(text: str | bytes, data: bytes = b"") -> bytes:
    content = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(content)) + content + data


MANIFESTS: dict[str, forge.Forge] = {
    "infinite number": with_json("manifest.json", "training/seconds", NO_NUMBER),
    "NaN": with_json("manifest.json", "data/spacing", float("nan")),
    "lone surrogate": with_json("manifest.json", "model", "\ud800"),
    "NUL in a file name": with_json("manifest.json", "files/a\0b", "0" * 64),
    "NUL in the path": with_json("manifest.json", "data/absolute", "a\0b"),
    "parent folder": with_json("manifest.json", "files/..", "0" * 64),
    "absolute file": with_json("manifest.json", "files/|etc|passwd", "0" * 64),
    "huge horizon": with_json("manifest.json", "horizon", 10**12),
    "other horizon": with_json("manifest.json", "horizon", 5),
    "other model": with_json("manifest.json", "model", "lstm"),
    "huge season": with_json("manifest.json", "data/season", 10**12),
    "huge step": with_json("manifest.json", "data/frequency/every", 10**18),
    "huge integer": with_json("manifest.json", "data/rows", 10**400),
    "negative rows": with_json("manifest.json", "data/rows", -1),
    "text as number": with_json("manifest.json", "horizon", "4"),
    "bool as number": with_json("manifest.json", "horizon", True),
    "far holiday": with_json("manifest.json", "data/frequency/holidays", [2**62]),
    "null columns": with_json("manifest.json", "data/columns", None),
    "time": with_json("manifest.json", "created", "yesterday"),
    "reason of the choice": with_json("manifest.json", "chosen", {"why": 1}),
    "package name": with_json("manifest.json", "versions", {"": "1"}),
    "no weights listed": with_json("manifest.json", "files", {}),
}
DOCUMENTS: dict[str, forge.Forge] = {
    "deep metrics": with_content("metrics.json", f'{{"holdout": {DEEP}}}'.encode()),
    "metrics are a list": with_content("metrics.json", b"[]"),
    "metrics are empty": with_content("metrics.json", b"{}"),
    "metrics in UTF-16": with_content("metrics.json", "{}".encode("utf-16")),
    "no verdict": with_json("metrics.json", "verdict", None),
    "scores are text": with_json("metrics.json", "holdout/models/gru/mase", "good"),
    "scores of no model": with_json("metrics.json", "holdout/models/gru", {}),
    "models are a list": with_json("metrics.json", "holdout/models", []),
    "skill is a list": with_json("metrics.json", "skill", [1]),
    "horizon of 1e400": with_text("metrics.json", '"horizon": 4', f'"horizon": {10**400}'),
    "alias bomb": with_content("config.yaml", BOMB),
    "merge bomb": with_content("config.yaml", MERGES),
    "deep config": with_content("config.yaml", DEEP.encode()),
    "circular config": with_content("config.yaml", b"data: &a\n  path: *a\n"),
    "config is no YAML": with_content("config.yaml", b"data: {"),
    "config is binary": with_content("config.yaml", bytes(range(256))),
    "many seeds": with_text("config.yaml", "seeds: 1", "seeds: 10000000"),
    "nested seeds": with_text("config.yaml", "seeds: 1", "seeds: 200\n  variants: [{ensemble: {seeds: 200}}]\n  # "),
    "many layers": with_text("config.yaml", "layers: 1", "layers: 1000000000"),
    "many units": with_text("config.yaml", "hidden: 4", "hidden: 60000"),
    "long context": with_text("config.yaml", "context: 35\n  hidden", "context: 1000000000\n  hidden"),
    "other config horizon": with_text("config.yaml", "horizon: 4", "horizon: 3"),
    "unresolved config": with_content("config.yaml", b"model: {kind: gru}"),
    "unknown key": with_text("config.yaml", "preset: fast", "preset: fast\nodd: 1"),
    "model to choose": with_text("config.yaml", "kind: gru", "kind: auto"),
    "unlisted config": lambda folder: unlist(folder, "config.yaml"),
}
WEIGHTS: dict[str, forge.Forge] = {
    "empty": with_content("weights.safetensors", b""),
    "short": with_content("weights.safetensors", b"\0\0\0"),
    "header beyond the end": with_content("weights.safetensors", struct.pack("<Q", 2**60) + b"{}"),
    "header is a list": with_content("weights.safetensors", header("[]")),
    "header is no JSON": with_content("weights.safetensors", header("{")),
    "deep header": with_content("weights.safetensors", header(DEEP)),
    "no arrays": with_content("weights.safetensors", header("{}")),
    "unknown type": with_content(
        "weights.safetensors", header('{"a": {"dtype": "F3", "shape": [1], "data_offsets": [0, 4]}}', b"0000")
    ),
    "type without numpy": with_content(
        "weights.safetensors", header('{"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}', b"0000")
    ),
    "offsets beyond the end": with_content(
        "weights.safetensors", header('{"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}', b"0000")
    ),
    "negative shape": with_content(
        "weights.safetensors", header('{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}', b"0000")
    ),
    "overflowing shape": with_content(
        "weights.safetensors",
        header('{"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 4]}}', b"0000"),
    ),
    "NaN weight": with_array("network.skip.gate.weight", lambda array: array * np.nan),
    "odd shape": with_array("network.skip.gate.weight", lambda array: array[:1]),
    "missing weight": with_array("network.skip.gate.weight", None),
    "unknown weight": with_array("network.odd", np.ones(2, np.float32)),
    "unknown member": with_array("9.network.odd", np.ones(2, np.float32)),
    "member without number": with_array("x.y", np.ones(2, np.float32)),
    "NaN factors": with_array("conformal.factors", lambda array: array * np.nan),
    "infinite factors": with_array("conformal.factors", lambda array: array * np.inf),
    "negative factors": with_array("conformal.factors", lambda array: -array),
    "flat factors": with_array("conformal.factors", lambda array: array.ravel()),
    "short factors": with_array("conformal.factors", lambda array: array[:, :1]),
    "no edges": with_array("conformal.edges", None),
    "unknown calibration": with_array("conformal.other", np.ones(1, np.float32)),
    "falling edges": with_array("conformal.edges", np.array([2, 1], np.float32)),
    "edges of many groups": with_array("conformal.edges", np.arange(9, dtype=np.float32)),
    "huge season": with_array("dimensions.season", np.array([2**62])),
    "no season": with_array("dimensions.season", np.array([0])),
    "real season": with_array("dimensions.season", np.array([7.5])),
    "season of no length": with_array("dimensions.season", np.array([], np.int64)),
    "negative covariates": with_array("dimensions.past", np.array([-1])),
    "many covariates": with_array("dimensions.known", np.array([10**8])),
    "other horizon": with_array("dimensions.horizon", np.array([9])),
    "no horizon": with_array("dimensions.horizon", None),
    "unknown size": with_array("dimensions.odd", np.array([1])),
    "no best step": with_array("best_step", None),
}


def unlist(folder: Path, name: str) -> None:
    manifest = forge.read(folder / "manifest.json")
    del manifest["files"][name]
    forge.seal_manifest(folder, manifest)


@pytest.fixture(autouse=True)
def stop_after_a_while() -> Iterator[None]:
    """Fail where a command does not end, such as one that opened a pipe."""

    def fail(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("the command does not end")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def make_checkpoint(tmp_path: Path) -> Path:
    """Write a checkpoint without a state, and its data beside it."""
    folder = tmp_path / "b.partial"
    folder.mkdir()
    shutil.copy(forge.GOLDEN / "sales.csv", tmp_path)
    mark = forge.read(forge.GOLDEN / "network/bundle/manifest.json")["data"]["fingerprint"]
    (folder / "config.yaml").write_bytes((forge.GOLDEN / "network/bundle/config.yaml").read_bytes())
    run: dict[str, Any] = {"out": str(tmp_path / "b"), "is_default": False, "fingerprint": mark, "data": "sales.csv"}
    (folder / "run.json").write_text(json.dumps({**run, "chosen": None, "told": {}}))
    return folder


def assert_refused(forecast: Forecast, *arguments: str | Path) -> None:
    done = forecast(*arguments)
    assert done.code == 66, done
    error, hint = done.err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert "Traceback" not in done.err
    assert len(done.err) < 5000


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_of_odd_values_is_refused(forecast: Forecast, tmp_path: Path, name: str) -> None:
    folder = forge.copy_bundle(tmp_path)
    MANIFESTS[name](folder)
    assert_refused(forecast, "predict", "sales.csv", "--bundle", "b")
    assert_refused(forecast, "show", "b")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_of_odd_values_is_refused(forecast: Forecast, tmp_path: Path, name: str) -> None:
    folder = forge.copy_bundle(tmp_path)
    DOCUMENTS[name](folder)
    assert_refused(forecast, "predict", "sales.csv", "--bundle", "b")


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_do_not_fit_are_refused(forecast: Forecast, tmp_path: Path, name: str) -> None:
    folder = forge.copy_bundle(tmp_path)
    WEIGHTS[name](folder)
    assert_refused(forecast, "predict", "sales.csv", "--bundle", "b")


@pytest.mark.parametrize(
    "arguments", [["backtest", "sales.csv", "--bundle", "b"], ["explain", "b", "--data", "sales.csv"]]
)
def test_every_command_that_runs_a_bundle_checks_its_weights(
    forecast: Forecast, tmp_path: Path, arguments: list[str]
) -> None:
    folder = forge.copy_bundle(tmp_path)
    WEIGHTS["odd shape"](folder)
    with_json("manifest.json", "data/last_cutoff", 0)(folder)  # the weights of a backtest forecast newer data only
    assert_refused(forecast, *arguments)


@pytest.mark.parametrize("name", ["manifest.json", "weights.safetensors", "config.yaml", "metrics.json", "holdout.csv"])
@pytest.mark.parametrize("kind", ["pipe", "link", "device", "folder", "dangling link", "large"])
def test_only_regular_files_of_bounded_size_are_read(forecast: Forecast, tmp_path: Path, name: str, kind: str) -> None:
    path = forge.copy_bundle(tmp_path) / name
    (tmp_path / "outside").write_bytes(path.read_bytes())
    path.unlink()
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to(tmp_path / "outside")
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "dangling link":
            path.symlink_to("nothing")
        case "large":
            with path.open("wb") as file:
                file.truncate(2**40)
    assert_refused(forecast, "report", "b", "-o", "b.html")
    if (name, kind) != ("holdout.csv", "large"):
        assert_refused(forecast, "predict", "sales.csv", "--bundle", "b")
        assert_refused(forecast, "show", "b")


def test_a_large_table_is_not_even_read_where_nobody_needs_it(forecast: Forecast, tmp_path: Path) -> None:
    with (forge.copy_bundle(tmp_path) / "holdout.csv").open("r+b") as file:
        file.truncate(2**40)
    assert forecast("predict", "sales.csv", "--bundle", "b").code == 0
    shown = forecast("show", "b")
    assert (shown.code, "except holdout.csv" in " ".join(shown.out.split())) == (0, True)


def test_the_message_of_a_library_is_shortened(forecast: Forecast, tmp_path: Path) -> None:
    folder = forge.copy_bundle(tmp_path)
    with_content("weights.safetensors", header(json.dumps({"a": "x" * 200_000})))(folder)
    assert_refused(forecast, "predict", "sales.csv", "--bundle", "b")


def test_a_folder_of_bundles_may_be_a_link(forecast: Forecast, tmp_path: Path) -> None:
    forge.copy_bundle(tmp_path)
    (tmp_path / "latest").symlink_to("b")
    assert forecast("predict", "sales.csv", "--bundle", "latest").code == 0


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("holdout.csv", b"a,b\n1,2\n"),
        ("holdout.csv", b"\xff\xfe\0\0"),
        ("history.csv", b""),
        ("history.csv", b"step,train_loss\nx,y\n"),
        ("quality.json", b"[]"),
        ("quality.json", b'{"rows": 1}'),
        ("quality.json", DEEP.encode()),
    ],
)
def test_a_report_of_odd_tables_is_refused(forecast: Forecast, tmp_path: Path, file: str, content: bytes) -> None:
    with_content(file, content)(forge.copy_bundle(tmp_path))
    assert_refused(forecast, "report", "b", "-o", "b.html")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("run.json", b"{}"),
        ("run.json", DEEP.encode()),
        (
            "run.json",
            b'{"out": "a\\u0000b", "is_default": false, "fingerprint": "", "data": "x", "chosen": 1, "told": {}}',
        ),
        ("config.yaml", BOMB),
        ("state.safetensors", header("[]")),
    ],
)
@pytest.mark.parametrize("command", [["show"], ["train", "sales.csv", "--resume"]])
def test_a_checkpoint_of_odd_values_is_refused(
    forecast: Forecast, tmp_path: Path, file: str, content: bytes, command: list[str]
) -> None:
    (make_checkpoint(tmp_path) / file).write_bytes(content)
    assert_refused(forecast, *command, "b.partial")


@pytest.mark.parametrize("name", ["fitted.best_step", "fit.random", "fit.history"])
def test_a_state_that_does_not_fit_is_refused(forecast: Forecast, tmp_path: Path, name: str) -> None:
    names = [name, "fit.random"] if name == "fit.history" else [name]
    save_file({each: np.zeros(3) for each in names}, make_checkpoint(tmp_path) / "state.safetensors")
    assert_refused(forecast, "train", "sales.csv", "--resume", "b.partial")


@pytest.mark.parametrize("kind", ["backtest", "compare", "tune"])
@pytest.mark.parametrize("content", ["{}", "[]", "null", DEEP, '{"by_series": {}}'])
def test_results_of_odd_values_are_refused(forecast: Forecast, tmp_path: Path, kind: str, content: str) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "metrics.json").write_text(f'{{"{kind}": {content}}}')
    (folder / "config.yaml").write_bytes((forge.GOLDEN / "network/bundle/config.yaml").read_bytes())
    (folder / "backtest.csv").write_bytes((forge.GOLDEN / "network/bundle/holdout.csv").read_bytes())
    assert_refused(forecast, "show", "r")
    assert_refused(forecast, "report", "r", "-o", "r.html")
