"""Standard streams that are closed, full, or of an encoding without the characters of the data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import write_sales

FULL = "/dev/full"
ROOT = Path(__file__).parents[2]
ID = "日本é😀"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `sales.csv`, and `shops.csv` with the name of a series that few encodings contain."""
    rows = write_sales(tmp_path).read_text().splitlines()[1:]
    (tmp_path / "shops.csv").write_text(
        "shop,date,sales\n" + "".join(f"{ID},{row}\nb,{row}\n" for row in rows), "utf-8"
    )
    return tmp_path


def run_shell(folder: Path, line: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a line of shell, in which `forecast` is this program."""
    script = f'forecast() {{ "{sys.executable}" -m forecaster "$@"; }}\n{line}'
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "", "COLUMNS": "80", **environment}
    return subprocess.run(["sh", "-c", script], cwd=folder, env=settings, capture_output=True, timeout=100, check=False)


@pytest.mark.parametrize(
    ("line", "code", "error"),
    [
        ("forecast inspect sales.csv >&-", 0, ""),
        ("forecast inspect sales.csv --json >&-", 0, ""),
        ("forecast inspect sales.csv -o - >&-", 73, "standard output: cannot write: it is closed"),
        ("forecast inspect sales.csv -o a.csv -q <&- >&- 2>&-", 0, ""),
        ("forecast inspect - <&-", 66, "standard input is closed"),
        ("forecast inspect - <&- >&-", 66, "standard input is closed"),
        ("forecast inspect nothing.csv 2>&-", 66, ""),
        ("forecast inspect nothing.csv --json <&- 2>&-", 66, ""),
        ("forecast inspect sales.csv | true", 0, ""),
        ("forecast --version >&-", 0, ""),
    ],
)
def test_a_closed_stream(folder: Path, line: str, code: int, error: str) -> None:
    done = run_shell(folder, line)
    assert done.returncode == code, done.stderr
    assert error.encode() in done.stderr
    assert b"Traceback" not in done.stderr
    if "2>&-" in line and "--json" not in line:
        assert done.stdout == b""  # an error never goes to stdout
    if "a.csv" in line:
        assert (folder / "a.csv").read_text().startswith("unique_id")


@pytest.mark.skipif(not Path(FULL).exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"forecast inspect sales.csv >{FULL}", 73),
        (f"forecast inspect sales.csv -o - >{FULL}", 73),
        (f"forecast --help >{FULL}", 73),
        (f"forecast --version >{FULL}", 73),
        (f"forecast inspect sales.csv 2>{FULL}", 0),
        (f"forecast inspect nothing.csv 2>{FULL}", 66),
        (f"forecast inspect nothing.csv --json >{FULL}", 66),
    ],
)
def test_a_full_stream(folder: Path, line: str, code: int) -> None:
    done = run_shell(folder, line)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert (b"error: standard output: cannot write: No space left" in done.stderr) == (f" >{FULL}" in line)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_encoding_without_the_characters(folder: Path, encoding: str) -> None:
    for arguments in ("-o -", "--json", ""):
        done = run_shell(folder, f"forecast inspect shops.csv {arguments} -q", PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stderr) == (0, b""), arguments
        if arguments == "-o -":
            assert ID in done.stdout.decode("utf-8")
        elif arguments == "--json":
            assert ID in json.dumps(json.loads(done.stdout.decode("ascii")), ensure_ascii=False)
        else:
            assert done.stdout
