"""The folders of results, and tables as files."""

import io
from pathlib import Path

import pandas as pd
import pytest

from forecaster.errors import OutputError
from forecaster.workflows.forecast_files import publish, render
from forecaster.workflows.results import choose_folder, shorten
from forecaster.workflows.source import Source

FRAMES = [pd.DataFrame({"unique_id": [name] * 2, "step": [1, 2], "mean": [0.5, 1.5]}) for name in ("a", "b")]


def test_a_default_folder_is_named_after_the_data_the_command_and_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = choose_folder(Source("data/sales.csv"), None, command="backtest")
    assert folder.parent == Path("runs")
    assert folder.name.startswith("sales-backtest-2")


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        choose_folder(Source("sales.csv"), tmp_path, command="tune")


def test_paths_inside_the_current_folder_are_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shorten(Path.cwd() / "runs/b") == Path("runs/b")
    assert shorten(Path("/elsewhere/b")) == Path("/elsewhere/b")


@pytest.mark.parametrize("name", ["forecasts.csv", "forecasts.parquet", "forecasts"])
def test_a_published_table_has_the_rows_of_all_frames(name: str, tmp_path: Path) -> None:
    read = pd.read_parquet if name.endswith(".parquet") else pd.read_csv
    publish(FRAMES, tmp_path / name)
    expected = pd.concat(FRAMES, ignore_index=True)
    pd.testing.assert_frame_equal(read(tmp_path / name), expected, check_dtype=False)
    pd.testing.assert_frame_equal(read(io.BytesIO(render(expected, Path(name)))), expected, check_dtype=False)
