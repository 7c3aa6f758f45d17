"""The sentences that the terminal and the page share."""

import pytest

from forecaster.report.verdicts import coverage_sentence, skill_sentence


@pytest.mark.parametrize(
    ("model", "skill", "skill_naive", "words"),
    [
        ("gru", 0.25, 0.5, "gru is 25 % better than seasonal naive and 50 % better than naive by MASE."),
        ("gru", 0.25, -0.5, "gru is 25 % better than seasonal naive, but 50 % worse than naive by MASE."),
        ("gru", 0.0, 0.0, "gru is no better than seasonal naive and no better than naive by MASE."),
        ("gru", -0.27, -0.06, "gru is 27 % worse than seasonal naive and 6 % worse than naive by MASE."),
        ("gru", None, -0.5, "gru is 50 % worse than naive by MASE."),
        ("gru", None, 0.5, "gru cannot be compared with seasonal naive"),
        ("naive", -0.5, 0.0, "naive is 50 % worse than seasonal naive by MASE."),
        ("seasonal_naive", 0.0, 0.3, "seasonal_naive is 30 % better than naive by MASE."),
    ],
)
def test_the_skill_is_stated_in_plain_words(
    model: str, skill: float | None, skill_naive: float | None, words: str
) -> None:
    assert skill_sentence({"skill": skill, "skill_naive": skill_naive, "verdict": ""}, model).startswith(words)


def test_the_coverage_of_the_intervals_comes_with_its_error() -> None:
    scores: dict[str, float | None] = {}
    for level, share, error in ((50, 0.49, 0.031), (80, 0.807, 0.022), (90, 0.9, 0.02), (95, 0.96, 0.011)):
        scores |= {f"coverage{level}": share, f"coverage{level}_error": error}
    assert coverage_sentence(scores) == (
        "Of the held-out values, the 50 % interval covered 49 % (chance alone: ± 3), the 80 % interval 81 % (± 2),"
        " the 90 % interval 90 % (± 2) and the 95 % interval 96 % (± 1)."
    )
    assert coverage_sentence(scores | {"coverage50": 0.38}).endswith(" The 50 % interval is too narrow.")
    both = scores | {"coverage50": 0.38, "coverage90": 0.99, "coverage95": 1.0}
    assert coverage_sentence(both).endswith(
        " The 90 % and 95 % intervals are too wide. The 50 % interval is too narrow."
    )
    all_wide = scores | {f"coverage{level}": 0.999 for level in (50, 80, 90, 95)}
    assert coverage_sentence(all_wide).endswith(" The intervals are too wide.")
    assert coverage_sentence(scores | {"coverage90": None}) == ""
