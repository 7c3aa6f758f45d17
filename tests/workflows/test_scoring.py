"""The verdict of a training considers cutoffs that the fit has not seen."""

import numpy as np

from forecaster.evaluation.split import split
from forecaster.events import ignore
from forecaster.forecast import Forecaster
from forecaster.models.calibrated import Calibrated
from forecaster.models.naive import Drift
from forecaster.panel import Panel
from forecaster.workflows.scoring import evaluate_holdout
from tests.conftest import MakePanel

HORIZON = 5


def evaluated(panel: Panel, *, is_calibrated: bool = True) -> dict[str, dict[str, object]]:
    parts = split(panel, HORIZON, is_calibrated=is_calibrated)
    forecaster: Forecaster = Calibrated(Drift(), horizon=HORIZON) if is_calibrated else Drift()
    forecaster.fit(panel.cut(parts.holdout), parts.tail, watch=ignore, checkpoint=None)
    metrics, _ = evaluate_holdout(forecaster, panel, parts, HORIZON)
    return metrics


def walks(make_panel: MakePanel, count: int, steps: int = 400) -> Panel:
    generator = np.random.default_rng(0)
    return make_panel(list(np.cumsum(generator.normal(2.0, 1, (count, steps)), axis=1)))


def test_few_series_are_judged_by_the_cutoffs_of_the_calibration_tail_as_well(make_panel: MakePanel) -> None:
    panel = walks(make_panel, 2)
    tail = int(split(panel, HORIZON, is_calibrated=True).calibration[0])
    evidence = evaluated(panel)["evidence"]
    assert (evidence["units"], evidence["count"]) == ("cutoffs", 1 + tail // HORIZON)
    assert evaluated(panel)["verdict"] == "better"  # a walk with a drift


def test_series_without_a_calibration_tail_are_judged_by_the_holdout_alone(make_panel: MakePanel) -> None:
    metrics = evaluated(walks(make_panel, 1), is_calibrated=False)
    assert (metrics["evidence"]["count"], metrics["verdict"]) == (1, "undecided")


def test_many_series_are_judged_by_their_holdouts(make_panel: MakePanel) -> None:
    evidence = evaluated(walks(make_panel, 30, 100))["evidence"]
    assert (evidence["units"], evidence["count"]) == ("series", 30)


def test_series_of_different_lengths_share_their_newest_cutoffs(make_panel: MakePanel) -> None:
    long, short = np.random.default_rng(1).normal(size=400), np.random.default_rng(2).normal(size=60)
    panel = make_panel([long, short])
    tails = split(panel, HORIZON, is_calibrated=True).calibration // HORIZON
    assert evaluated(panel)["evidence"]["count"] == 1 + max(tails)


def test_naive_forecasts_are_calibrated_as_the_model_is(make_panel: MakePanel) -> None:
    panel = make_panel(list(np.random.default_rng(0).normal(size=(3, 400))))  # their changes are too wide for them
    raw = evaluated(panel, is_calibrated=False)["holdout"]["models"]["naive"]  # type: ignore[index]
    calibrated = evaluated(panel)["holdout"]["models"]["naive"]  # type: ignore[index]
    assert raw["mase"] == calibrated["mase"]
    assert raw["wql"] != calibrated["wql"]
