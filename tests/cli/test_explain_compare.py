"""`forecast explain A B C` from the command line: several networks side by side."""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest

from forecaster.cli.app import main
from tests.cli.conftest import QUICK, SAMPLES, Forecast

AIR = SAMPLES / "air_passengers.csv"
STEP_BY_STEP = ["--set", "embed.width=1", "--set", "decode.kind=direct", "--set", "model.context=24"]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with small bundles of the passengers, named after their cells."""
    folder = tmp_path_factory.mktemp("bundles")
    options = {
        "rnn": ["--model", "rnn", "--seed", "7"],
        "lstm": ["--model", "lstm"],
        "both": ["--model", "gru", "--bidirectional"],
        "segments": ["--model", "gru", "--set", "embed.width=12"],
        "short": ["--model", "gru", "--horizon", "6"],
        "two": ["--model", "gru", "--set", "ensemble.seeds=2", "--set", "ensemble.workers=1"],
        "naive": ["--model", "naive"],
    }
    for name, extra in options.items():
        quick = [] if name == "naive" else [*QUICK, *STEP_BY_STEP]
        assert main(["train", str(AIR), *quick, *extra, "-o", str(folder / name), "-q"]) == 0
    return folder


def test_a_column_for_each_network_and_a_row_for_each_measure(forecast: Forecast, bundles: Path) -> None:
    done = forecast("explain", *(bundles / name for name in ("rnn", "lstm", "both", "segments")))
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    rows = {name: cells for name, *cells in (re.split(r"\s{2,}", line) for line in done.out.splitlines())}
    assert rows["cell"] == ["rnn", "lstm", "gru", "gru"]
    assert rows["directions"] == ["1", "1", "2", "1"]
    assert rows["steps read at once"] == ["1", "1", "1", "12"]
    assert [cell == "-" for cell in rows["the gradient, backward"]] == [True, True, False, True]
    assert {*rows["the gradient"]} <= {"vanishes", "fades", "lasts", "explodes"}
    assert {"parameters", "left", "half-life, steps", "MASE on the holdout", "training, seconds"} <= rows.keys()
    assert not list(Path.cwd().iterdir())


def test_the_numbers_are_those_of_each_bundle_alone(forecast: Forecast, bundles: Path) -> None:
    document = forecast("explain", bundles / "rnn", bundles / "lstm", "--json").json
    assert [each["label"] for each in document["networks"]] == ["rnn", "lstm"]
    assert document["baselines"].keys() == {"seasonal_naive", "naive"}
    for network in document["networks"]:
        folder = bundles / network["label"]
        alone = forecast("explain", folder, "--json").json
        described = forecast("show", folder, "--json").json
        for key in ("windows", "flows", "total", "memory", "fate"):
            assert network["gradients"][key] == alone["gradients"][key]
        assert document["cutoff"] == alone["unrolling"]["cutoff"]
        assert network["parameters"] == described["parameters"]
        assert network["holdout"]["mase"] == pytest.approx(
            described["metrics"]["holdout"]["models"][network["model"]]["mase"], rel=1e-5
        )
        moved = {f"lag {lag}": abs(value) for lag, value in enumerate(alone["attribution"]["of_lags"], start=1)}
        others = sum(abs(value) for value in alone["attribution"]["of_groups"].values())
        shares = {each["name"]: each["share"] for each in network["influences"]}
        total = sum(moved.values()) + others
        assert shares["lag 1"] == pytest.approx(moved["lag 1"] / total, rel=1e-3)
        assert shares["lags 13-24"] == pytest.approx(sum(list(moved.values())[12:24]) / total, rel=1e-3)
        assert sum(shares.values()) == pytest.approx(1, rel=1e-4)


def test_all_networks_explain_the_window_that_is_named(forecast: Forecast, bundles: Path) -> None:
    pair = (bundles / "rnn", bundles / "lstm")
    document = forecast("explain", *pair, "--window", "1958-06", "--step", "3", "--json").json
    assert (document["cutoff"], document["step"]) == ("1958-06-01", 3)
    newest = forecast("explain", *pair, "--json").json
    assert newest["networks"][0]["influences"] != document["networks"][0]["influences"]


def test_one_picture_of_all_networks(forecast: Forecast, bundles: Path) -> None:
    pytest.importorskip("matplotlib")
    names = ("rnn", "lstm", "both", "segments")
    assert forecast("explain", *(bundles / name for name in names), "-o", "cells.svg", "-q").code == 0
    text = Path("cells.svg").read_text("utf-8")
    assert [name for name in names if f"{name}: memory" in text] == [*names]
    assert "MASE on the holdout" in text
    assert "dashed: seasonal naive, dotted: naive" in text
    assert "left, " in text.split("both: memory")[1].split("<")[0]  # the share of each direction
    assert forecast("explain", bundles / "rnn", bundles / "lstm", "-o", "cells.json").code == 0
    document = json.loads(Path("cells.json").read_text())
    assert forecast("explain", bundles / "rnn", bundles / "lstm", "--json").json == document


def test_long_names_are_numbers_that_a_list_explains(forecast: Forecast, bundles: Path) -> None:
    shutil.copytree(bundles / "rnn", "air_passengers-rnn-20261128")
    done = forecast("explain", "air_passengers-rnn-20261128", bundles / "lstm")
    assert done.out.splitlines()[1] == "1: air_passengers-rnn-20261128"
    assert done.out.splitlines()[4].split() == ["1", "2"]


def test_of_an_ensemble_one_network_is_compared(forecast: Forecast, bundles: Path) -> None:
    done = forecast("explain", bundles / "rnn", bundles / "two")
    assert done.code == 0, done.err
    assert "two: of 2 networks that forecast together, number 1 is compared" in done.err
    assert forecast("explain", bundles / "rnn", bundles / "two", "--member", "2").code == 2


@pytest.mark.parametrize(
    ("names", "code", "message"),
    [
        (("rnn", "naive"), 2, "naive has no network to compare"),
        (("rnn", "short"), 2, "horizon 6, but 12"),
        (("rnn", "rnn"), 2, "the same bundle twice"),
        (("rnn", "absent"), 66, "no such bundle"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    forecast: Forecast, bundles: Path, names: tuple[str, ...], code: int, message: str
) -> None:
    done = forecast("explain", *(bundles / name for name in names))
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert "hint:" in done.err


def test_other_data_is_refused_by_size_and_by_value(forecast: Forecast, bundles: Path) -> None:
    lines = AIR.read_text().splitlines()
    Path("shorter.csv").write_text("\n".join(lines[:-12]) + "\n")
    Path("other.csv").write_text("\n".join([*lines[:-1], lines[-1].rpartition(",")[0] + ",999"]) + "\n")
    for name in ("shorter", "other"):
        options = [*QUICK, *STEP_BY_STEP, "--model", "gru", "-o", name, "-q"]
        assert forecast("train", f"{name}.csv", *options).code == 0
    shorter = forecast("explain", bundles / "rnn", "shorter")
    assert (shorter.code, "values 132, but 144" in shorter.err) == (2, True)
    other = forecast("explain", bundles / "rnn", "other")
    assert (other.code, "other: trained on other values than" in other.err) == (2, True)


def test_without_matplotlib_a_picture_is_refused_before_any_work(
    forecast: Forecast, bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "forecaster.report.figure.explain.find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    done = forecast("explain", bundles / "rnn", bundles / "lstm", "-o", "cells.svg")
    assert (done.code, done.out) == (69, "")
