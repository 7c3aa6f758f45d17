"""Mutated tables, configs and command lines for `benchmarks.fuzz`, each made from a seed and a number."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")

CELLS = (
    "", " ", "NA", "-", "nan", "inf", "-inf", "1e308", "-1e39", "3e38", "1e-45", "1e-320", "0", "-0", "123456789",
    "1,5", "1.5", "1.234,56", "1,234.56", "12 345", "1_000", "0x1F", "1e5", "9" * 40, "9223372036854775807",
    "18446744073709551615", "2024-01-01", "2024-02-30", "0000-00-00", "9999-12-31", "0001-01-01",
    "2024-01-01T00:00:00Z", "2024-01-01T24:00:00", "2024-01-01T00:00:00+99:99", "2024-01-01 00:00:00 -24:00",
    "1/2/2024", "31/12/99", "Q1 2024", "2024Q4", "Jan 2024", "2024-W05", "20240101", "1700000000", "1700000000000",
    "true", "yes", "a", "ä", "東京", "\u202e", "\x1b[2J", "=1+1", '"', '""', "'", "a" * 3000, "\x00", "\ufeff",
    "None", "#N/A", "2024-03-31T02:30:00", "12:30", "1e", "+", "%", "5 %", "$5", "(5)", "5-", "−5",
)  # fmt: skip
VALUES = (
    "2020-99-99", "0b_", "!!float x", "!!int ''", "!!timestamp x", "!!binary x", "!!set {a, b}", "9" * 500,
    "0x" + "f" * 500, "1:1:1", "[1, 2]", "{a: b}", "null", "~", "true", "1e999", "1.0e+999", ".inf", ".nan", "-1",
    "0", "1", "10000000000", "1.5", '"\\0"', '"\\ud800"', "2020-01-01", "*a", "&a [*a]", "{<<: 5}", "{? [1]: 2}",
    "{1: 2}", "[[[[1]]]]", "- a", "''", "a: b", "=", "gru", "auto", "naive", "fast", "[{model: 5}]",
    "[{model: {kind: gru}}]", "{kind: gru}", "5m", "1e-3", "[0.1, 0.9]", "{}", "[]", "[" * 40, "? ",
)  # fmt: skip
WORDS = (
    "t.csv", "long.csv", "wide.csv", "missing.csv", ".", "b", "b/manifest.json", "c.yaml", "job.yaml", "-", "",
    "--", "y", "ds", "a", "0", "1", "2", "-1", "10", "1000000000", "99999999999999999999", "1.5", "nan", "1e9",
    "inf", "D", "h", "MS", "999999999999D", "none", "auto", "naive", "drift", "seasonal_naive", "80", "50,80",
    "80,", "101", "x.csv", "-o", "out", "x.csv/y", "html", "5m", "1w", "-5m", "model.kind=naive",
    "training.steps=0b_", "data.horizon=5", "a.b.c=1", "=", "x" * 300, "ü", "\u202e", "\x1b[2J", "sqlite:///x.db",
    "postgresql://u:p@localhost:1/x", "select 1", "Europe/Berlin", "DE", "*.csv", "..",
)  # fmt: skip
_COMMANDS = (
    "train", "predict", "backtest", "compare", "inspect", "init", "show", "run", "schedule", "report", "explain",
    "ledger score", "ledger history", "ledger diff", "ledger recalibrate", "tune", "nonsense", "",
)  # fmt: skip
_TRAINING = ("train", "backtest", "compare", "tune")
# These would reach a database, or change the start-up files of a shell.
_FORBIDDEN = ("--query", "--install-completion", "--show-completion")
_DAYS = [str(np.datetime64("2024-01-01") + day) for day in range(60)]


class Random:
    """Random choices that depend on a seed and the number of an input only."""

    def __init__(self, seed: int, number: int) -> None:
        self._generator = np.random.default_rng([seed, number])

    def integer(self, count: int) -> int:
        """Return a whole number from 0 to `count` - 1."""
        return int(self._generator.integers(count))

    def choice(self, values: Sequence[Choice]) -> Choice:
        """Return one of the values."""
        return values[self.integer(len(values))]

    def few(self, most: int) -> int:
        """Return a whole number from 1 to `most`, mostly a small one."""
        return 1 + int((most - 1) * self._generator.random() ** 3)

    def data(self, size: int) -> bytes:
        """Return random bytes."""
        return self._generator.bytes(size)


def make_csv(random: Random) -> bytes:
    """Return a table with a few mutations of its cells, lines and bytes."""
    rows = random.choice(_TABLES)(random)
    for _ in range(random.few(6) - 1):
        _mutate_rows(rows, random)
    delimiter = random.choice([",", ",", ",", ";", "\t", "|", " "])
    end = random.choice(["\n", "\n", "\n", "\r\n", "\r"])
    text = end.join(delimiter.join(row) for row in rows) + random.choice([end, end, ""])
    encoding = random.choice(["utf-8", "utf-8", "utf-8", "utf-8-sig", "latin-1", "utf-16"])
    content = bytearray(text.encode(encoding, errors="replace"))
    for _ in range(random.few(8) - 1):
        mutate_bytes(content, random)
    return bytes(content)


def _mutate_rows(rows: list[list[str]], random: Random) -> None:
    number = random.integer(len(rows))
    row = rows[number]
    match random.integer(9):
        case 0 | 1 | 2 if row:
            row[random.integer(len(row))] = random.choice(CELLS)
        case 3:
            row.insert(random.integer(len(row) + 1), random.choice(CELLS))
        case 4 if row:
            del row[random.integer(len(row))]
        case 5:
            rows.insert(random.integer(len(rows)), list(row))
        case 6 if len(rows) > 1:
            del rows[number:]
            rows.append([])
        case 7:
            column, cell = random.integer(max(len(row), 1)), random.choice(CELLS)
            for each in rows[1:]:
                if column < len(each):
                    each[column] = cell
        case 8:
            rows[number], rows[0] = rows[0], row


def mutate_bytes(content: bytearray, random: Random) -> None:
    """Change, insert, remove or repeat a few bytes."""
    place = random.integer(len(content) + 1)
    match random.integer(5):
        case 0 if place < len(content):
            content[place] = random.integer(256)
        case 1:
            content[place:place] = random.choice(CELLS).encode()
        case 2:
            del content[place : place + random.few(200)]
        case 3:
            content[place:place] = content[place : place + random.few(400)]
        case 4:
            content[place:place] = random.data(random.few(20))


def _single(random: Random) -> list[list[str]]:
    return [["ds", "y"], *([day, str(number % 7)] for number, day in enumerate(_DAYS[: random.few(60) + 2]))]


def _wide(random: Random) -> list[list[str]]:
    columns = random.few(30)
    names = [random.choice(["a", "b", f"c{number}"]) for number in range(columns)]
    return [["date", *names], *([day, *(str(n + k) for k in range(columns))] for n, day in enumerate(_DAYS[:30]))]


def _long(random: Random) -> list[list[str]]:
    rows = [[day, name, str(number * 1.5)] for name in ("a", "b", "c") for number, day in enumerate(_DAYS[:20])]
    return [["ds", "unique_id", "y"], *rows]


def _covariates(random: Random) -> list[list[str]]:
    rows = [[day, str(number % 5), random.choice(["x", "y"]), "1"] for number, day in enumerate(_DAYS[:40])]
    return [["ds", "y", "weather", "flag"], *rows]


def _integers(random: Random) -> list[list[str]]:
    step = random.choice([1, 1, 7, 10**9, 10**17])
    return [["t", "y"], *([str(number * step), str(math.sin(number))] for number in range(30))]


def _hours(random: Random) -> list[list[str]]:
    zone = random.choice(["", "Z", "+02:00", "-0330"])
    rows = [[f"{_DAYS[number // 24]}T{number % 24:02}:00:00{zone}", f"{number % 24},5"] for number in range(72)]
    return [["time", "load"], *rows]


def _months(random: Random) -> list[list[str]]:
    return [[f"{2000 + number // 12}-{1 + number % 12:02}", str(number)] for number in range(48)]


_TABLES = (_single, _wide, _long, _covariates, _integers, _hours, _months)


def make_yaml(random: Random) -> tuple[Path | None, tuple[str, ...]]:
    """Return a file with a mutated config, or None, and mutated settings."""
    from forecaster.config import Config
    from forecaster.settings import explain

    keys = _list_keys(Config)
    if random.integer(2):
        return None, tuple(f"{random.choice(keys)}={random.choice(VALUES)}" for _ in range(random.few(4)))
    lines = explain(Config()).splitlines() if random.integer(4) else ["data:", "  path: t.csv", "job:", "  keep: 2"]
    for _ in range(random.few(8)):
        place = random.integer(len(lines))
        key, separator, _ = lines[place].replace("# ", "", 1).partition(":")
        match random.integer(4):
            case 0 | 1 if separator:
                lines[place] = f"{key}: {random.choice(VALUES)}"
            case 2:
                lines.insert(place, random.choice(["  ", ""]) + random.choice(VALUES))
            case _:
                lines[place] = " " * random.integer(4) + lines[place]
    content = bytearray("\n".join(lines).encode())
    for _ in range(random.few(4) - 1):
        mutate_bytes(content, random)
    path = Path("input.yaml")
    path.write_bytes(content)
    return path, ()


def _list_keys(section: object, prefix: str = "") -> list[str]:
    from forecaster.config.section import Section

    keys = []
    for name, each in getattr(section, "model_fields", {}).items():
        keys.append(prefix + name)
        if isinstance(each.default, Section):
            keys += _list_keys(type(each.default), f"{prefix}{name}.")
    return keys


def make_command(random: Random) -> list[str]:
    """Return a command line; commands that train get a model without training."""
    command = random.choice(_COMMANDS)
    arguments = command.split()
    for _ in range(random.few(8) - 1):
        option = random.choice(_list_options(command)) if random.integer(4) else ""
        if option in _FORBIDDEN:
            continue
        arguments += [option] * bool(option) + [random.choice(WORDS)] * (random.integer(5) > 0)
    if command in _TRAINING:
        models = "--models" if command == "compare" else "--model"
        arguments += [random.choice(WORDS[:3]), models, "naive", "--horizon", "3"]
    return [argument for argument in arguments if "\x00" not in argument]


def _list_options(command: str) -> list[str]:
    """Return the names of a command's options."""
    import typer.main

    from forecaster.cli.app import app

    current = typer.main.get_command(app)
    for word in command.split():
        current = getattr(current, "commands", {}).get(word, current)
    return [name for parameter in current.params for name in parameter.opts if name.startswith("-")] + ["--nonsense"]


def write_folder(folder: Path) -> None:
    """Write the tables, the config and the job that command lines name."""
    table = "ds,y\n" + "".join(f"{day},{number % 7}\n" for number, day in enumerate(_DAYS))
    (folder / "t.csv").write_text(table)
    rows = [f"{day},{name},{number}\n" for name in "ab" for number, day in enumerate(_DAYS)]
    (folder / "long.csv").write_text("ds,unique_id,y\n" + "".join(rows))
    (folder / "wide.csv").write_text("ds,a,b\n" + "".join(f"{day},{n},{n % 5}\n" for n, day in enumerate(_DAYS)))
    (folder / "c.yaml").write_text("model:\n  kind: naive\n")
    (folder / "job.yaml").write_text("data:\n  path: t.csv\nmodel:\n  kind: naive\njob:\n  keep: 2\n")
