import numpy as np
import pytest

from forecaster.errors import DataError
from forecaster.forecast import Forecast
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Panel
from forecaster.workflows.job.fallback import Predict, forecast_with_fallback
from tests.conftest import MakePanel


def forecasting(*bad: str, error: type[Exception] = ValueError) -> tuple[list[int], Predict]:
    """A model that fails where a bad series is among those asked for; and how many series each call was for."""
    calls: list[int] = []

    def predict(panel: Panel) -> Forecast:
        calls.append(len(panel))
        if error is DataError and set(panel.ids) & set(bad):
            raise DataError("no value", hint="")
        if set(panel.ids) & set(bad):
            raise error("not finite")
        return Naive().predict(panel, 2)

    return calls, predict


def test_series_that_a_model_fails_on_are_forecast_by_their_last_season(make_panel: MakePanel) -> None:
    panel = make_panel([[number, number + 1] for number in range(8)], season=2)
    calls, predict = forecasting("s5")
    fallback = SeasonalNaive().predict(panel, 2)
    forecast, reasons = forecast_with_fallback(predict, panel, fallback, {"s1": "stuck"})
    assert reasons == {"s1": "stuck", "s5": "not finite"}
    assert forecast.fallback.tolist() == [name in ("s1", "s5") for name in panel.ids]
    assert forecast.model == "naive"
    expected = Naive().predict(panel, 2).mean
    expected[[1, 5]] = fallback.mean[[1, 5]]
    np.testing.assert_array_equal(forecast.mean, expected)
    assert max(calls) == 7


def test_where_all_is_well_the_model_is_asked_once(make_panel: MakePanel) -> None:
    panel = make_panel([[1, 2], [3, 4]])
    calls, predict = forecasting()
    forecast, reasons = forecast_with_fallback(predict, panel, SeasonalNaive().predict(panel, 2), {})
    assert calls == [2]
    assert reasons == {}
    assert not forecast.fallback.any()


@pytest.mark.parametrize(
    ("error", "message"), [(ValueError, "the model could forecast no series: not finite"), (DataError, "no value")]
)
def test_a_model_that_fails_on_every_series_is_no_model(
    make_panel: MakePanel, error: type[Exception], message: str
) -> None:
    panel = make_panel([[1, 2], [3, 4]])
    _, predict = forecasting("s0", "s1", error=error)
    with pytest.raises(DataError, match=message):
        forecast_with_fallback(predict, panel, SeasonalNaive().predict(panel, 2), {})
