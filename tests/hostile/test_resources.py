"""Limits of memory and threads, and streams without an end, are errors of one line."""

import gzip
import io
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from forecaster import runtime
from forecaster.config.table_format import DETECTED
from forecaster.data.files import content, read
from forecaster.data.files.content import FileContent, LimitedStream
from forecaster.data.memory_limit import free_memory
from forecaster.errors import DataError, DependencyError, ForecastError, InputError
from tests.cli.conftest import Forecast, write_sales

ROOT = Path(__file__).parents[2]
ROW = b"2024-01-01,1\n"


@pytest.mark.parametrize("kilobytes", [300_000, 420_000, 500_000, 700_000])
def test_too_little_address_space_is_refused_at_once(tmp_path: Path, kilobytes: int) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (kilobytes * 1024, kilobytes * 1024))

    command = [sys.executable, "-m", "forecaster", "predict", str(write_sales(tmp_path)), "-o", "out.csv"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False, preexec_fn=limit)
    assert done.returncode == 69, done.stderr
    assert done.stderr.count("\n") == 2
    assert "hint: raise the limit: ulimit -v unlimited" in done.stderr


@pytest.mark.parametrize(
    ("error", "is_expected"),
    [
        (MemoryError(), True),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), True),
        (ImportError("No module named 'torch'"), False),
    ],
)
def test_missing_memory_later_on_is_an_error_of_one_line(
    forecast: Forecast, monkeypatch: pytest.MonkeyPatch, error: Exception, is_expected: bool
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("forecaster.workflows.inspect.inspect", fail)
    done = forecast("inspect", "sales.csv")
    assert done.code == (69 if is_expected else 1)
    assert done.err.startswith("error: not enough memory") == is_expected


def test_too_few_threads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.check_resources()
    start, count = threading.Thread.start, threading.active_count()

    def fail(thread: threading.Thread) -> None:
        if threading.active_count() >= count + 3:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(DependencyError, match="3 of 8 could be started"):
        runtime.check_resources()
    assert threading.active_count() == count


@pytest.mark.parametrize("is_gzip", [False, True])
def test_a_stream_without_an_end_is_refused_at_the_limit(is_gzip: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_MAX_STREAM_BYTES", 3 << 20)
    table = b"ds,y\n" + ROW * 400_000
    stream = io.BytesIO(gzip.compress(table) if is_gzip else table)
    with pytest.raises(DataError, match=r"is longer than 3 MiB") as caught:
        read.read("-", stream)
    assert "save it as a CSV or Parquet file" in caught.value.hint


def test_the_limit_of_a_stream_depends_on_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < free_memory() <= 1 << 40
    monkeypatch.setattr(content, "free_memory", lambda: 4000)
    assert len(LimitedStream("-", io.BytesIO(bytes(1000))).read()) == 1000
    with pytest.raises(DataError):
        LimitedStream("-", io.BytesIO(bytes(1001))).read()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null"])
def test_a_device_is_no_table(device: str) -> None:
    with pytest.raises(DataError, match=r"is binary|is empty"):
        read.read(device)


@pytest.mark.parametrize("is_parquet", [False, True])
@pytest.mark.parametrize("size", [0, 1, 5000, 2_000_000])
def test_a_file_that_shrinks_while_it_is_read_ends_no_process(tmp_path: Path, size: int, is_parquet: bool) -> None:
    path = tmp_path / ("a.parquet" if is_parquet else "a.csv")
    path.write_bytes(b"PAR1" + bytes(3_000_000) if is_parquet else b"ds,y\n" + ROW * 300_000)
    opened = read._open("a", path)
    assert isinstance(opened, FileContent)
    os.truncate(path, size)
    try:
        table = read._parse("a", "a", opened, "a", DETECTED, frozenset())
    except ForecastError:
        return
    assert 0 < len(table.frame) <= size / len(ROW)


def test_a_file_that_is_replaced_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"ds,y\n" + ROW * 3)
    opened = FileContent("a.csv", path)
    assert (len(opened), opened[:2], opened[5:], opened.find(b"\n"), opened.find(b"x")) == (44, b"ds", ROW * 3, 4, -1)
    (tmp_path / "b.csv").write_bytes(b"other")
    (tmp_path / "b.csv").replace(path)
    with pytest.raises(InputError, match="was replaced while it was read"):
        opened.open()
    path.unlink()
    with pytest.raises(InputError, match="No such file"):
        opened.open()
