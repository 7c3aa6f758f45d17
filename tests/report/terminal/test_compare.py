"""A comparison in words and at 80 columns."""

import io
from typing import Any

import pytest
from rich.console import Console

from forecaster.report.terminal.compare import summary
from forecaster.report.verdicts import comparison_sentence


def row(skill: float | None = None, naive: float | None = None, p: float | None = None, **other: Any) -> dict[str, Any]:
    scores = {"mase": 0.63661, "smape": 19.2, "wql": 0.0142, "coverage80": 0.81}
    seconds = {"train_seconds": 1234.5, "predict_seconds": 12.34}
    tests = {"skill": skill, "skill_naive": naive, "p_seasonal_naive": p, "p_naive": p}
    return {**scores, **tests, **seconds, "beats": [], "series_won": 0.5, **other}


def metrics(models: dict[str, Any], chosen: str, **block: Any) -> dict[str, Any]:
    test = {"units": "cutoffs", "count": 20, "fewest": 5, "possible": True}
    whole = {
        "cutoff": {"first": "1990-03-26T10:00:00+01:00", "last": "1990-12-17T10:00:00+01:00"},
        "horizon": 14,
        "folds": 20,
        "series": 3,
        "unscored": 2,
        "test": {**test, **block.pop("test", {})},
        "models": models,
        "steps_won": ["gru"] * 10 + ["naive"] * 4,
        "unbeaten": [],
        "leader": "gru",
        "chosen": chosen,
        **block,
    }
    return {"compare": whole, "verdict": "better" if chosen == "gru" else "no better"}


def compared(chosen: str = "naive", **block: Any) -> dict[str, Any]:
    models = {
        "gru": row(0.123, 0.3, 0.00021, beats=["seasonal_naive", "naive"]),
        "seasonal_naive": row(None, -0.2, 0.3),
        "naive": row(0.17, None, 0.3),
    }
    return metrics(models, chosen, **block)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            compared("gru"),
            "Use gru: 12 % better than seasonal naive and 30 % better than naive, both significantly (p < 0.001).",
        ),
        (
            compared(unbeaten=["naive"]),
            "gru leads, 30 % better than naive, but over 20 cutoffs that may be chance: use naive, or test more cutoffs"
            " with a larger --folds.",
        ),
        (
            compared(unbeaten=["naive"], test={"units": "series", "count": 40}),
            "gru leads, 30 % better than naive, but over 40 series that may be chance: use naive.",
        ),
        (
            compared("seasonal_naive", unbeaten=["seasonal_naive", "naive"]),
            "gru leads, 12 % better than seasonal naive, but over 20 cutoffs that may be chance: use seasonal_naive",
        ),
        (
            metrics({**compared()["compare"]["models"], "gru": row(-0.1, 0.1, 0.4)}, "naive", unbeaten=["naive"]),
            "No model is significantly better than naive: forecast with --model naive.",
        ),
        (compared(), "No model is significantly better than both naive forecasts: forecast with --model naive."),
        (
            compared(test={"count": 3}),
            "Too few cutoffs (3) for a significance test, though gru leads: pass --folds 5.",
        ),
        (
            compared(leader="seasonal_naive", test={"count": 3, "possible": False}),
            "Too few cutoffs (3) for a significance test: use longer series, or a shorter --horizon.",
        ),
        (compared(test={"count": 0}), "The models cannot be compared: the errors have no scale here"),
        (
            compared(leader="naive", unbeaten=["naive"]),
            "Only naive forecasts were compared: forecast with --model naive, or name others with --models.",
        ),
    ],
)
def test_it_ends_with_a_sentence_to_act_on(found: dict[str, Any], words: str) -> None:
    assert comparison_sentence(found).startswith(words)


def printed(found: dict[str, Any]) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(summary(found))
    return out.getvalue()


def test_the_leaderboard_fits_80_columns() -> None:
    text = printed(compared("gru"))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "seasonal_naive  0.6366  19.20  0.01420     81 %" in text
    assert "Compared: 20 folds of 14 steps of 3 series" in text
    assert "2 series are too short for every fold." in text


def test_a_model_is_better_than_both_or_one_or_none_and_too_few_cutoffs_leave_it_open() -> None:
    models = {
        "gru": row(0.1, 0.1, 0.01, beats=["seasonal_naive", "naive"]),
        "lstm": row(0.1, 0.1, 0.01, beats=["naive"]),
        "rnn": row(0.1, 0.1, 0.5),
        "slstm": row(0.1, 0.1, None),
    }
    lines = [line.split() for line in printed(metrics(models, "gru")).splitlines()]
    cells = {line[0]: line[-3] for line in lines if line and line[0] in models}
    assert cells == {"gru": "both", "lstm": "naive", "rnn": "-", "slstm": "?"}


def test_winners_are_told_by_series_and_by_step() -> None:
    text = printed(compared("gru"))
    assert "best by series: gru 50 %, seasonal_naive 50 %, naive 50 %" in text
    assert "best by step: gru at steps 1-10, naive at steps 11-14" in text
    assert "best by step: gru at 7 of 14 steps, naive at 7" in printed(compared("gru", steps_won=["gru", "naive"] * 7))
    assert "best by" not in printed(compared("gru", series=1, steps_won=[]))
