"""Hints lead to success: each is followed as a user would, and the table is then read right."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import Forecast

_FLAG = re.compile(r"--[a-z][a-z-]*(?:[ =](?:'[^']*'|\"[^\"]*\"|[^\s,;:`()]+))?")
DAYS = pd.date_range("2021-03-01", periods=60)
WAVE = np.round(100 + 10 * np.sin(np.arange(60) * 2 * np.pi / 7), 1)


def lines(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows, ""])


TABLES = {
    "decimal": (
        lines("date;y", [f"{day:%Y-%m-%d};{100 + number}.{number:03}" for number, day in enumerate(DAYS)]),
        {"series": 1, "first": "2021-03-01", "longest": 60},
    ),
    "order of day and month": (
        lines("date,y", [f"{month}/1/2018,{month}.5" for month in range(1, 13)]),
        {"series": 1, "longest": 12},
    ),
    "two targets": (
        lines(
            "shop,date,units sold,price",
            [f"{shop},{d:%Y-%m-%d},{n}.5,3.5" for shop in "ab" for n, d in enumerate(DAYS)],
        ),
        {"series": 2, "first": "2021-03-01", "longest": 60, "target": "units sold"},
    ),
    "two ids": (
        lines(
            "kind,town,date,y",
            [f"s{s},t{(s + d) % 2},2021-03-{d:02},{d}.5" for d in range(1, 29) for s in (1, 2)],
        ),
        {"series": 2, "longest": 28},
    ),
    "two times": (
        lines(
            "created,changed,y",
            [f"{d:%Y-%m-%d},{d + pd.Timedelta(days=n % 3):%Y-%m-%d},{n}.5" for n, d in enumerate(DAYS)],
        ),
        {"series": 1, "first": "2021-03-01", "longest": 60},
    ),
    "repeated times": (
        lines("version,date,hits", [f"{v},{d:%Y-%m-%d},{n}.5" for v in ("1.1", "1.10") for n, d in enumerate(DAYS)]),
        {"series": 2, "first": "2021-03-01", "longest": 60},
    ),
    "equal rows": (
        lines("date,sold", [f"{day:%Y-%m-%d},1" for day in DAYS for _ in range(4)]),
        {"series": 1, "first": "2021-03-01", "longest": 60},
    ),
    "transactions": (
        lines("date,sold", [f"{day:%Y-%m-%d},{each}.5" for day in DAYS for each in range(4)]),
        {"series": 1, "first": "2021-03-01", "longest": 60},
    ),
    "unknown words": (
        lines("date,y", [f"{day:%Y-%m-%d},{'x.x.' if n % 9 == 4 else WAVE[n]}" for n, day in enumerate(DAYS)]),
        {"series": 1, "first": "2021-03-01", "longest": 60},
    ),
    "times of day": (
        lines("Tag,Pos,y", [f"{day:%Y-%m-%d},{pos},{pos}.5" for day in DAYS for pos in range(24)]),
        {"series": 1, "first": "2021-03-01T00:00:00", "longest": 1440},
    ),
    "no time": (lines("y", [str(value) for value in WAVE]), {"series": 1, "first": "0", "longest": 60}),
    "irregular": (
        lines("date,y", [f"{d:%Y-%m-%d},{n}.5" for n, d in enumerate(DAYS) if n * n % 5 < 3 and n % 7 != 2]),
        {"series": 1, "first": "2021-03-01"},
    ),
    "encoding": (
        lines("Größe;date", [f"{value};{day:%Y-%m-%d}" for value, day in zip(WAVE, DAYS, strict=True)]),
        {"series": 1, "first": "2021-03-01", "longest": 60},
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_following_the_hints_reads_the_table_right(case: str, forecast: Forecast, tmp_path: Path) -> None:
    text, truth = TABLES[case]
    (tmp_path / "a table.csv").write_text(text)
    flags: list[str] = []
    for _ in range(3):
        done = forecast("inspect", "a table.csv", "--json", *flags)
        if done.code == 0:
            break
        hint = done.json["error"]["hint"]
        options = _FLAG.findall(hint)
        assert options, f"the hint names no flag: {hint}"
        assert shlex.split(options[0]) not in (flags[-2:], flags[-1:]), f"the hint repeats itself: {hint}"
        flags += shlex.split(options[0])
    answer = done.json
    facts = {
        "series": answer["series"],
        "first": str(answer["first"]),
        "longest": answer["steps"]["longest"],
        "target": next(each["name"] for each in answer["columns"] if each["role"] == "target"),
    }
    assert {name: facts[name] for name in truth} == truth, flags
    assert forecast(*shlex.split(answer["next"])[1:2], "a table.csv", "--help").code == 0
