"""Forecast value added: the same cells for all, and one vocabulary for every step."""

import numpy as np
import pandas as pd
import pytest

from forecaster.evaluation.value_added import measure_value_added, score_cells


def make_cells(errors: dict[str, np.ndarray], *, steps: int = 1, y: float = 100.0, scale: float = 2.0) -> pd.DataFrame:
    """Cells of one series in the order of time, whose forecasts have the given errors."""
    count = len(next(iter(errors.values())))
    columns = {"series_id": 1, "at": np.arange(count), "step": np.arange(count) % steps + 1, "y": y, "scale": scale}
    for name, error in errors.items():
        point = y + error
        columns |= (
            {name: point} if name in ("naive", "seasonal_naive") else {f"{name}_mean": point, f"{name}_median": point}
        )
    return pd.DataFrame(columns, index=range(count))


def noise(size: float, seed: int, count: int = 60) -> np.ndarray:
    return size * np.random.default_rng(seed).standard_normal(count)


def test_scores_are_those_of_hand_computed_cells() -> None:
    cells = make_cells({"source": np.array([3.0, -1.0])})
    cells["source_mean"] += 1
    scores = score_cells(cells, "source")
    assert scores == pytest.approx({"forecasts": 2, "mae": 2, "mase": 1, "rmse": np.sqrt(8), "bias": 2})


def test_every_step_has_a_gain_and_a_verdict() -> None:
    errors = {"seasonal_naive": noise(9, 1), "naive": noise(10, 2), "model": noise(4, 3), "source": noise(1, 4)}
    document = measure_value_added(make_cells(errors))
    model, source = document["chain"]
    assert (model["from"], model["to"], model["verdict"]) == ("naive", "model", "better")
    assert (source["from"], source["to"], source["verdict"]) == ("model", "source", "better")
    assert source["gain"] == pytest.approx(1 - np.abs(errors["source"]).mean() / np.abs(errors["model"]).mean())
    assert model["gain"] == pytest.approx(min(model["gains"].values()))


def test_an_override_that_costs_is_worse_and_a_tie_is_undecided() -> None:
    errors = {"seasonal_naive": noise(9, 1), "naive": noise(10, 2), "model": noise(2, 3)}
    worse = measure_value_added(make_cells({**errors, "source": noise(8, 4)}))
    assert worse["chain"][1]["verdict"] == "worse"
    same = measure_value_added(make_cells({**errors, "source": errors["model"]}))
    assert (same["chain"][1]["verdict"], same["chain"][1]["gain"]) == ("undecided", 0)


def test_a_model_must_beat_both_naive_forecasts() -> None:
    errors = {"seasonal_naive": noise(2, 1), "naive": noise(10, 2), "model": noise(2, 3), "source": noise(2, 4)}
    assert measure_value_added(make_cells(errors))["chain"][0]["verdict"] == "undecided"


def test_periods_are_as_long_as_the_longest_lead_time() -> None:
    """Sixty cells of which neighbours share a forecast are not sixty observations."""
    errors = {
        name: noise(size, size) for name, size in (("seasonal_naive", 9), ("naive", 8), ("model", 4), ("source", 1))
    }
    units = measure_value_added(make_cells(errors, steps=20))["units"]
    assert (units["kind"], units["count"], units["steps"]) == ("periods", 3, 20)
    assert measure_value_added(make_cells(errors, steps=20))["chain"][1]["verdict"] == "undecided"


def test_many_series_are_the_units() -> None:
    cells = make_cells(
        {"seasonal_naive": noise(9, 1), "naive": noise(9, 2), "model": noise(4, 3), "source": noise(1, 4)}
    )
    assert measure_value_added(cells.assign(series_id=range(60), at=1))["units"]["kind"] == "series"


def test_zeros_do_not_win_on_series_of_zeros() -> None:
    """The absolute error would prefer a plan of zeros; the mean of the demand has the lower squared error."""
    y = np.tile([0.0, 0, 0, 0, 10], 30)
    cells = make_cells({"seasonal_naive": noise(9, 1, 150), "naive": noise(9, 2, 150), "model": y * 0, "source": y * 0})
    cells = cells.assign(y=y, source_mean=2.0, source_median=2.0, model_mean=0.0, model_median=0.0)
    document = measure_value_added(cells)
    assert document["metric"] == "rmse"
    assert document["chain"][1]["gain"] > 0


def test_without_a_scale_the_absolute_error_decides() -> None:
    errors = {"seasonal_naive": noise(9, 1), "naive": noise(9, 2), "model": noise(4, 3), "source": noise(1, 4)}
    document = measure_value_added(make_cells(errors, scale=np.nan))
    assert document["metric"] == "mae"
    assert document["chain"][1]["verdict"] == "better"
    assert np.isnan(document["forecasts"]["source"]["mase"])


def test_only_intervals_of_every_cell_have_a_coverage() -> None:
    cells = make_cells({"source": np.zeros(4)})
    cells = cells.assign(
        source_q100=[99.0, 99, 99, 101], source_q900=102.0, source_q050=[1.0, np.nan, 1, 1], source_q950=200
    )
    scores = score_cells(cells, "source")
    assert scores["coverage80"] == 0.75
    assert not {"coverage90", "wql"} & {*scores}
