"""What a search found, in a table and a sentence."""

import io
from typing import Any

import pytest
from rich.console import Console

from forecaster.report.terminal.tune import closing_lines, summary
from forecaster.report.verdicts import tuning_sentence

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


def metrics(mase: float | None, wql: float | None, **settings: Any) -> dict[str, Any]:
    is_better = mase is not None and wql is not None and mase > 0 and wql > 0
    best = {"trial": 17, "loss": 0.1101, "settings": settings or SETTINGS}
    scores = dict.fromkeys(("mase", "smape", "mae", "rmse", "wql", "coverage80"), 0.5)
    unseen = {"folds": 3, "horizon": 12, "series": 4, "models": dict.fromkeys(("tuned", "default"), scores)}
    search = {"trials": 30, "pruned": 12, "default": {"trial": 1, "loss": 0.1234}, "best": best, "leaders": [best] * 5}
    found = {"gain": {"mase": mase, "wql": wql}, "verdict": "better" if is_better else "no better", "unseen": unseen}
    return {"tune": search | found}


@pytest.mark.parametrize(
    ("mase", "wql", "words"),
    [
        (0.04, 0.061, "beat the default: 4.0 % better by MASE, 6.1 % better by WQL."),
        (0.04, -0.01, "are no better than the default: 4.0 % better by MASE, 1.0 % worse by WQL. Keep the default."),
        (0.0, 0.0, "are no better than the default: equal by MASE, equal by WQL."),
        (None, 0.1, "cannot be compared"),
    ],
)
def test_the_verdict_is_said_in_plain_words(mase: float | None, wql: float | None, words: str) -> None:
    assert words in tuning_sentence(metrics(mase, wql))


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
