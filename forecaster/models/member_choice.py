"""The choice of an ensemble's members by their forecasts of the validation tail."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.evaluation.combination import Combination, choose_members
from forecaster.evaluation.metrics import seasonal_error
from forecaster.forecast import Forecaster
from forecaster.frequency import Ints
from forecaster.models.calibrated import choose_cutoffs
from forecaster.panel import Panel

_MAX_CUTOFFS = 8  # cutoffs of a series
_MAX_FORECASTS = 1000


@dataclass(frozen=True)
class MemberChoice:
    """The means to choose members.

    Attributes:
        horizon: steps of a forecast.
        most: largest number of members.
    """

    horizon: int
    most: int

    def choose(
        self, candidates: Sequence[Forecaster], leaders: Sequence[int], panel: Panel, validation: Ints
    ) -> Combination:
        """Choose members by forecasts from at most `_MAX_FORECASTS` cutoffs in the validation tail.

        Where no series has a validation tail of a whole horizon, the first candidates are the members.

        Args:
            candidates: fitted.
            leaders: the numbers of the candidates of which at least one has to be a member; all if it is empty.
            validation: [N] steps at the end of each series that the weights do not depend on.
        """
        series, steps_back = choose_cutoffs(validation, self.horizon, most=_MAX_CUTOFFS)
        if not len(series):
            members = tuple(range(min(self.most, len(candidates))))
            return Combination(members, (np.inf,) * len(candidates), np.inf)
        sample = np.unique(np.linspace(0, len(series) - 1, min(len(series), _MAX_FORECASTS)).round().astype(np.int64))
        rows = panel.select(series[sample])
        visible = rows.cut(steps_back[sample])
        return choose_members(
            [each.predict(visible, self.horizon).quantiles for each in candidates],
            visible.actual(self.horizon, rows.end),
            seasonal_error(visible, panel.season),
            leaders=leaders or range(len(candidates)),
            most=self.most,
        )
