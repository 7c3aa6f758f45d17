"""Gradients of several networks side by side."""

import sys
from pathlib import Path

import pytest

from forecaster.cli.app import main as forecast
from tests.cli.conftest import QUICK, SAMPLES


def test_a_panel_and_the_figures_of_each_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.cells import main

    bundles = [tmp_path / "gru", tmp_path / "lstm"]
    for bundle in bundles:
        cell = ["--model", bundle.name, "-o", str(bundle), "-q"]
        assert forecast(["train", str(SAMPLES / "air_passengers.csv"), *QUICK, *cell]) == 0
    capsys.readouterr()
    out = tmp_path / "cells.svg"
    monkeypatch.setattr(sys, "argv", ["cells", *map(str, bundles), "-o", str(out)])
    main()
    told = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in told] == ["gru forward hidden", "lstm forward hidden", "lstm forward cell"]
    assert "lstm: memory" in out.read_text("utf-8")
