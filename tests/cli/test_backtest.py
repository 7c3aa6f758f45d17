"""`forecast backtest`, end to end."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from forecaster.workflows import scoring
from tests.cli.conftest import QUICK, Forecast

FILES = {"backtest.csv", "metrics.json", "config.yaml"}
DECILES = [f"q0.{number}" for number in range(1, 10)]


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """Three hourly series of 120 steps; `late` lacks its first half, and `gone` its last ten steps."""
    steps = np.arange(120)
    wave = 50 + 10 * np.sin(steps * 2 * np.pi / 24) + steps * 37 % 11
    frame = pd.DataFrame({"time": pd.date_range("2024-01-01", periods=120, freq="h"), "whole": wave})
    frame["late"] = np.where(steps < 60, np.nan, 3 * wave)
    frame["gone"] = np.where(steps >= 110, np.nan, wave + 5)
    path = tmp_path / "wide.csv"
    frame.to_csv(path, index=False)
    return path


def keep_rows(path: Path, count: int) -> Path:
    """Save the first `count` rows of a table as `early.csv`."""
    early = path.with_name("early.csv")
    early.write_text("".join(path.read_text().splitlines(keepends=True)[: count + 1]))
    return early


def test_a_backtest_writes_every_forecast_beside_what_came_true(forecast: Forecast, sales: Path) -> None:
    done = forecast("backtest", sales, "--model", "seasonal_naive", "--horizon", "5", "--folds", "3")
    assert done.code == 0, done.err
    (folder,) = Path("runs").iterdir()  # and no link `latest`, since this is no bundle
    assert folder.name.startswith("sales-backtest-2")
    assert {file.name for file in folder.iterdir()} == FILES
    table = pd.read_csv(folder / "backtest.csv")
    assert list(table.columns) == [
        "unique_id",
        "ds",
        "y",
        "cutoff",
        "step",
        "model",
        "mean",
        "median",
        *DECILES,
        "status",
    ]
    assert table["cutoff"].unique().tolist() == ["2024-03-15", "2024-03-20", "2024-03-25"]
    assert table["step"].tolist() == [1, 2, 3, 4, 5] * 3
    data = pd.read_csv(sales).set_index("date")["sales"]
    np.testing.assert_allclose(table["y"], data[table["ds"]])
    for cutoff, part in table.groupby("cutoff"):  # the last season before each cutoff
        np.testing.assert_allclose(part["mean"], data[:cutoff][-7:][:5])


def test_scores_stand_overall_by_step_by_series_and_by_cutoff(forecast: Forecast, sales: Path) -> None:
    done = forecast("backtest", sales, *QUICK, "--horizon", "5", "--folds", "3", "--stride", "2", "--json", "-o", "b")
    assert done.code == 0, done.err
    metrics = json.loads(Path("b/metrics.json").read_text())
    assert done.json == {"folder": "b", **metrics}
    block = metrics["backtest"]
    assert (block["folds"], block["stride"], block["refit"], block["window"]) == (3, 2, 0, None)
    assert (block["series"], block["unscored"], block["forecasts"], block["fallbacks"]) == (1, 0, 3, 0)
    assert block["cutoff"] == {"first": "2024-03-21", "last": "2024-03-25"}
    assert list(block["by_step"]) == ["1", "2", "3", "4", "5"]
    assert list(block["by_series"]) == ["sales"]
    assert list(block["by_cutoff"]) == ["2024-03-21", "2024-03-23", "2024-03-25"]
    for models in (block["overall"], *(each for name in ("by_step", "by_cutoff") for each in block[name].values())):
        assert list(models) == ["gru", "seasonal_naive", "naive"]
        for scores in models.values():
            assert {"mae", "rmse", "smape", "mase", "nd", "wql", "coverage50", "coverage80"} <= set(scores)
    assert block["by_series"]["sales"]["gru"]["mase"] == pytest.approx(block["overall"]["gru"]["mase"])
    assert metrics["skill"] == pytest.approx(
        1 - block["overall"]["gru"]["mase"] / block["overall"]["seasonal_naive"]["mase"]
    )
    table = pd.read_csv("b/backtest.csv")
    assert block["overall"]["gru"]["mae"] == pytest.approx((table["y"] - table["median"]).abs().mean(), rel=1e-4)
    assert "fitted once" in done.err


def test_series_that_end_at_other_times_have_folds_for_cutoffs(forecast: Forecast, wide: Path) -> None:
    done = forecast("backtest", wide, "--model", "naive", "--horizon", "12", "--folds", "4", "-o", "b")
    assert done.code == 0, done.err
    block = json.loads(Path("b/metrics.json").read_text())["backtest"]
    assert list(block["by_cutoff"]) == ["fold 1", "fold 2", "fold 3", "fold 4"]
    assert list(block["by_series"]) == ["whole", "late", "gone"]
    assert block["forecasts"] == 4 + 3 + 4  # `late` is too short for the oldest
    table = pd.read_csv("b/backtest.csv")
    assert table["unique_id"].unique().tolist() == ["whole", "late", "gone"]
    assert table["y"].notna().all()
    assert "on its worst series" in done.out
    assert "next: forecast report b\n" in done.err


def test_what_is_printed_fits_80_columns(forecast: Forecast, wide: Path) -> None:
    wide.write_text(wide.read_text().replace("whole", "w" * 100))
    done = forecast("backtest", wide, "--model", "naive", "--horizon", "12", "--folds", "2", "-v", "-o", "b")
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    assert [line.split()[0] for line in done.out.splitlines() if line[:1].isdigit()] == [*"1369", "12"]
    assert "Backtest: 2 folds of 12 steps of 3 series\ncutoffs from " in done.out
    assert "fold 2 of 2 forecast" in done.err


def test_many_series_list_the_worst(forecast: Forecast, wide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mase_of(folder: str) -> tuple[int, dict[str, float]]:
        assert forecast("backtest", wide, "--model", "naive", "--horizon", "12", "--folds", "2", "-o", folder).code == 0
        block = json.loads(Path(folder, "metrics.json").read_text())["backtest"]
        return block["unlisted"], {name: each["naive"]["mase"] for name, each in block["by_series"].items()}

    unlisted, whole = mase_of("whole")
    assert (unlisted, len(whole)) == (0, 3)
    monkeypatch.setattr(scoring, "SERIES_LISTED", 2)
    unlisted, worst = mase_of("worst")
    assert unlisted == 1
    assert sorted(worst.values()) == sorted(whole.values())[1:]


def test_the_config_beside_a_result_repeats_it(forecast: Forecast, sales: Path) -> None:
    options = ["--horizon", "5", "--folds", "4", "--stride", "3", "--refit", "2", "--window", "50", "--seed", "3"]
    assert forecast("backtest", sales, *QUICK, *options, "-o", "first").code == 0
    done = forecast("backtest", sales, "--config", "first/config.yaml", "-o", "second")
    assert done.code == 0, done.err
    for name in FILES:
        assert Path("first", name).read_bytes() == Path("second", name).read_bytes(), name


def test_the_model_is_sized_by_what_precedes_the_first_cutoff(forecast: Forecast, sales: Path) -> None:
    lines = sales.read_text().splitlines(keepends=True)
    options = ["--preset", "fast", "--set", "training.steps=2", "--horizon", "5", "--folds", "15"]
    assert forecast("backtest", "sales.csv", *options, "-o", "whole").code == 0
    sales.write_text("".join(lines[:16]) + "".join(line.split(",")[0] + ",-7\n" for line in lines[16:]))
    assert forecast("backtest", "sales.csv", *options, "-o", "altered").code == 0
    assert Path("whole/config.yaml").read_bytes() == Path("altered/config.yaml").read_bytes()
    whole, altered = (pd.read_csv(f"{name}/backtest.csv").head(5) for name in ("whole", "altered"))
    pd.testing.assert_frame_equal(whole.drop(columns="y"), altered.drop(columns="y"))
    assert (altered["y"] == -7).all()


@pytest.fixture
def bundle(forecast: Forecast, sales: Path) -> Path:
    """A bundle of the first 70 rows of `sales.csv`."""
    done = forecast("train", keep_rows(sales, 70), "--horizon", "5", *QUICK, "-o", "bundle")
    assert done.code == 0, done.err
    return Path("bundle")


def test_a_bundle_forecasts_folds_after_its_data_as_it_is(forecast: Forecast, sales: Path, bundle: Path) -> None:
    done = forecast("backtest", sales, "--bundle", bundle, "--folds", "4", "-v", "-o", "b")
    assert done.code == 0, done.err
    assert "its weights are used without a new fit" in done.err
    assert "refit:" not in done.err
    table = pd.read_csv("b/backtest.csv")
    for count, (_, part) in zip((70, 75, 80, 85), table.groupby("cutoff"), strict=True):
        assert forecast("predict", keep_rows(sales, count), "--bundle", bundle, "-o", "f.csv").code == 0
        alone = pd.read_csv("f.csv")
        assert part["ds"].tolist() == alone["ds"].tolist()
        np.testing.assert_allclose(part[["mean", *DECILES]], alone[["mean", *DECILES]], rtol=1e-4)


def test_a_bundle_that_has_seen_a_fold_is_fitted_anew(forecast: Forecast, sales: Path, bundle: Path) -> None:
    done = forecast("backtest", sales, "--bundle", bundle, "--folds", "5", "-o", "b")
    assert done.code == 0, done.err
    assert "the bundle was trained on steps of the folds: its settings are fitted again" in done.err
    again = forecast("backtest", sales, "--config", bundle / "config.yaml", "--folds", "5", "-o", "c")
    assert again.code == 0, again.err
    assert Path("b/backtest.csv").read_bytes() == Path("c/backtest.csv").read_bytes()
    later = forecast("backtest", sales, "--bundle", bundle, "--folds", "4", "--refit", "2", "-v", "-o", "d")
    assert later.err.count("refit:") == 2  # each fit is made again on everything, as in training


def test_a_short_series_that_joins_late_counts_for_what_a_bundle_has_seen(forecast: Forecast, wide: Path) -> None:
    early = keep_rows(wide, 105)
    assert forecast("train", early, "--horizon", "3", *QUICK, "-o", "bundle").code == 0
    done = forecast("backtest", wide, "--bundle", "bundle", "--folds", "2", "-o", "b")
    assert done.code == 0, done.err
    # `gone` has a cutoff at step 103, the others at steps 113 and later.
    assert "its settings are fitted again" in done.err


def test_a_bundle_of_its_own_data_needs_no_data(forecast: Forecast, sales: Path, bundle: Path) -> None:
    done = forecast("backtest", "--bundle", bundle, "--folds", "2", "--horizon", "7", "-o", "b")
    assert done.code == 0, done.err
    table = pd.read_csv("b/backtest.csv")
    assert table["cutoff"].unique().tolist() == ["2024-02-25", "2024-03-03"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("sales.csv --model naive --folds 8 --horizon 9", 0, ""),
        (
            "sales.csv --model naive --folds 10 --horizon 9",
            65,
            "sales.csv: 10 folds of 9 steps, 9 apart, need a series",
        ),
        ("sales.csv --model naive --window 9 --horizon 9", 65, "a window of 9 steps is too short"),
        ("sales.csv --model naive --folds 0", 2, "--folds"),
        ("sales.csv --model naive --refit -1", 2, "--refit"),
        ("sales.csv --set evaluation.fold=3", 78, "did you mean 'folds'"),
        ("sales.csv --model naive -o .", 2, "is no name for a new folder"),
        ("sales.csv --model naive -o full", 73, "full: exists and is not an empty folder"),
        ("--model naive", 2, "DATA is missing"),
        ("sales.csv --bundle full", 66, "full"),
        ("sales.csv --bundle full --model gru", 2, "--bundle already sets"),
        ("sales.csv --bundle full --season 3", 2, "--bundle already sets"),
    ],
)
def test_what_cannot_be_done_says_why(forecast: Forecast, sales: Path, arguments: str, code: int, words: str) -> None:
    Path("full").mkdir()
    Path("full/file").write_text("")
    done = forecast("backtest", *arguments.split())
    assert done.code == code, done.err
    assert words in done.err
    assert ("hint: " in done.err) == (code != 0)
    assert [path.name for path in Path().iterdir() if path.name == "runs"] == ["runs"] * (code == 0)


def test_the_hint_of_too_many_folds_helps(forecast: Forecast, sales: Path) -> None:
    done = forecast("backtest", sales, "--model", "naive", "--folds", "90", "--horizon", "9")
    assert "hint: pass --folds 8" in done.err


def test_without_a_number_there_are_five_folds_or_as_many_as_fit(forecast: Forecast, sales: Path) -> None:
    def folds_of(horizon: int) -> int:
        done = forecast("backtest", sales, "--model", "naive", "--horizon", str(horizon), "-o", f"h{horizon}")
        assert done.code == 0, done.err
        assert ("as many as fit" in done.err) == (horizon > 14)
        saved = yaml.safe_load(Path(f"h{horizon}/config.yaml").read_text())["evaluation"]["folds"]
        assert json.loads(Path(f"h{horizon}/metrics.json").read_text())["backtest"]["folds"] == saved
        return int(saved)

    assert [folds_of(horizon) for horizon in (2, 14, 15, 44)] == [5, 5, 4, 1]
    done = forecast("backtest", sales, "--model", "naive", "--horizon", "45")
    assert done.code == 65
    assert "pass a shorter --horizon" in done.err


def test_an_interrupted_backtest_leaves_nothing(sales: Path, tmp_path: Path) -> None:
    code = (  # a run that gets the signal once its first fold is forecast
        "import os, signal, sys; from forecaster.cli import console; from forecaster import events\n"
        "plain = console.Console.watch\n"
        "def watch(self, event):\n"
        "    if isinstance(event, events.FoldsForecast) and event.done == 1:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    plain(self, event)\n"
        "console.Console.watch = watch\n"
        "from forecaster.cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    run = [sys.executable, "-c", code, "backtest", "sales.csv", "--model", "naive", "--refit", "1", "-o", "b"]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 130
    assert "hint: type the command again" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sales.csv"]
