"""The page of a trained model, composed from a bundle."""

from dataclasses import replace
from pathlib import Path

import pytest

from forecaster.report.page.parts import Section, Text
from forecaster.report.page.series import BundleContent
from forecaster.report.page.train import compose_bundle_page
from forecaster.workflows.report.train import read_bundle


@pytest.fixture
def content(awkward: Path) -> BundleContent:
    return read_bundle(awkward)


def test_further_sections_stand_between_the_training_and_the_data(content: BundleContent) -> None:
    page = compose_bundle_page(replace(content, insights=[Section("inside", "Inside the network", [Text("Gates.")])]))
    keys = [section.key for section in page.sections]
    assert keys[keys.index("inside") - 1 : keys.index("inside") + 2] == ["training", "inside", "quality"]


def test_sentences_are_true_of_their_numbers(content: BundleContent) -> None:
    page = compose_bundle_page(content)
    for series in page.drawn_series:
        y, mean = series.columns["holdout.y"], series.columns["holdout.median"]
        inside = sum((y >= series.columns["holdout.low80"]) & (y <= series.columns["holdout.high80"]))
        assert (
            f"error of gru is {abs(y - mean).mean():.3f}" in series.summaries["holdout"] or abs(y - mean).mean() >= 10
        )
        assert f"the 80 % interval covers {inside} of 5 values" in series.summaries["holdout"]
        assert (
            series.columns["future.low95"][0] <= series.columns["future.low80"][0] <= series.columns["future.median"][0]
        )
        assert series.columns["view"][1] == series.columns["future.ds"][-1]
    steps = next(chart for chart in page.charts if chart.key == "steps")
    columns = steps.columns or {}
    lower = sum(own < naive for own, naive in zip(columns["model"], columns["seasonal_naive"], strict=True))
    assert f"lower than the error of seasonal naive at {lower} of 5 steps" in steps.summary


def test_without_a_holdout_the_page_says_that_the_accuracy_is_unknown(content: BundleContent) -> None:
    empty = {
        "holdout": {**content.metrics["holdout"], "models": {}, "reliability": {}},
        "skill": None,
        "skill_naive": None,
    }
    page = compose_bundle_page(replace(content, metrics=empty, holdout=content.holdout[:0]))
    assert "the accuracy of the model is unknown" in page.verdict
    assert [section.key for section in page.sections] == ["forecast", "training", "inside", "quality", "origin"]
