"""Forecasts of intermittent demand: the rates of Croston and of TSB, by the package `statsforecast`."""

from types import ModuleType

import numpy as np

from forecaster.config import CrostonConfig, TsbConfig
from forecaster.events import Watch
from forecaster.forecast import PROBABILITIES, Checkpoint, Forecast
from forecaster.frequency import Ints
from forecaster.models.local import Local, Rows
from forecaster.models.naive import SeasonalNaive
from forecaster.models.statistical import import_models, isolated
from forecaster.panel import Panel

_STEPS_READ = 500


class Intermittent(Local):
    """A constant rate of demand, estimated from the sizes of demands and the times between them.

    `croston` smooths both, with smoothing parameters that fit the history best; `tsb` smooths the probability of a
    demand in each step as well, so that its rate falls while there is none. Missing values are left out.

    The mean is the rate. The quantiles are those of a mixture: 0 with the share of zeros in the history, otherwise a
    past demand, stretched so that the expectation of the mixture is the rate. A series with negative values is forecast
    by its last season, and marked as a fallback.

    Source: Croston 1972, "Forecasting and stock control for intermittent demands"; Teunter, Syntetos & Babai 2011,
    "Intermittent demand: Linking forecasting to inventory obsolescence"; Garza et al. 2022, statsforecast.
    """

    point = "expectation"

    def __init__(self, config: CrostonConfig | TsbConfig) -> None:
        super().__init__()
        self.name = config.kind
        self._config = config

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Check that `statsforecast` is installed.

        Raises: DependencyError: it is not installed.
        """
        import_models(self.name)

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        models = import_models(self.name)
        means = np.zeros(len(panel))
        quantiles = np.zeros((len(panel), len(PROBABILITIES)))
        is_negative = np.zeros(len(panel), bool)
        for row, target in enumerate(panel):
            demand = target[~np.isnan(target)].astype(np.float64)[-_STEPS_READ:]
            is_negative[row] = bool((demand < 0).any())
            if not is_negative[row] and demand.any():
                means[row] = self._estimate_rate(models, demand)
                quantiles[row] = _mix(demand, means[row])
        mean = np.repeat(means[:, None], horizon, axis=1).astype(panel.values.dtype)
        spread = np.repeat(quantiles[:, None], horizon, axis=1).astype(panel.values.dtype)
        if is_negative.any():
            simple = SeasonalNaive().predict(panel.select(is_negative), horizon)
            mean[is_negative], spread[is_negative] = simple.mean, simple.quantiles
        return Forecast.of(panel, spread, model=self.name, mean=mean, fallback=is_negative)

    def _estimate_rate(self, models: ModuleType, demand: Rows) -> float:
        config = self._config
        with isolated():
            model = (
                models.TSB(alpha_d=config.size, alpha_p=config.probability)
                if isinstance(config, TsbConfig)
                else models.CrostonOptimized()
            )
            rate = float(model.forecast(y=demand, h=1)["mean"][0])
        return rate if np.isfinite(rate) else float(demand.mean())


def _mix(demand: Rows, rate: float) -> Rows:
    """Return the [Q] quantiles of the mixture of zeros and of past demands, whose expectation is the rate."""
    sizes = np.sort(demand[demand > 0])
    share = len(sizes) / len(demand)
    beyond = (np.array(PROBABILITIES) - (1 - share)) / share
    stretched = sizes * (rate / (share * sizes.mean()))
    return np.where(beyond > 0, np.quantile(stretched, np.clip(beyond, 0, 1)), 0.0)
