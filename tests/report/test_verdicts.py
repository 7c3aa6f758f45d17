"""The sentences that the terminal and the page share."""

import pytest

from forecaster.report.verdicts import coverage_sentence, skill_sentence


@pytest.mark.parametrize(
    ("model", "skill", "skill_naive", "words"),
    [
        ("gru", 0.25, 0.5, "gru is 25 % better than seasonal naive and 50 % better than naive."),
        ("gru", 0.25, -0.5, "gru is no better than naive here"),
        ("gru", 0.0, 0.0, "gru is no better than seasonal naive and naive here"),
        ("gru", None, 0.5, "gru cannot be compared with seasonal naive"),
        ("naive", -0.5, 0.0, "naive is no better than seasonal naive here"),
        ("seasonal_naive", 0.0, 0.3, "seasonal_naive is 30 % better than naive."),
    ],
)
def test_the_skill_is_stated_in_plain_words(
    model: str, skill: float | None, skill_naive: float | None, words: str
) -> None:
    assert skill_sentence({"skill": skill, "skill_naive": skill_naive, "verdict": ""}, model).startswith(words)


def test_the_coverage_of_the_intervals_comes_with_its_error() -> None:
    scores: dict[str, float | None] = {}
    for level, share, error in ((50, 0.49, 0.031), (80, 0.807, 0.022), (90, 0.9, 0.02), (95, 1.0, 0.011)):
        scores |= {f"coverage{level}": share, f"coverage{level}_error": error}
    assert coverage_sentence(scores) == (
        "The 50, 80, 90 and 95 % intervals covered 49 ± 3, 81 ± 2, 90 ± 2 and 100 ± 1 % of the held-out values."
    )
    assert coverage_sentence(scores | {"coverage90": None}) == ""
