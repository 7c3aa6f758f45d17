"""Data, bundles and forecasts at addresses, in a real S3 server and on a web server of this machine."""

import functools
import gc
import http.server
import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.cli.conftest import QUICK, Forecast
from tests.object_store import SECRET, ObjectStore, free_port, get, list_keys, put

CHEAP = ("--model", "seasonal_naive", "--horizon", "3", "-q")
START = date(2024, 1, 1)


def table(days: int = 90, *, shops: tuple[str, ...] = ("a", "b")) -> str:
    rows = [
        f"{name},{START + timedelta(days=day)},{day % 7 + number}"
        for number, name in enumerate(shops)
        for day in range(days)
    ]
    return "\n".join(["shop,day,sold", *rows, ""])


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Give a folder, and the address of a web server that serves it."""
    folder = tmp_path_factory.mktemp("web")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path.startswith("/secret"):
                self.send_error(403)
            elif self.path.startswith("/short"):
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(table().encode()[:500])
            else:
                super().do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_table_bundle_and_forecast_live_in_a_store(forecast: Forecast, bucket: Any, tmp_path: Path) -> None:
    """The same commands as with files, and the same bytes."""
    put(bucket, "in/sales.csv", table().encode())
    Path("sales.csv").write_text(table())
    done = forecast("train", "s3://shop/in/sales.csv", "-o", "s3://shop/models/sales", "--seed", "1", *CHEAP)
    assert done.code == 0, done.err
    assert forecast("train", "sales.csv", "-o", "b", "--seed", "1", *CHEAP).code == 0
    assert forecast("predict", "sales.csv", "--bundle", "b", "-o", "local.csv").code == 0

    done = forecast(
        "predict", "s3://shop/in/sales.csv", "--bundle", "s3://shop/models/sales", "-o", "s3://shop/out/f.csv"
    )
    assert done.code == 0, done.err
    assert "wrote s3://shop/out/f.csv: 6 rows, 2 series" in done.err
    assert "s3://shop/in/sales.csv: shop -> 2 series, day -> time (daily), sold -> target" in done.err
    assert get(bucket, "out/f.csv") == Path("local.csv").read_bytes()
    assert forecast("predict", "--bundle", "s3://shop/models/sales", "-o", "-").out.encode() == get(bucket, "out/f.csv")
    assert forecast("predict", "--bundle", "s3://shop/models/sales", "-o", "s3://shop/out/f.parquet").code == 0
    with (tmp_path / "f.parquet").open("wb") as file:
        file.write(get(bucket, "out/f.parquet"))
    assert len(pd.read_parquet("f.parquet")) == 6


def test_documents_name_addresses(forecast: Forecast, bucket: Any) -> None:
    put(bucket, "sales.csv", table().encode())
    trained = forecast("train", "s3://shop/sales.csv", "-o", "s3://shop/b", "--json", *CHEAP)
    assert trained.json["bundle"] == "s3://shop/b"
    done = forecast("predict", "--bundle", "s3://shop/b", "-o", "s3://shop/f.csv", "--json")
    assert done.json["bundle"] == "s3://shop/b"
    assert done.json["out"] == "s3://shop/f.csv"
    manifest = json.loads(get(bucket, f"b/{json.loads(get(bucket, 'b/bundle.json'))['bundle']}/manifest.json"))
    assert manifest["data"]["path"] == manifest["data"]["absolute"] == "s3://shop/sales.csv"
    assert not Path("runs/latest").exists()
    assert "next: forecast predict --bundle s3://shop/b" in forecast(
        "train", "s3://shop/sales.csv", "-o", "s3://shop/b", *CHEAP[:-1]
    ).err.replace("\n", " ")


@pytest.mark.parametrize(
    ("address", "series"),
    [
        ("s3://shop/in", ["b", "c"]),
        ("s3://shop/in/", ["b", "c"]),
        ("s3://shop/in/*.csv", ["b", "c"]),
        ("s3://shop/in/[c]*.csv", ["c"]),
        ("s3://shop/**/*.csv", ["a", "b", "c", "d"]),
    ],
)
def test_folders_and_globs_are_listed(forecast: Forecast, bucket: Any, address: str, series: list[str]) -> None:
    for key, name in {"a.csv": "a", "in/b.csv": "b", "in/c.csv": "c", "in/old/d.csv": "d"}.items():
        put(bucket, key, table(shops=(name,)).encode())
    put(bucket, "in/notes.md", b"no table")
    done = forecast("train", address, "-o", "b", "--id", "shop", "--target", "sold", "--time", "day", *CHEAP)
    assert done.code == 0, done.err
    assert forecast("predict", address, "--bundle", "b").code == 0
    assert sorted(pd.read_csv("forecasts.csv")["unique_id"].unique()) == series


def test_a_partitioned_folder_of_parquet_is_read(forecast: Forecast, bucket: Any) -> None:
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=90), "sold": range(90)})
    for shop in ("x", "y"):
        frame.to_parquet("t.parquet", index=False)
        put(bucket, f"sales/shop={shop}/t.parquet", Path("t.parquet").read_bytes())
    done = forecast("train", "s3://shop/sales", "-o", "b", "--id", "shop", *CHEAP)
    assert done.code == 0, done.err
    assert forecast("predict", "--bundle", "b").code == 0
    assert sorted(pd.read_csv("forecasts.csv")["unique_id"].unique()) == ["x", "y"]


def test_copies_are_deleted(forecast: Forecast, bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    put(bucket, "sales.csv", table().encode())
    assert forecast("train", "s3://shop/sales.csv", "-o", "s3://shop/b", *CHEAP).code == 0
    assert forecast("predict", "--bundle", "s3://shop/b", "-o", "s3://shop/f.csv").code == 0
    put(bucket, "bad.csv", b"\0\1\2\3")
    assert forecast("predict", "s3://shop/bad.csv", "--bundle", "s3://shop/b").code == 65
    gc.collect()  # The error had a reference to the copy.
    assert list(folder.iterdir()) == []


def test_a_newer_bundle_replaces_the_old_one_at_once(forecast: Forecast, bucket: Any) -> None:
    put(bucket, "sales.csv", table().encode())
    command = ("train", "s3://shop/sales.csv", "-o", "s3://shop/b", "-q", "--model", "seasonal_naive")
    assert forecast(*command, "--horizon", "3").code == 0
    before = {key: get(bucket, key) for key in list_keys(bucket) if key != "b/bundle.json"}
    assert forecast(*command, "--horizon", "4").code == 0
    after = {key: get(bucket, key) for key in list_keys(bucket)}
    assert {key: after[key] for key in before} == before  # A reader of the old bundle can go on.
    assert forecast("predict", "--bundle", "s3://shop/b", "-o", "-").out.count("\n") == 1 + 2 * 4


def test_an_interrupted_publication_leaves_the_old_bundle(
    forecast: Forecast, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecaster.errors import DependencyError
    from forecaster.store.objects import bundles

    put(bucket, "sales.csv", table().encode())
    command = ("train", "s3://shop/sales.csv", "-o", "s3://shop/b", "-q", "--model", "seasonal_naive")
    assert forecast(*command, "--horizon", "3").code == 0
    upload, count = bundles.upload_file, 0

    def break_off(path: Path, text: str) -> None:
        nonlocal count
        count += 1
        if count > 4:
            raise DependencyError(f"{text}: cannot be reached", hint="later")
        upload(path, text)

    with monkeypatch.context() as patch:
        patch.setattr(bundles, "upload_file", break_off)
        done = forecast(*command, "--horizon", "4")
    assert done.code == 69
    assert "the trained bundle is in runs/sales-seasonal_naive-" in done.err.replace("\n", " ")
    assert forecast("predict", "--bundle", "s3://shop/b", "-o", "-").out.count("\n") == 1 + 2 * 3


def test_a_bundle_that_another_program_copied_is_read(forecast: Forecast, bucket: Any) -> None:
    Path("sales.csv").write_text(table())
    assert forecast("train", "sales.csv", "-o", "b", *CHEAP).code == 0
    for path in Path("b").iterdir():
        put(bucket, f"copied/{path.name}", path.read_bytes())
    assert forecast("predict", "--bundle", "s3://shop/copied").code == 0


def test_an_altered_bundle_is_refused_by_its_address(forecast: Forecast, bucket: Any) -> None:
    put(bucket, "sales.csv", table().encode())
    assert forecast("train", "s3://shop/sales.csv", "-o", "s3://shop/b", *CHEAP).code == 0
    weights = next(key for key in list_keys(bucket) if key.endswith("weights.safetensors"))
    put(bucket, weights, get(bucket, weights) + b" ")
    done = forecast("predict", "--bundle", "s3://shop/b")
    assert done.code == 66
    assert "error: s3://shop/b/weights.safetensors: altered or truncated" in done.err.replace("\n", " ")
    put(bucket, "b/bundle.json", b'{"schema_version": 1, "bundle": "../../other"}')
    done = forecast("predict", "--bundle", "s3://shop/b")
    assert done.code == 66
    assert "error: s3://shop/b: bundle.json is damaged" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "s3://shop/nothing.csv"], 66, "s3://shop/nothing.csv: nothing is at this address"),
        (["train", "s3://nowhere/sales.csv"], 66, "s3://nowhere/sales.csv: nothing is at this address"),
        (["train", "s3://shop/*.csv"], 66, "s3://shop/*.csv: no object matches"),
        (["predict", "--bundle", "s3://shop/nothing"], 66, "s3://shop/nothing: no such bundle"),
        (["train", "s3:///sales.csv"], 2, "s3:///sales.csv: names no bucket"),
        (["train", "s3://key:secret@shop/sales.csv"], 2, "s3://key@shop/sales.csv: contains a user or password"),
        (["train", "https://me:secret@host/sales.csv"], 2, "https://me@host/sales.csv: contains a user or password"),
        (["predict", "x.csv", "-o", "s3://nowhere/f.csv"], 73, "s3://nowhere/f.csv: no such bucket or container"),
        (["predict", "x.csv", "-o", "https://host/f.csv"], 2, "https addresses can be read, not written"),
        (["train", "x.csv", "-o", "https://host/b"], 2, "https addresses can be read, not written"),
        (["predict", "x.csv", "-o", "s3://shop"], 2, "s3://shop: names no single object"),
        (["predict", "x.csv", "-o", "s3://shop/f.png"], 2, "cannot write a .png file"),
        (["compare", "x.csv", "-o", "s3://shop/out"], 2, "s3://shop/out: an address cannot be used here"),
        (["show", "gs://shop/b"], 2, "gs://shop/b: an address cannot be used here"),
        (["run", "nightly.yaml", "https://host/job.yaml"], 2, "https://host/job.yaml: an address cannot be used here"),
        (["train", "abfs://shop/sales.csv"], 2, "abfs://shop/sales.csv: names no storage account"),
    ],
)
def test_failures_name_the_address(
    arguments: list[str],
    code: int,
    message: str,
    forecast: Forecast,
    bucket: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT", raising=False)
    done = forecast(*arguments)
    text = " ".join(done.err.split())
    assert (done.code, message in text) == (code, True), done.err
    assert "hint:" in done.err
    assert "secret" not in done.err


def test_denied_access_names_the_chain_of_credentials_and_no_secret(
    forecast: Forecast, bucket: Any, object_store: ObjectStore
) -> None:
    put(bucket, "sales.csv", table().encode())
    Path("sales.csv").write_text(table())
    assert forecast("train", "sales.csv", "-o", "b", *CHEAP).code == 0
    object_store.post("/moto-api/reset-auth", b"0")  # From now on, the server checks credentials.
    try:
        reading = forecast("train", "s3://shop/sales.csv", *CHEAP)
        writing = forecast("predict", "sales.csv", "--bundle", "b", "-o", "s3://shop/f.csv")
    finally:
        object_store.post("/moto-api/reset-auth", b"inf")
    assert (reading.code, writing.code) == (66, 73)
    for done in (reading, writing):
        text = " ".join(done.err.split())
        assert "access denied, or no valid credentials" in text
        assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, ~/.aws, or the machine's role" in text
        assert SECRET not in text


@pytest.mark.parametrize(
    ("variable", "address"),
    [("AWS_ENDPOINT_URL", "s3://shop/sales.csv"), ("STORAGE_EMULATOR_HOST", "gs://shop/sales.csv")],
)
def test_a_store_out_of_reach_is_a_missing_service(
    variable: str, address: str, forecast: Forecast, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr("forecaster.store.objects.location._CONNECT_SECONDS", 1)
    done = forecast("train", address)
    assert done.code == 69
    assert f"error: {address}: cannot be reached: " in done.err
    assert "check the address, the network and the proxy" in done.err


def test_an_output_keeps_its_old_content_if_a_forecast_fails(forecast: Forecast, bucket: Any) -> None:
    put(bucket, "sales.csv", table().encode())
    put(bucket, "f.csv", b"old")
    assert forecast("train", "s3://shop/sales.csv", "-o", "s3://shop/b", *CHEAP).code == 0
    put(bucket, "short.csv", table(40).encode())
    assert forecast("predict", "s3://shop/short.csv", "--bundle", "s3://shop/b", "-o", "s3://shop/f.csv").code == 65
    assert get(bucket, "f.csv") == b"old"


def test_future_values_are_read_from_a_store(forecast: Forecast, bucket: Any) -> None:
    days = [START + timedelta(days=day) for day in range(93)]
    rows = [f"{day},{number % 5},{number % 2}" for number, day in enumerate(days)]
    put(bucket, "sales.csv", "\n".join(["day,sold,promo", *rows[:90], ""]).encode())
    put(bucket, "future.csv", "\n".join(["day,promo", *(f"{day},1" for day in days[90:]), ""]).encode())
    flags = ("--horizon", "3", "--known", "promo", "--target", "sold", "--model", "gru", *QUICK)
    assert forecast("train", "s3://shop/sales.csv", "-o", "b", *flags).code == 0
    done = forecast("predict", "--bundle", "b", "--future", "s3://shop/future.csv")
    assert done.code == 0, done.err
    put(bucket, "future.csv", b"day,weather\n2024-04-01,1\n")
    done = forecast("predict", "--bundle", "b", "--future", "s3://shop/future.csv")
    assert done.code == 65
    assert "error: s3://shop/future.csv: has no column 'promo'" in done.err


def test_a_job_reads_and_publishes_at_addresses(forecast: Forecast, bucket: Any) -> None:
    put(bucket, "sales.csv", table().encode())
    Path("nightly.yaml").write_text(
        "data: {path: s3://shop/sales.csv, horizon: 3}\nmodel: {kind: seasonal_naive}\n"
        "job: {outputs: [s3://shop/out/f.csv, f.csv, s3://shop/out/f.parquet]}\n"
    )
    done = forecast("run", "nightly.yaml")
    assert done.code == 0, done.err
    assert get(bucket, "out/f.csv") == Path("f.csv").read_bytes()
    assert forecast("run", "nightly.yaml").json["status"] == "unchanged"
    put(bucket, "out/f.csv", b"altered")
    assert forecast("run", "nightly.yaml").json["status"] == "republished"
    assert get(bucket, "out/f.csv") == Path("f.csv").read_bytes()


def test_a_job_cannot_publish_on_a_web_server(forecast: Forecast) -> None:
    Path("nightly.yaml").write_text("data: {path: s.csv}\njob: {outputs: [https://host/f.csv]}\n")
    done = forecast("run", "nightly.yaml")
    assert done.code == 78
    assert "job.outputs: https://host/f.csv: web addresses can be read, not written" in " ".join(done.err.split())


def test_tables_and_bundles_are_read_from_a_web_server(forecast: Forecast, web: tuple[Path, str]) -> None:
    folder, address = web
    (folder / "my sales.csv").write_text(table())
    done = forecast("train", f"{address}/my%20sales.csv?version=2", "-o", "b", *CHEAP)
    assert done.code == 0, done.err
    Path("b").rename(folder / "b")
    done = forecast("predict", f"{address}/my%20sales.csv", "--bundle", f"{address}/b", "-o", "-")
    assert done.code == 0, done.err
    assert done.out.count("\n") == 7
    missing = forecast("train", f"{address}/none.csv")
    assert (missing.code, "none.csv: nothing is at this address" in missing.err) == (66, True)
    denied = forecast("train", f"{address}/secret.csv?token=abc123")
    assert (denied.code, "access denied" in denied.err, "abc123" in denied.err) == (66, True, False)
    short = forecast("train", f"{address}/short.csv")
    assert (short.code, "the connection ended after 500 of 1,000 bytes" in " ".join(short.err.split())) == (69, True)


def test_an_object_cannot_be_copied_out_of_the_temporary_folder(forecast: Forecast, bucket: Any) -> None:
    put(bucket, "in/../../evil.csv", table().encode())
    done = forecast("train", "s3://shop/in/**/*.csv", *CHEAP)
    assert done.code == 66, done.err
    assert "cannot be copied to a file" in done.err


def test_a_stranger_cannot_choose_where_a_resumed_bundle_is_published(
    forecast: Forecast, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecaster.errors import OutputError
    from forecaster.workflows import train

    Path("sales.csv").write_text(table())
    command = ("train", "sales.csv", "-o", "s3://shop/b", "--horizon", "3", "--model", "gru", *QUICK)

    def fail(*arguments: object, **options: object) -> None:
        raise OutputError("disk full", hint="free some space")

    with monkeypatch.context() as patch:
        patch.setattr(train, "write_bundle", fail)
        assert forecast(*command).code == 73
        assert forecast(*command, "--seed", "1").code == 73
    own, other = sorted(Path("runs").glob("*.partial"))
    run = json.loads((other / "run.json").read_text())
    assert run["address"] == "s3://shop/b"
    (other / "run.json").write_text(json.dumps({**run, "address": "s3://shop/stolen"}))
    done = forecast("train", "sales.csv", "--resume", other)
    assert done.code == 0, done.err
    assert list_keys(bucket) == []
    done = forecast("train", "--resume", own)
    assert done.code == 0, done.err
    assert "b/bundle.json" in list_keys(bucket)
