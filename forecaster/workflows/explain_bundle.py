"""The explanation of a restored forecaster, shared by `forecast explain` and `forecast report`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from forecaster.config import FINE_TUNED, Config, StatisticalModel
from forecaster.data.load import LoadedData
from forecaster.evaluation.metrics import seasonal_error
from forecaster.evaluation.split import split
from forecaster.explain.explanation import CovariateNames, Explanation, Importance
from forecaster.explain.importance import HeldOutWindows, InputGroup, group_columns, group_lags, measure_importance
from forecaster.forecast import Forecaster, HasNetworks
from forecaster.frequency import Ints
from forecaster.models.calibrated import choose_cutoffs
from forecaster.models.variants import members_of
from forecaster.panel import Panel
from forecaster.store.bundle import Bundle
from forecaster.workflows.explain_scope import DEFAULT_SCOPE, ExplanationScope, check_step, choose_window, member_index

if TYPE_CHECKING:
    from forecaster.explain.inside import NetworkExplanation, WindowChoice
    from forecaster.models.neural import NeuralForecaster

_FEW_REPEATS = 2  # Repeats where each forecast is a fit, which is slow.
_SAMPLED_WINDOW_STRIDE = 4  # One window in four is forecast where each forecast is sampled, which is slow.
_MAX_VALUES_COPIED = 20_000_000
_LAG_SEASONS = 2  # Seasons of lags that are exchanged for models that read the whole history.
_LAG_STEPS = 16  # The same in steps, for data without a season.


@dataclass(frozen=True)
class Effort:
    """The amount of computation that an explanation takes.

    Attributes:
        gradient_windows: windows that gradients are averaged over.
        exchange_windows: windows between which inputs are exchanged.
        repeats: number of exchanges of each input.
        fitted_windows: replaces `exchange_windows` for statistical models, which are fitted anew for each forecast;
            0 leaves the importance out.
    """

    gradient_windows: int
    exchange_windows: int
    repeats: int
    fitted_windows: int


THOROUGH = Effort(gradient_windows=256, exchange_windows=128, repeats=5, fitted_windows=8)
# A report has ten seconds for 414 series.
BRIEF = Effort(gradient_windows=64, exchange_windows=48, repeats=3, fitted_windows=0)


@dataclass(frozen=True)
class Subject:
    """A restored model to explain, and its data.

    Attributes:
        networks: the networks of the forecaster; empty if it has none.
        place: the name of the data in errors.
    """

    config: Config
    forecaster: Forecaster
    networks: "list[NeuralForecaster]"
    loaded: LoadedData
    horizon: int
    place: str

    @classmethod
    def of(cls, bundle: Bundle, forecaster: Forecaster, loaded: LoadedData, place: str) -> "Subject":
        """Return the forecaster that was restored from a bundle as a subject."""
        networks = forecaster.networks() if isinstance(forecaster, HasNetworks) else []
        members = cast("list[NeuralForecaster]", list(networks))
        return cls(bundle.config, forecaster, members, loaded, bundle.manifest.horizon, place)

    @property
    def panel(self) -> Panel:
        """The series to explain the forecasts of."""
        return self.loaded.panel

    @property
    def held_out(self) -> Ints:
        """[N] number of last steps of each series that the training held out, the holdout included."""
        parts = split(self.panel, self.horizon, is_calibrated=self.config.conformal.is_on)
        return parts.tail + parts.holdout

    @property
    def lags(self) -> int:
        """The number of lags that are exchanged: the longest context, or some seasons for models without a context."""
        contexts = [network.window_spec.context for network in self.networks]
        season = self.panel.season
        lags = max(contexts, default=_LAG_SEASONS * season if season > 1 else _LAG_STEPS)
        return min(lags, int(self.panel.lengths.max()))

    def table_column(self, column: str) -> str:
        """Return the column of the table for a column of the panel, which names text columns `column=word`."""
        names = {*self.config.data.past, *self.config.data.known, *self.config.data.static}
        return column if column in names else column.rpartition("=")[0] or column

    def covariate_names(self) -> CovariateNames:
        """Return the names that the panel's covariates have in the table."""
        panel = self.panel
        past = [self.table_column(panel.columns[number]) for number in panel.columns_as("past")]
        known = [self.table_column(panel.columns[number]) for number in panel.columns_as("known")]
        return CovariateNames(past, known, [self.table_column(name) for name in panel.static_columns])


def explain_forecaster(
    bundle: Bundle,
    forecaster: Forecaster,
    loaded: LoadedData,
    place: str,
    scope: ExplanationScope = DEFAULT_SCOPE,
    *,
    effort: Effort = THOROUGH,
) -> Explanation:
    """Explain the forecaster that was restored from a bundle.

    Args:
        loaded: the data to explain the forecasts of.
        place: the name of the data in errors.
        scope: the network, window and steps to explain.

    Raises: UsageError: the data or the bundle does not have the series, window, step or member.
    """
    subject = Subject.of(bundle, forecaster, loaded, place)
    networks = subject.networks
    notes: list[str] = []
    parts, name = None, None
    if networks:
        number = member_index(scope.member, len(networks))
        name = describe_network(networks[number], number, len(networks))
        if len(networks) > 1:
            notes.append(
                f"{len(networks)} networks forecast together: this explains {name.partition(':')[0]}; pass --member for"
                " another. What matters is measured for all of them together"
            )
        window = choose_window(scope, loaded, subject.horizon, place, notes)
        parts = explain_network(subject, networks[number], window, scope.step, effort)
    elif forecaster.name in ("pretrained", FINE_TUNED):
        name = "trained on other series" + (", then on these" if forecaster.name == FINE_TUNED else "")
        notes.append(
            "the pretrained network is not explained from inside, only the inputs that matter to it; for a network of"
            " your own, type: forecast train DATA --model gru"
        )
    else:
        notes.append(
            f"{forecaster.name} has no network to explain, only inputs that matter; for a network, type:"
            " forecast train DATA --model gru"
        )
    importance = _measure_importance(subject, effort, notes)
    return Explanation(
        bundle=str(bundle.folder),
        model=forecaster.name,
        network=name,
        horizon=subject.horizon,
        notes=tuple(notes),
        unrolling=parts.unrolling if parts else None,
        gradients=parts.gradients if parts else None,
        importance=importance,
        attribution=parts.attribution if parts else None,
    )


