"""Mutate a ledger at random, and count the commands that end with a traceback, too late or with too much memory.

python -m benchmarks.fuzz_ledgers --inputs 2000 --seed 0
"""

import argparse
import contextlib
import io
import json
import random
import resource
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecaster.cli.app import main as run_command

LEDGER = Path(__file__).parents[1] / "tests" / "golden" / "job" / "nightly.ledger.db"
COMMANDS = (("score",), ("score", "--since", "all"), ("history",), ("diff",), ("recalibrate", "--dry-run"))
CODES = {0, 2, 65, 66, 73, 75}  # The exit codes that a command may have; 1 is a traceback.
MAX_SECONDS = 10.0
MAX_BYTES = 2 << 30

_VALUES: tuple[Any, ...] = (
    None, 0, -1, 1, 2**31, 2**62, -(2**63), 2**63 - 1, 0.5, -1e308, 9e999, -9e999, 5e-324,
    "", "x", "2024-13-45", "Europe/Nowhere", "\0", "{", "[]", '{"memory": 1}', "\u202e", "9" * 400,
    b"", b"\xff\xfe", b"\x00" * 9,
)  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """A command that failed in a way that no input may cause.

    Attributes:
        number: the number of the input; with the seed it makes the same file again.
        reason: the last line of a traceback, or the limit that was passed.
    """

    number: int
    mutation: str
    command: str
    reason: str


def fuzz(
    inputs: int,
    seed: int,
    *,
    commands: Sequence[Sequence[str]] = COMMANDS,
    report: Callable[[Failure], None] = lambda failure: None,
) -> tuple[list[Failure], Counter[int]]:
    """Run commands on mutated copies of `LEDGER`.

    Args:
        inputs: the number of mutated files.
        commands: the words after `forecast ledger` of the commands to run on each file.
        report: receives each failure at once.

    Returns: the failures, and how often each exit code occurred.
    """
    failures, codes = list[Failure](), Counter[int]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.db")
        for number in range(inputs):
            mutation = mutate(LEDGER, path, random.Random(f"{seed} {number}"))
            for command in commands:
                code, reason = _run(["ledger", *command, "--ledger", str(path), "--json"])
                codes[code] += 1
                if reason:
                    failures.append(Failure(number, mutation, " ".join(command), reason))
                    report(failures[-1])
            for file in Path(folder).iterdir():
                file.unlink()
    return failures, codes


def mutate(ledger: Path, path: Path, chance: random.Random) -> str:
    """Copy a ledger and change the copy at random. Returns the name of the change."""
    shutil.copyfile(ledger, path)
    name, change = chance.choice(_MUTATIONS)
    change(path, chance)
    return name


def _flip_bytes(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(2 ** chance.randrange(10)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path.write_bytes(content)


def _flip_bytes_of_header(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.randrange(1, 9)):
        content[chance.randrange(100)] = chance.randrange(256)
    path.write_bytes(content)


def _fill_page(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    start = chance.randrange(len(content) // 4096) * 4096
    content[start : start + 4096] = chance.choice((bytes(4096), chance.randbytes(4096), content[:4096]))
    path.write_bytes(content)


def _cut(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    size = chance.choice((0, 1, 99, 100, 512, 4096, chance.randrange(len(content))))
    path.write_bytes(content[:size] + bytes(chance.choice((0, 0, len(content) - size))))


def _change_values(path: Path, chance: random.Random) -> None:
    with _open(path) as connection:
        for _ in range(chance.randrange(1, 4)):
            table, column = chance.choice(_columns(connection))
            rows = chance.choice(("", "WHERE abs(random()) % 4 = 0"))
            with contextlib.suppress(sqlite3.Error):  # a constraint that the value breaks
                connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = ? {rows}', [chance.choice(_VALUES)])


def _change_text(path: Path, chance: random.Random) -> None:
    """Replace text by text of odd bytes, which the driver cannot decode."""
    with _open(path) as connection:
        table, column = chance.choice(_columns(connection))
        odd = f"61ff{chance.randrange(256):02x}"
        with contextlib.suppress(sqlite3.Error):
            connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = CAST(x\'{odd}\' AS TEXT)')


def _change_schema(path: Path, chance: random.Random) -> None:
    with _open(path) as connection:
        table, column = chance.choice(_columns(connection))
        view = chance.choice(("forecasts", "actuals", "scores"))
        statement = chance.choice(
            (
                f'DROP TABLE "{table}"',
                f'ALTER TABLE "{table}" RENAME TO other',
                f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO other',
                f'ALTER TABLE "{table}" DROP COLUMN "{column}"',
                f'DELETE FROM "{table}"',
                f"DROP VIEW {view}",
                f"DROP VIEW {view}; CREATE TABLE {view} (a)",
                f'DROP TABLE "{table}"; CREATE VIEW "{table}" AS SELECT 1 AS id',
                f'INSERT INTO "{table}" SELECT * FROM "{table}"',
                f"UPDATE ledger_version SET version = {chance.choice((0, -1, 1, 3, 99, 0.5, 9e99))}",
                "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE x(' WHERE rowid = 3",
                "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 2",
                f"PRAGMA user_version = {chance.randrange(99)}; PRAGMA journal_mode = DELETE",
            )
        )
        with contextlib.suppress(sqlite3.Error):
            connection.executescript(statement)


def _add_companion(path: Path, chance: random.Random) -> None:
    """Put a damaged write-ahead log or journal beside the file."""
    path.with_name(path.name + chance.choice(("-wal", "-journal", "-shm"))).write_bytes(
        chance.randbytes(chance.choice((1, 32, 5000)))
    )


_MUTATIONS: tuple[tuple[str, Callable[[Path, random.Random], None]], ...] = (
    ("bytes", _flip_bytes),
    ("header", _flip_bytes_of_header),
    ("page", _fill_page),
    ("cut", _cut),
    ("values", _change_values),
    ("values", _change_values),
    ("text", _change_text),
    ("schema", _change_schema),
    ("companion", _add_companion),
)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


def _columns(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    query = """SELECT m.name, c.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
        WHERE m.type = 'table' ORDER BY 1, 2"""
    return [(str(table), str(column)) for table, column in connection.execute(query)]


def _run(arguments: list[str]) -> tuple[int, str | None]:
    """Run a command in this process. Returns its exit code, and why it counts as a failure; None if it does not."""
    out, err = io.StringIO(), io.StringIO()
    start = time.monotonic()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command(arguments)
    seconds = time.monotonic() - start
    if code not in CODES:
        lines = err.getvalue().strip().splitlines() or ["no message"]
        return code, f"exit code {code}: {lines[-1]}"
    if seconds > MAX_SECONDS:
        return code, f"ran for {seconds:.0f} s"
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > MAX_BYTES:
        return code, "used more than 2 GiB of memory"
    try:
        json.loads(out.getvalue())
    except ValueError:
        return code, "standard output is not JSON"
    return code, None


def _print(failure: Failure) -> None:
    place = f"input {failure.number} ({failure.mutation}), ledger {failure.command}"
    print(f"{place}: {failure.reason[:300]}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, print the failures, and return 1 if there are any."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    start = time.monotonic()
    failures, codes = fuzz(options.inputs, options.seed, report=_print)
    print(f"{options.inputs} ledgers, {codes.total()} commands in {time.monotonic() - start:.0f} s")
    print(f"exit codes {dict(sorted(codes.items()))}, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
