"""Paths that no file can have: too long, or symbolic links in a circle."""

from pathlib import Path

import pytest

from tests.cli.conftest import Forecast

COMMANDS: list[tuple[list[str], tuple[int, ...]]] = [
    (["run", "PATH"], (66,)),
    (["show", "PATH"], (66,)),
    (["report", "PATH"], (66,)),
    (["explain", "PATH"], (66,)),
    (["inspect", "PATH"], (66,)),
    (["inspect", "PATH/PATH"], (66,)),
    (["train", "PATH"], (66, 73)),
    (["train", "t.csv", "--config", "PATH"], (66,)),
    (["train", "--resume", "PATH"], (66,)),
    (["train", "t.csv", "--model", "naive", "--out", "PATH"], (66, 73)),
    (["predict", "t.csv", "--bundle", "PATH"], (66,)),
    (["predict", "t.csv", "--out", "PATH"], (66, 73)),
    (["backtest", "t.csv", "--bundle", "PATH"], (66,)),
    (["init", "t.csv", "--out", "PATH"], (73,)),
    (["inspect", "t.csv", "--out", "PATH"], (2, 66, 73)),
    (["schedule", "PATH"], (66,)),
    (["ledger", "score", "PATH"], (66,)),
    (["ledger", "history", "PATH"], (66,)),
    (["ledger", "history", "--ledger", "PATH"], (66,)),
    (["ledger", "diff", "PATH"], (66,)),
    (["ledger", "recalibrate", "PATH"], (66,)),
]


@pytest.mark.parametrize("kind", ["long", "circle"])
@pytest.mark.parametrize(("arguments", "codes"), COMMANDS, ids=lambda value: " ".join(map(str, value)))
def test_an_impossible_path_is_an_error_of_its_kind(
    forecast: Forecast, tmp_path: Path, arguments: list[str], codes: tuple[int, ...], kind: str
) -> None:
    (tmp_path / "t.csv").write_text("ds,y\n" + "".join(f"2024-01-{day:02},{day}\n" for day in range(1, 29)))
    path = "x" * 300
    if kind == "circle":
        path = "circle"
        (tmp_path / path).symlink_to(tmp_path / "other")
        (tmp_path / "other").symlink_to(tmp_path / path)
        codes = (*codes, 73, 0)  # A new output may replace a link.
    done = forecast(*(argument.replace("PATH", path) for argument in arguments))
    assert done.code in codes, done.err
    assert "Traceback" not in done.err
