"""What a search found, in a table and a sentence."""

import io
from typing import Any

import pytest
from rich.console import Console

from forecaster.report.terminal.tune import closing_lines, summary
from forecaster.report.verdicts import choose_settings, tuning_sentence

SETTINGS = {
    "model.kind": "mingru",
    "model.context": 1344,
    "embed.width": 24,
    "model.hidden": 256,
    "model.layers": 2,
    "model.dropout": 0.45,
    "training.learning_rate": 0.00525,
    "scale.kind": "mean_abs",
    "decode.kind": "parallel",
}


def metrics(
    mase: float | None, wql: float | None, *, p: float | None = None, word: str = "undecided", **settings: Any
) -> dict[str, Any]:
    is_better = mase is not None and wql is not None and mase > 0 and wql > 0
    best = {"trial": 17, "loss": 0.1101, "settings": settings or SETTINGS}
    scores = dict.fromkeys(("mase", "smape", "mae", "rmse", "wql", "coverage80"), 0.5)
    unseen = {"folds": 3, "horizon": 12, "series": 4, "models": dict.fromkeys(("tuned", "default"), scores)}
    search = {"trials": 30, "pruned": 12, "default": {"trial": 1, "loss": 0.1234}, "best": best, "leaders": [best] * 5}
    chosen = "tuned" if word == "better" or (word == "undecided" and is_better) else "default"
    evidence = {
        "metric": "mase",
        "units": "cutoffs",
        "count": 3 if p is None else 8,
        "needed": 10,
        "skill": mase,
        "p": p,
    }
    found = {
        "gain": {"mase": mase, "wql": wql},
        "verdict": word,
        "chosen": chosen,
        "evidence": evidence if word == "undecided" else evidence | {"needed": None},
        "unseen": unseen,
    }
    return {"tune": search | found}


@pytest.mark.parametrize(
    ("mase", "wql", "p", "word", "sentence"),
    [
        (
            0.04,
            0.061,
            0.012,
            "better",
            "The tuned settings are better: 4 % less error than the default in 8 cutoffs, more than chance explains"
            " (p = 0.012). Use them.",
        ),
        (
            -0.04,
            0.01,
            0.012,
            "worse",
            "The tuned settings are worse: 4 % more error than the default in 8 cutoffs, more than chance explains"
            " (p = 0.012). Keep the default.",
        ),
        (
            0.04,
            0.061,
            None,
            "undecided",
            "Undecided: the tuned settings have 4 % less error than the default in 3 cutoffs, too few for a test."
            " Use them, or decide with --folds 10.",
        ),
        (
            0.04,
            -0.01,
            0.3,
            "undecided",
            "Undecided: the tuned settings have 4 % less error than the default in 8 cutoffs, but that can be chance"
            " (p = 0.3). Keep the default, or decide with --folds 10.",
        ),
        (0.0, 0.0, 1.0, "undecided", "Undecided: the tuned settings have the error of the default in 8 cutoffs."),
        (None, 0.1, None, "undecided", "Undecided: the tuned settings cannot be compared with the default"),
    ],
)
def test_the_verdict_is_better_worse_or_undecided(
    mase: float | None, wql: float | None, p: float | None, word: str, sentence: str
) -> None:
    assert tuning_sentence(metrics(mase, wql, p=p, word=word)).startswith(sentence)


def test_a_study_of_version_0_1_is_still_described() -> None:
    old = metrics(0.04, -0.01)
    old["tune"] |= {"verdict": "no better"}
    del old["tune"]["evidence"], old["tune"]["chosen"]
    sentence = tuning_sentence(old)
    assert "4.0 % better by MASE, 1.0 % worse by WQL. Use the default settings." in sentence
    assert "no better" not in sentence
    assert choose_settings(old["tune"]) == "default"
    assert choose_settings({"verdict": "better"}) == "tuned"


def test_the_next_command_takes_the_config_only_where_it_is_better() -> None:
    default = "forecast train a.csv --target y"
    better = closing_lines("s", "a.csv", metrics(0.1, 0.1), default)
    assert better.endswith("next: forecast train a.csv --config s/config.yaml")
    worse = closing_lines("s", "a.csv", metrics(-0.1, 0.1), default)
    assert worse.endswith("next: forecast train a.csv --target y")
    resumed = closing_lines("s", "our sales.csv", metrics(0.1, -0.1), None)
    assert resumed.endswith("next: forecast train 'our sales.csv' with the options you passed to tune")
    assert "wrote s/config.yaml (the tuned settings)\n" in worse


@pytest.mark.parametrize("settings", [SETTINGS, {"model.hidden": 32}])
def test_the_tables_fit_eighty_columns(settings: dict[str, Any]) -> None:
    screen = Console(file=io.StringIO(), width=80, highlight=False)
    screen.print(summary(metrics(0.1, 0.1, **settings)))
    assert isinstance(screen.file, io.StringIO)
    lines = screen.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "30 trials, 12 stopped early: the best loss is 0.1101; the default's is 0.1234"
    (leader, *_) = (line.split() for line in lines if line.split()[:1] == ["17"])
    values = [f"{value:.2g}" if isinstance(value, float) else str(value) for value in settings.values()]
    assert leader == ["17", "0.1101", *values]
    assert "…" not in "".join(lines)
