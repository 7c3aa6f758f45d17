import math

import pytest

from forecaster.config.job import GateConfig, RetrainConfig
from forecaster.workflows.job.policy import Assessment, Evidence, find_gate_objection, find_retrain_reason

DAY = 86_400.0
NEVER = {"max_age": None}


@pytest.mark.parametrize(
    ("policy", "assessment", "expected"),
    [
        ({}, Assessment(6.9 * DAY, 7, 7), None),
        ({}, Assessment(7 * DAY, 7, 7), "trained 7 days ago"),
        ({}, Assessment(-3000 * DAY, 7, 7), "trained -3000 days ago"),  # the clock had been years ahead
        ({}, Assessment(7 * DAY, 0, 0), None),  # the same data teaches nothing new
        (NEVER, Assessment(700 * DAY, 7, 7), None),
        (NEVER | {"new_rows": 8}, Assessment(DAY, 7, 7), None),
        (NEVER | {"new_rows": 7}, Assessment(DAY, 7, 7), "7 new values"),
        (NEVER | {"skill_below": 0.1}, Assessment(DAY, 7, 14, skill=0.05), "skill 0.050 is below 0.1"),
        (NEVER | {"skill_below": 0.1}, Assessment(DAY, 7, 13, skill=0.05), None),  # once a horizon
        (NEVER | {"skill_below": 0.1}, Assessment(DAY, 7, 14), None),
        (NEVER | {"drift": True}, Assessment(DAY, 7, 14, has_drifted=True), "errors left what the holdout promised"),
        (NEVER | {"drift": False}, Assessment(DAY, 7, 14, has_drifted=True), None),
        (NEVER, Assessment(DAY, 0, 0, has_other_settings=True), "the settings have changed"),
    ],
)
def test_training_is_due_when_the_policy_says_so(
    policy: dict[str, object], assessment: Assessment, expected: str | None
) -> None:
    assert find_retrain_reason(RetrainConfig.model_validate(policy), assessment, 14) == expected


def evidence(skills: list[float], coverage80: float = 0.8, source: str = "backtest") -> Evidence:
    return Evidence(tuple(1 - skill for skill in skills), (1.0,) * len(skills), coverage80, source)


@pytest.mark.parametrize(
    ("policy", "evidence", "expected"),
    [
        ({}, evidence([0.0]), None),
        ({}, evidence([-0.9] * 4, source="holdout"), None),  # too few periods for a test: undecided
        ({}, evidence([]), None),
        ({"skill": None}, evidence([-9]), None),
        ({}, evidence([-0.5, 0.4, -0.3, 0.2, -0.1]), None),  # may be chance
        ({}, evidence([-0.5, -0.4, -0.3, -0.2, -0.4]), "skill -0.360 on the backtest is below 0"),
        ({"skill": 0.5}, evidence([0.3, 0.2, 0.3, 0.25, 0.2]), "skill 0.250 on the backtest is below 0.5"),
        (
            {"coverage": [0.7, 0.9]},
            evidence([0.5], 0.65, "holdout"),
            "the 80 % interval covered 65 % on the holdout, not 70 to 90 %",
        ),
        ({"coverage": [0.7, 0.9]}, evidence([0.5], 0.9), None),
        ({"coverage": [0.7, 0.9]}, evidence([], math.nan), None),
    ],
)
def test_the_gate_objects_to_what_is_not_good_enough(
    policy: dict[str, object], evidence: Evidence, expected: str | None
) -> None:
    assert find_gate_objection(GateConfig.model_validate(policy), evidence) == expected


def test_skill_is_that_of_all_pieces_together() -> None:
    assert Evidence((1.0, 3.0), (2.0, 6.0), 0.8, "ledger").skill == 0.5
    assert math.isnan(Evidence((), (), math.nan, "ledger").skill)
