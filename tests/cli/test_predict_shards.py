"""`forecast predict -o FOLDER/`: shards that a repeated command completes, and one manifest that publishes them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecaster.store import shards
from tests.cli.conftest import Forecast
from tests.cli.test_predict_workers import in_parts, shops
from tests.object_store import get, list_keys, put

__all__ = ["in_parts", "shops"]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def read(folder: Path) -> pd.DataFrame:
    """Read the forecasts that the manifest of a folder publishes."""
    manifest = json.loads((folder / shards.MANIFEST).read_text())
    return pd.concat([pd.read_parquet(folder / name) for name in manifest["shards"]], ignore_index=True)


def change_series(path: Path, name: str, out: str) -> Path:
    frame = pd.read_parquet(path)
    frame.loc[frame["shop"] == name, "y"] += 1
    frame.to_parquet(out, index=False, row_group_size=100)
    return Path(out)


def test_the_shards_are_the_table_and_a_second_run_skips_them(forecast: Forecast, in_parts: Path) -> None:
    assert forecast("predict", in_parts, "--bundle", "b", "-o", "f.parquet", "-q").code == 0
    done = forecast("predict", in_parts, "--bundle", "b", "-o", "out/", "--json")
    assert done.code == 0, done.err
    counts = done.json["shards"]
    assert counts["written"] == len(list(Path("out").glob("part-*"))) > 3
    assert (counts["skipped"], counts["series"]) == (0, 30)
    pd.testing.assert_frame_equal(read(Path("out")), pd.read_parquet("f.parquet"))
    before = content(Path("out"))
    again = forecast("predict", in_parts, "--bundle", "b", "-o", "out/", "--json").json["shards"]
    assert again == counts | {"written": 0, "skipped": counts["written"], "fallbacks": 0}
    assert content(Path("out")) == before
    text = forecast("predict", in_parts, "--bundle", "b", "-o", "out/")
    assert f"30 series in {counts['written']} shards: 0 written, {counts['written']} skipped, 0 fallbacks" in text.out
    assert "out/manifest.json: nothing is new" in text.err


def test_a_run_that_stops_between_shards_is_completed_to_the_byte(
    forecast: Forecast, in_parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert forecast("predict", in_parts, "--bundle", "b", "-o", "whole/").code == 0
    write, left = shards.LocalFolder.write, 2

    def write_two(self: shards.LocalFolder, name: str, frames: Iterable[pd.DataFrame]) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        write(self, name, frames)

    with monkeypatch.context() as patch:
        patch.setattr(shards.LocalFolder, "write", write_two)
        assert forecast("predict", in_parts, "--bundle", "b", "-o", "out/").code == 130
    assert len(content(Path("out"))) == 2
    done = forecast("predict", in_parts, "--bundle", "b", "-o", "out/", "--workers", "2", "--json")
    assert done.json["shards"]["skipped"] == 2
    assert content(Path("out")) == content(Path("whole"))


SLOW = """
import sys, time
from forecaster.data import memory_limit
from forecaster.evaluation import backtest
from forecaster.store import shards
memory_limit.DEFAULT_ROWS_AT_ONCE = 300
backtest.iterate_parts.__kwdefaults__["points"] = 50
write = shards.LocalFolder.write
def write_slowly(*arguments):
    write(*arguments)
    time.sleep(0.5)
