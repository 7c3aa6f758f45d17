"""The description of a choice of members."""

import math

import pytest

from forecaster.config.tree import merge, validate
from forecaster.evaluation.combination import Combination
from forecaster.selection.members import describe_members, summarise

CONFIG = validate(
    {
        "data": {"horizon": 4, "calendar": True},
        "model": {"context": 12},
        "embed": {"width": 4},
        "decode": {"skip": [4]},
        "scale": {"log": True},
        "training": {"weigh": "relative"},
        "ensemble": {
            "choose": 2,
            "variants": [
                {},
                {"decode": {"skip": []}, "scale": {"kind": "mean", "log": False}, "data": {"calendar": False}},
                {"training": {"weigh": "evenly"}},
                {"training": {"weigh": "evenly"}},
                {"model": {"kind": "naive"}},
            ],
        },
    },
    "test",
)
LABELS = [
    "gru 12 by 4 (past seasons, calendar, log)",
    "gru 12 by 4 (mean)",
    "gru 12 by 4 (past seasons, calendar, log, even weights)",
    "gru 12 by 4 (past seasons, calendar, log, even weights) #2",
    "naive",
]


def test_each_candidate_has_a_label_of_its_own_and_its_loss() -> None:
    summary = summarise(CONFIG, Combination((0, 4), (2.2, 3.0, 2.5, 2.6, 4.0), 2.0))
    assert list(summary["among"]) == LABELS
    assert summary["among"]["naive"] == 4.0
    assert summary["members"] == [LABELS[0], "naive"]
    assert summary["why"] == (
        f"of 5 candidates, {LABELS[0]} and naive together forecast the tail before the holdout best,"
        f" with 9.1 % less loss than {LABELS[0]} alone"
    )
    single = summarise(CONFIG, Combination((2,), (2.2, 3.0, 2.0, 2.6, 4.0), 2.0))
    assert single["why"].endswith(f"with 9.1 % less loss than {LABELS[0]}, the next one")


def test_a_mixture_without_a_choice_names_its_members() -> None:
    variants = {"ensemble": {"choose": None, "name": "gru", "variants": [{}, {"model": {"kind": "naive"}}]}}
    mixture = validate(merge(CONFIG.model_dump(), variants), "test")
    assert describe_members(mixture) == f"gru combines {LABELS[0]} and naive"


@pytest.mark.parametrize("loss", [math.inf])
def test_a_choice_without_evidence_says_so(loss: float) -> None:
    summary = summarise(CONFIG, Combination((0, 1), (loss,) * 5, loss))
    assert "no series is long enough" in summary["why"]
    assert summary["among"][LABELS[0]] is None