def explain_network(
    subject: Subject,
    network: "NeuralForecaster",
    window: "WindowChoice",
    step: int | None = None,
    effort: Effort = THOROUGH,
) -> "NetworkExplanation":
    """Explain one network of a subject from inside.

    Args:
        window: the window to unroll and to attribute.
        step: the step of the horizon to attribute; None for the mean of all steps.

    Raises: UsageError: the network does not compute the forecast of the step.
    """
    from forecaster.explain.inside import ExplainedNetwork, look_inside

    series_numbers = network.series_numbers(subject.panel)
    return look_inside(
        ExplainedNetwork(
            network.network, network.window_spec, subject.panel, series_numbers, subject.covariate_names()
        ),
        window,
        held_out=subject.held_out,
        step=check_step(network, step),
        max_windows=effort.gradient_windows,
    )


def describe_network(network: "NeuralForecaster", number: int, count: int) -> str:
    """Return the member `number`, counted from 0, of `count` networks in words."""
    model, width = network.config.model, network.config.embed.width or 1
    directions = ", both ways" if getattr(model, "bidirectional", False) else ""
    segments = f" in segments of {width}" if width > 1 else ""
    structure = f"context {network.window_spec.context} steps{segments}{directions}"
    if count > 1:
        return f"network {number + 1} of {count}: {model.kind}, {structure}"
    cell = "" if network.config.name == model.kind else f"{model.kind} "  # the title of the result names the model
    return f"1 {cell}network, {structure}"


def _measure_importance(subject: Subject, effort: Effort, notes: list[str]) -> Importance | None:
    config = subject.config
    is_slow = any(isinstance(member.model, StatisticalModel) for member in members_of(config))
    count = _count_exchange_windows(subject, effort, is_slow=is_slow)
    if not count:
        notes.append("what matters is not measured here: statistical models would be fitted anew for each window")
        return None
    windows = _sample_windows(subject, count)
    if windows is None:
        notes.append("what matters cannot be measured: the data is too short for two held-out windows")
        return None
    importance = measure_importance(
        subject.forecaster,
        windows,
        _group_inputs(subject),
        context=subject.lags,
        repeats=_FEW_REPEATS if is_slow else effort.repeats,
        seed=config.training.seed,
    )
    if np.isnan(importance.mase):
        notes.append("what matters cannot be measured: MASE has no scale, as for series that never change")
        return None
    return importance


def _count_exchange_windows(subject: Subject, effort: Effort, *, is_slow: bool) -> int:
    if is_slow:
        return effort.fitted_windows
    is_sampled = any(member.decode.kind == "recursive" for member in members_of(subject.config))
    return effort.exchange_windows // _SAMPLED_WINDOW_STRIDE if is_sampled else effort.exchange_windows


def _sample_windows(subject: Subject, count: int) -> HeldOutWindows | None:
    """Return at most `count` held-out windows, and fewer if their histories would take too much memory.

    Returns: None if there are less than two windows, between which nothing can be exchanged.
    """
    panel, horizon = subject.panel, subject.horizon
    tail = subject.held_out
    if not tail.any():
        tail = np.where(panel.lengths > horizon + 1, horizon, 0)
    series, hidden = choose_cutoffs(tail, horizon, most=-(-count // max(int((tail > 0).sum()), 1)))
    longest = int(panel.lengths.max()) + horizon
    fitting = max(_MAX_VALUES_COPIED // (longest * panel.values.shape[1]), 2)
    indices = _pick_spaced(len(series), min(count, fitting))
    if len(indices) < 2:
        return None
    selection = panel.select(series[indices])
    visible = selection.cut(hidden[indices])
    independent = np.minimum(tail // horizon, np.bincount(series[indices], minlength=len(panel))).sum()
    actual = visible.actual(horizon, selection.end)
    return HeldOutWindows(visible, actual, seasonal_error(visible, panel.season), int(independent))


def _group_inputs(subject: Subject) -> list[InputGroup]:
    config, panel = subject.config.data, subject.panel
    groups = group_lags(subject.lags, panel.season)
    if not subject.networks:
        return groups  # Other forecasters read the target alone.
    groups += group_columns(panel, subject.table_column)
    if config.calendar or config.holidays:
        groups.append(InputGroup("calendar", "calendar"))
    if len(panel) > 1 and any(network.has_series_identity for network in subject.networks):
        groups.append(InputGroup("series", "series"))
    return groups


def _pick_spaced(count: int, most: int) -> Ints:
    """Return at most `most` evenly spaced indices below `count`."""
    if not count:
        return np.empty(0, np.int64)
    return np.unique(np.linspace(0, count - 1, min(count, most)).round()).astype(np.int64)