shards.LocalFolder.write = write_slowly
from forecaster.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_killed_run_is_completed_and_the_last_forecast_stays_until_then(forecast: Forecast, in_parts: Path) -> None:
    assert forecast("predict", in_parts, "--bundle", "b", "-o", "out/").code == 0
    before = content(Path("out"))
    newer = pd.read_parquet(in_parts)
    newer["y"] += 1
    newer.to_parquet("newer.parquet", index=False, row_group_size=100)
    command = [sys.executable, "-c", SLOW, "predict", "newer.parquet", "--bundle", "b", "-o", "out/"]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}) as process:
        while len(list(Path("out").glob("part-*"))) < len(before) + 1 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    after = content(Path("out"))
    assert {name: after[name] for name in before} == before  # Readers still see the whole last forecast.
    written = len(after.keys() - before.keys())
    done = forecast("predict", "newer.parquet", "--bundle", "b", "-o", "out/", "--json")
    assert done.json["shards"]["skipped"] >= 2 <= written
    assert forecast("predict", "newer.parquet", "--bundle", "b", "-o", "f.parquet", "-q").code == 0
    pd.testing.assert_frame_equal(read(Path("out")), pd.read_parquet("f.parquet"))
    assert before.keys() - {shards.MANIFEST} <= content(Path("out")).keys()  # A reader may still be reading them.


def test_only_the_shards_of_changed_series_are_written(forecast: Forecast, in_parts: Path) -> None:
    total = forecast("predict", in_parts, "--bundle", "b", "-o", "out/", "--json").json["shards"]["written"]
    changed = change_series(in_parts, "s12", "changed.parquet")
    counts = forecast("predict", changed, "--bundle", "b", "-o", "out/", "--json").json["shards"]
    assert (counts["written"], counts["skipped"]) == (1, total - 1)


def test_shards_of_the_forecast_before_the_last_are_deleted_and_nothing_else(
    forecast: Forecast, in_parts: Path
) -> None:
    Path("out").mkdir()
    Path("out/notes.txt").write_text("mine")
    Path(f"out/part-{'0' * 32}.parquet").write_text("mine")
    names = []
    for name in ("s12", "s13", "s14"):
        changed = change_series(in_parts, name, "changed.parquet")
        assert forecast("predict", changed, "--bundle", "b", "-o", "out/").code == 0
        names.append(set(json.loads(Path("out/manifest.json").read_text())["shards"]))
    present = {path.name for path in Path("out").iterdir()}
    assert present == names[1] | names[2] | {"notes.txt", f"part-{'0' * 32}.parquet", "manifest.json"}
    assert names[0] - names[1] - names[2]


@pytest.mark.parametrize("change", [["--horizon", "5"], ["--levels", "95"], ["--layout", "nixtla"]])
def test_other_options_write_other_shards(forecast: Forecast, in_parts: Path, change: list[str]) -> None:
    assert forecast("predict", in_parts, "--bundle", "b", "-o", "out/").code == 0
    done = forecast("predict", in_parts, "--bundle", "b", "-o", "out/", "--json", *change)
    assert done.json["shards"]["skipped"] == 0


def test_a_damaged_shard_is_written_again(forecast: Forecast, in_parts: Path) -> None:
    assert forecast("predict", in_parts, "--bundle", "b", "-o", "out/").code == 0
    before = content(Path("out"))
    path = next(Path("out").glob("part-*"))
    path.write_bytes(path.read_bytes()[:500])
    done = forecast("predict", in_parts, "--bundle", "b", "-o", "out/", "--json")
    assert done.json["shards"]["written"] == 1
    assert content(Path("out")) == before


def test_a_folder_of_something_else_is_refused_and_stays(forecast: Forecast, in_parts: Path) -> None:
    before = content(Path("b"))
    done = forecast("predict", in_parts, "--bundle", "b", "-o", "b/")
    assert done.code == 73
    assert "contains a manifest.json that is not of forecasts" in done.err
    assert content(Path("b")) == before


def test_an_error_in_the_last_part_publishes_nothing(forecast: Forecast, in_parts: Path) -> None:
    assert forecast("predict", in_parts, "--bundle", "b", "-o", "out/", "--series", "absent").code == 2
    assert not Path("out/manifest.json").exists()
    done = forecast("predict", in_parts, "--bundle", "b", "-o", "out/", "--plot")
    assert (done.code, "a folder of shards is not drawn" in done.err) == (2, True)


