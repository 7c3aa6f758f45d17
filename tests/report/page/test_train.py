"""The page of a trained model, put together from what was gathered."""

from dataclasses import replace
from pathlib import Path

import pytest

from forecaster.report.page.parts import Section, Text
from forecaster.report.page.series import TrainedModel
from forecaster.report.page.train import compose
from forecaster.workflows.report.train import gather


@pytest.fixture
def found(awkward: Path) -> TrainedModel:
    return gather(awkward)


def test_further_sections_stand_between_the_training_and_the_data(found: TrainedModel) -> None:
    page = compose(replace(found, insights=[Section("inside", "Inside the network", [Text("Gates.")])]))
    keys = [section.key for section in page.sections]
    assert keys[keys.index("inside") - 1 : keys.index("inside") + 2] == ["training", "inside", "quality"]


def test_sentences_are_true_of_their_numbers(found: TrainedModel) -> None:
    page = compose(found)
    for each in page.drawn:
        y, mean = each.columns["holdout.y"], each.columns["holdout.mean"]
        inside = sum((y >= each.columns["holdout.low80"]) & (y <= each.columns["holdout.high80"]))
        assert f"gru was off by {abs(y - mean).mean():.3f}" in each.seen["held"] or abs(y - mean).mean() >= 10
        assert f"{inside} of 5 values lie inside the 80 % interval" in each.seen["held"]
        assert each.columns["future.low95"][0] <= each.columns["future.low80"][0] <= each.columns["future.mean"][0]
        assert each.columns["view"][1] == each.columns["future.ds"][-1]
    steps = next(chart for chart in page.charts if chart.key == "steps")
    columns = steps.columns or {}
    lower = sum(own < naive for own, naive in zip(columns["model"], columns["seasonal_naive"], strict=True))
    assert f"below that of seasonal naive at {lower} of 5 steps" in steps.seen


def test_without_a_holdout_the_page_says_that_the_accuracy_is_unknown(found: TrainedModel) -> None:
    empty = {
        "holdout": {**found.metrics["holdout"], "models": {}, "reliability": {}},
        "skill": None,
        "skill_naive": None,
    }
    page = compose(replace(found, metrics=empty, holdout=found.holdout[:0]))
    assert "the accuracy of the model is unknown" in page.verdict
    assert [section.key for section in page.sections] == ["forecast", "training", "inside", "quality", "origin"]
