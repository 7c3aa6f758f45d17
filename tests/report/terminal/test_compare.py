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
    return {**scores, **tests, **seconds, "beats": [], "verdict": "better", "series_won": 0.5, **other}


def metrics(models: dict[str, Any], chosen: str, verdict: str = "undecided", **block: Any) -> dict[str, Any]:
    whole = {
        "cutoff": {"first": "1990-03-26T10:00:00+01:00", "last": "1990-12-17T10:00:00+01:00"},
        "horizon": 14,
        "folds": 20,
        "series": 3,
        "unscored": 2,
        "test": {"units": "cutoffs", "count": 20, "fewest": 5, "possible": True, "most_folds": 60},
        "models": models,
        "steps_won": ["gru"] * 10 + ["naive"] * 4,
        "leader": "gru",
        "chosen": chosen,
        **block,
    }
    leader = models[whole["leader"]]
    keys = ("skill", "skill_naive", "p_seasonal_naive", "p_naive")
    evidence = {"metric": "mase", "units": "cutoffs", "count": 20, "fewest": 5, "needed": None}
    evidence |= {key: leader[key] for key in keys} | block.get("evidence", {})
    return {"compare": whole, "verdict": verdict, "evidence": evidence}


def compared(verdict: str = "undecided", **block: Any) -> dict[str, Any]:
    models = {
        "gru": row(0.123, 0.3, 0.00021),
        "seasonal_naive": row(None, -0.2, 0.3, verdict="worse"),
        "naive": row(0.17, None, 0.3, verdict="better"),
    }
    return metrics(models, block.pop("chosen", "gru"), verdict, **block)


GAINS = "12 % less error than seasonal naive and 30 % less than naive"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (compared("better"), f"gru is better: {GAINS} in 20 cutoffs, more than chance explains (p < 0.001). Use gru."),
        (
            compared(evidence={"p_naive": 0.13, "needed": 27}),
            f"Undecided: gru has {GAINS} in 20 cutoffs, but that can be chance (p = 0.13). Use gru, or decide with"
            " --folds 27.",
        ),
        (
            compared(evidence={"p_naive": 0.13, "needed": 90}),
            f"Undecided: gru has {GAINS} in 20 cutoffs, but that can be chance (p = 0.13). Use gru, or decide with"
            " longer series, or a shorter --horizon.",
        ),
        (
            compared(evidence={"p_naive": 0.13, "units": "series", "count": 40}),
            f"Undecided: gru has {GAINS} in 40 series, but that can be chance (p = 0.13). Use gru.",
        ),
        (
            compared(evidence={"skill": 0.1, "skill_naive": -0.05, "p_naive": 0.4}),
            "Undecided: gru has 10 % less error than seasonal naive and 5 % more than naive in 20 cutoffs, but that can"
            " be chance (p = 0.4). Use naive.",
        ),
        (
            compared("worse", evidence={"skill": -0.2, "skill_naive": -0.1}),
            "gru is worse: 20 % more error than seasonal naive and 10 % more than naive in 20 cutoffs, more than chance"
            " explains (p < 0.001). Use seasonal_naive.",
        ),
        (
            compared(evidence={"p_naive": None, "p_seasonal_naive": None, "count": 3, "needed": 5}),
            f"Undecided: gru has {GAINS} in 3 cutoffs, too few for a test. Use gru, or decide with --folds 5.",
        ),
        (
            compared(evidence={"metric": "wql", "p_naive": 0.2}),
            "Undecided: gru has 12 % less quantile loss than seasonal naive and 30 % less than naive in 20 cutoffs,",
        ),
        (
            compared(evidence={"skill": None, "skill_naive": None}),
            "Undecided: gru cannot be compared with naive forecasts, because the errors have no scale here.",
        ),
        (
            compared(leader="naive", chosen="naive"),
            "Only naive forecasts were compared: use naive, or name others with --models.",
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
    text = printed(compared("better"))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "seasonal_naive  0.6366  19.20  0.01420     81 %" in text
    assert "Compared: 20 folds of 14 steps of 3 series" in text
    assert "2 series are too short for every fold." in text


def test_every_model_has_a_verdict_and_naive_forecasts_have_none() -> None:
    models = {
        "gru": row(0.1, 0.1, 0.01, verdict="better"),
        "lstm": row(0.1, 0.1, 0.5, verdict="undecided"),
        "rnn": row(-0.1, -0.1, 0.01, verdict="worse"),
        "naive": row(None, -0.1, 0.01, verdict="worse"),
    }
    lines = [line.split() for line in printed(metrics(models, "gru")).splitlines()]
    cells = {line[0]: line[-3] for line in lines if line and line[0] in models}
    assert cells == {"gru": "better", "lstm": "undecided", "rnn": "worse", "naive": "-"}


def test_winners_are_told_by_series_and_by_step() -> None:
    text = printed(compared("better"))
    assert "best by series: gru 50 %, seasonal_naive 50 %, naive 50 %" in text
    assert "best by step: gru at steps 1-10, naive at steps 11-14" in text
    assert "best by step: gru at 7 of 14 steps, naive at 7" in printed(
        compared("better", steps_won=["gru", "naive"] * 7)
    )
    assert "best by" not in printed(compared("better", series=1, steps_won=[]))