def test_the_pretrained_network_writes_shards(forecast: Forecast, toy_weights: Path, sales: Path) -> None:
    done = forecast("predict", sales, "--model", "pretrained", "--out", "out/", "--json")
    assert done.code == 0, done.err
    assert done.json["shards"]["written"] == 1
    again = forecast("predict", sales, "--model", "pretrained", "--out", "out/", "--json")
    assert again.json["shards"]["skipped"] == 1
    other = forecast("predict", sales, "--model", "pretrained", "--out", "out/", "--json", "--season", "5")
    assert other.json["shards"]["written"] == 1


def test_shards_in_an_object_store_are_skipped_and_pruned(forecast: Forecast, in_parts: Path, bucket: Any) -> None:
    done = forecast("predict", in_parts, "--bundle", "b", "-o", "s3://shop/out/", "--json")
    assert done.code == 0, done.err
    total = done.json["shards"]["written"]
    assert forecast("predict", in_parts, "--bundle", "b", "-o", "local/").code == 0
    local = content(Path("local"))
    assert {key.removeprefix("out/"): get(bucket, key) for key in list_keys(bucket)} == local
    changed = change_series(in_parts, "s12", "changed.parquet")
    counts = forecast("predict", changed, "--bundle", "b", "-o", "s3://shop/out/", "--json").json["shards"]
    assert (counts["written"], counts["skipped"]) == (1, total - 1)
    assert len(list_keys(bucket)) == total + 2
    changed = change_series(in_parts, "s13", "changed.parquet")
    assert forecast("predict", changed, "--bundle", "b", "-o", "s3://shop/out/").code == 0
    assert len(list_keys(bucket)) <= total + 3
    put(bucket, "other/manifest.json", b"{}")
    assert forecast("predict", in_parts, "--bundle", "b", "-o", "s3://shop/other/").code == 73
    assert get(bucket, "other/manifest.json") == b"{}"


@pytest.mark.parametrize(
    ("place", "code"), [("./", 0), ("new/deep/", 0), ("/", 73), ("sales.csv/", 73), ("https://a.b/c/", 2)]
)
def test_any_folder_can_be_named(forecast: Forecast, toy_weights: Path, sales: Path, place: str, code: int) -> None:
    done = forecast("predict", sales, "--model", "pretrained", "--out", place, "--json")
    assert done.code == code, done.err
    assert Path(place, "manifest.json").exists() == (code == 0)


def test_two_runs_do_not_write_a_folder_at_once(forecast: Forecast, toy_weights: Path, sales: Path) -> None:
    with shards.open_folder(Path("out")):
        done = forecast("predict", sales, "--model", "pretrained", "--out", "out/")
    assert (done.code, "another run" in done.err) == (75, True)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"kind": "forecasts"}', '{"kind": "forecasts", "schema_version": 2, "shards": [], "earlier": []}'],
)
def test_a_manifest_that_is_not_ours_is_refused(forecast: Forecast, toy_weights: Path, sales: Path, text: str) -> None:
    Path("out").mkdir()
    Path("out/manifest.json").write_text(text)
    done = forecast("predict", sales, "--model", "pretrained", "--out", "out/")
    assert (done.code, "not of forecasts" in done.err) == (73, True)
    assert content(Path("out")) == {"manifest.json": text.encode()}


def test_a_forged_manifest_makes_no_run_delete_other_files(forecast: Forecast, toy_weights: Path, sales: Path) -> None:
    Path("out").mkdir()
    forged = ["../sales.csv", str(sales), "notes.txt", f"../part-{'0' * 32}.parquet", "part-.parquet"]
    values = {"kind": "forecasts", "schema_version": 1, "shards": forged, "earlier": forged}
    Path("out/manifest.json").write_text(json.dumps(values))
    for path in (Path(f"part-{'0' * 32}.parquet"), Path("out/notes.txt")):
        path.write_text("mine")
    for season in ("5", "6", "7"):
        done = forecast("predict", sales, "--model", "pretrained", "--out", "out/", "--season", season)
        assert done.code == 0, done.err
    assert sales.exists()
    assert Path(f"part-{'0' * 32}.parquet").exists()
    assert Path("out/notes.txt").exists()
