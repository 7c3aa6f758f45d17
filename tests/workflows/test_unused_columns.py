"""Columns that could be covariates are named, with their worth and the option that uses them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.config import DataConfig
from forecaster.data.load import load
from forecaster.evaluation.covariate_gain import measure_gain
from forecaster.workflows.source import Source
from forecaster.workflows.unused_columns import describe_unused


def write(path: Path, *, shops: int = 2, days: int = 200) -> Path:
    generator = np.random.default_rng(0)
    parts = []
    for shop in range(shops):
        promo = (generator.random(days) < 0.2).astype(int)
        sold = 50 + 10 * np.sin(np.arange(days) * 2 * np.pi / 7) + 30 * promo + generator.normal(0, 2, days)
        frame = pd.DataFrame({"shop": f"s{shop}", "day": pd.date_range("2023-01-01", periods=days), "sold": sold})
        parts.append(frame.assign(promo=promo, noise=generator.normal(size=days), size=100 * (shop + 1)))
    pd.concat(parts).to_csv(path, index=False)
    return path


def describe(path: Path, **columns: object) -> str | None:
    source = Source.parse(str(path))
    return describe_unused(source, load(str(path), DataConfig.model_validate({"path": str(path), **columns})))


def test_the_note_names_columns_options_and_worth(tmp_path: Path) -> None:
    note = describe(write(tmp_path / "s.csv"), target="sold", id="shop")
    assert note is not None
    assert note.startswith("not used: promo, noise, size (numbers); if you know them ahead, add --known promo,noise,")
    assert "otherwise --past promo,noise; --static size describes the series; a straight line in them makes" in note
    gain = float(note.split("seasonal naive ")[1].split(" %")[0])
    assert 60 < gain < 95  # promotions explain most of what a season does not


def test_columns_without_use_are_said_to_be_so(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", shops=1)
    frame = pd.read_csv(path).drop(columns=["promo", "size", "shop"])
    frame["sold"] = np.random.default_rng(5).normal(size=len(frame))
    frame.to_csv(path, index=False)
    note = describe(path, target="sold")
    assert note is not None
    assert note.endswith("a straight line in them does not improve on seasonal naive, but a network may")


@pytest.mark.parametrize("columns", [{"known": "promo,noise,size"}, {"known": "promo", "past": "noise,size"}])
def test_used_columns_are_not_named(tmp_path: Path, columns: dict[str, str]) -> None:
    assert describe(write(tmp_path / "s.csv"), target="sold", id="shop", **columns) is None


def test_a_column_with_spaces_is_quoted_for_the_shell(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv")
    pd.read_csv(path).rename(columns={"promo": "is promo"}).to_csv(path, index=False)
    assert "--known 'is promo,noise'" in (describe(path, target="sold", id="shop") or "")


def test_the_gain_is_that_of_a_plain_regression(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", shops=1)
    config = DataConfig.model_validate({"path": str(path), "target": "sold", "known": "promo", "season": 7})
    panel = load(str(path), config).panel
    y, x = panel.values[:, 0].astype(float), panel.values[:, 1].astype(float)
    dy, dx = y[7:] - y[:-7], x[7:] - x[:-7]
    first = len(dy) - 29  # 15 % of 193 steps
    slope = (dx[:first] @ dy[:first]) / (dx[:first] @ dx[:first])
    expected = 1 - np.abs(dy[first:] - slope * dx[first:]).mean() / np.abs(dy[first:]).mean()
    assert measure_gain(panel) == pytest.approx(expected, abs=0.01)
