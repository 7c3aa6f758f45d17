"""Run the command line in a folder of its own."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster.cli.app import main

SAMPLES = Path(__file__).parents[2] / "data"
QUICK = [
    "--preset",
    "fast",
    "--set",
    "training.steps=6",
    "--set",
    "training.validate_every=3",
    "--set",
    "model.hidden=4",
]


@dataclass(frozen=True)
class Done:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


Forecast = Callable[..., Done]


@pytest.fixture
def forecast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Forecast:
    """Give a function that runs `forecast ...` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str | Path, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """Ninety days with a weekly season, as `sales.csv`."""
    return write_sales(tmp_path)


def write_sales(folder: Path) -> Path:
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-03-31"))
    steps = np.arange(len(days))
    values = 100 + 10 * np.sin(steps * 2 * np.pi / 7) + steps * 37 % 11 / 5
    rows = "".join(f"{day},{value:.2f}\n" for day, value in zip(days, values, strict=True))
    path = folder / "sales.csv"
    path.write_text("date,sales\n" + rows)
    return path
