"""A look into a network, and at what forecasts hang on, at the effort there is time for."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from forecaster.config import Config, StatisticalModel
from forecaster.data import future
from forecaster.data.load import LoadedData
from forecaster.errors import DataError, UsageError, did_you_mean
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

if TYPE_CHECKING:
    from forecaster.models.neural import NeuralForecaster

_FEW_REPEATS = 2  # where each forecast is a fit
_DRAWN = 4  # where each forecast is drawn, one window in so many
_VALUES = 20_000_000  # of all those windows' histories
_SEASONS, _STEPS = 2, 16  # back, of what reads as far as there is data


@dataclass(frozen=True)
class Effort:
    """How much is computed.

    Attributes:
        gradients: windows that gradients are averaged over.
        exchanged: windows that what matters is exchanged between, `repeats` times.
        fitted: as many where each forecast is a fit; 0 leaves that out.
    """

    gradients: int
    exchanged: int
    repeats: int
    fitted: int


THOROUGH = Effort(gradients=256, exchanged=128, repeats=5, fitted=8)
BRIEF = Effort(gradients=64, exchanged=48, repeats=3, fitted=0)  # for a report: it has ten seconds for 414 series


@dataclass(frozen=True)
class _Subject:
    """What is explained, and the data."""

    config: Config
    forecaster: Forecaster
    networks: "list[NeuralForecaster]"
    panel: Panel
    horizon: int

    @property
    def held_out(self) -> Ints:
        """[N] last steps of each series that training kept back, the holdout included."""
        parts = split(self.panel, self.horizon, is_calibrated=self.config.conformal.is_on)
        return parts.tail + parts.holdout

    def source_of(self, column: str) -> str:
        """The table's column that a column of the panel comes from; text becomes `column=word`."""
        named = {*self.config.data.past, *self.config.data.known, *self.config.data.static}
        return column if column in named else column.rpartition("=")[0] or column


def look_into(
    read: Bundle,
    forecaster: Forecaster,
    loaded: LoadedData,
    source: str,
    *,
    series: str | None = None,
    window: str | None = None,
    step: int | None = None,
    member: int | None = None,
    effort: Effort = THOROUGH,
) -> Explanation:
    """Look into a forecaster that a bundle restored.

    Args:
        loaded: the data.
        source: the name that the data has in errors.
        series, window, step, member: as for `workflows.explain`.

    Raises: UsageError: no such series, window, step or member.
    """
    networks = _networks_in(forecaster)
    subject = _Subject(read.config, forecaster, networks, loaded.panel, read.manifest.horizon)
    notes: list[str] = []
    inside, name = None, None
    if networks:
        from forecaster.explain.inside import ExplainedNetwork, WindowChoice, look_inside

        number = _number_of(member, len(networks))
        network = networks[number]
        name = _describe(network, number, len(networks))
        if len(networks) > 1:
            notes.append(
                f"{len(networks)} networks forecast together: {name.partition(':')[0]} is looked into,"
                f" --member names another; what matters is told of all together"
            )
        row, hidden = _choose_window(subject, loaded, source, series, window, notes)
        inside = look_inside(
            ExplainedNetwork(
                network.network,
                network.window_spec,
                subject.panel,
                network.series_numbers(subject.panel),
                _names(subject),
            ),
            WindowChoice(row, hidden),
            held_out=subject.held_out,
            step=_steps_of(network, step),
            max_windows=effort.gradients,
        )
    else:
        notes.append(
            f"{forecaster.name} has no network to look into: only what matters is told;"
            " for more: forecast train DATA --model gru"
        )
    importance = _importance(subject, effort, notes)
    unrolling, gradients, attribution = inside or (None, None, None)
    return Explanation(
        bundle=str(read.folder),
        model=forecaster.name,
        network=name,
        horizon=subject.horizon,
        notes=tuple(notes),
        unrolling=unrolling,
        gradients=gradients,
        importance=importance,
        attribution=attribution,
    )


def _networks_in(forecaster: Forecaster) -> "list[NeuralForecaster]":
    """Return the networks of a forecaster; empty if there are none."""
    networks = forecaster.networks() if isinstance(forecaster, HasNetworks) else []
    return cast("list[NeuralForecaster]", list(networks))


def _number_of(member: int | None, count: int) -> int:
    if (member or 1) > count:
        raise UsageError(f"--member {member}: the bundle has {count}", hint=f"pass --member 1 to {count}")
    return (member or 1) - 1


def _describe(network: "NeuralForecaster", number: int, count: int) -> str:
    model, width = network.config.model, network.config.embed.width or 1
    both = ", both ways" if getattr(model, "bidirectional", False) else ""
    at_once = f" in segments of {width}" if width > 1 else ""
    which = f"network {number + 1} of {count}" if count > 1 else "network"
    return f"{which}: {model.kind}, context {network.window_spec.context}{at_once}{both}"


def _steps_of(network: "NeuralForecaster", step: int | None) -> int | None:
    from forecaster.network.recursive import RecursiveNetwork

    is_fed_back = isinstance(network.network, RecursiveNetwork)
    most = network.network.embed.width if is_fed_back else network.window_spec.horizon
    if step is not None and step > most:
        why = "its later steps are drawn, not computed" if is_fed_back else f"the horizon is {most}"
        raise UsageError(f"--step {step}: {why}", hint=f"pass --step 1 to {most}" if most > 1 else "pass --step 1")
    return step


def _choose_window(
    subject: _Subject, loaded: LoadedData, source: str, series: str | None, window: str | None, notes: list[str]
) -> tuple[int, int]:
    """The number of a series, and how many of its last steps lie after the cutoff."""
    panel, ids = subject.panel, [str(each) for each in subject.panel.ids]
    if series is not None and series not in ids:
        raise UsageError(
            f"--series {series}: not in the data{did_you_mean(series, ids)}",
            hint=f"pass one such as --series {shlex.quote(ids[0])}",
        )
    row = ids.index(series) if series is not None else 0
    own = panel.select(np.array([row]))
    if window is not None:
        return row, _hidden_after(own, window)
    try:
        future.require(own, subject.horizon, loaded.config, source)
    except DataError:
        hidden = min(subject.horizon, int(own.lengths[0]) - 1)
        notes.append("the known columns end with the data: the window looked at is the last one that has them ahead")
        return row, hidden
    return row, 0


def _hidden_after(own: Panel, window: str) -> int:
    """Steps of the one series that lie after a cutoff, which is named by its time or the beginning of that."""
    count = int(own.lengths[0])
    texts = own.frequency.format(own.frequency.timestamps(own.start[0], np.arange(count)), own.zone).tolist()
    wanted = window.strip().replace(" ", "T")
    found = [place for place, text in enumerate(texts) if str(text) == wanted]
    found = found or [place for place, text in enumerate(texts) if str(text).startswith(wanted)]
    if len(found) != 1:
        what = "is no time of the series" if not found else f"may be any of {len(found)} times"
        raise UsageError(
            f"--window {window}: {what}", hint=f"pass a time from {texts[0]} to {texts[-1]}, as --window '{texts[-1]}'"
        )
    return count - 1 - found[0]


def _names(subject: _Subject) -> CovariateNames:
    panel = subject.panel
    past = [subject.source_of(panel.columns[number]) for number in panel.columns_as("past")]
    known = [subject.source_of(panel.columns[number]) for number in panel.columns_as("known")]
    return CovariateNames(past, known, [subject.source_of(name) for name in panel.static_columns])


def _importance(subject: _Subject, effort: Effort, notes: list[str]) -> Importance | None:
    panel, horizon, config = subject.panel, subject.horizon, subject.config
    members = members_of(config)
    is_slow = any(isinstance(member.model, StatisticalModel) for member in members)
    is_drawn = any(member.decode.kind == "recursive" for member in members)
    most = effort.fitted if is_slow else effort.exchanged // _DRAWN if is_drawn else effort.exchanged
    if not most:
        notes.append("what matters is not measured here: statistical models would be fitted anew for each window")
        return None
    tail = subject.held_out
    if not tail.any():
        tail = np.where(panel.lengths > horizon + 1, horizon, 0)
    series, hidden = choose_cutoffs(tail, horizon, most=-(-most // max(int((tail > 0).sum()), 1)))
    longest = int(panel.lengths.max()) + horizon
    some = _spaced(len(series), min(most, max(_VALUES // (longest * panel.values.shape[1]), 2)))
    whole = panel.select(series[some])
    if len(whole) < 2:
        notes.append("too little data to hold out two windows: what matters cannot be told")
        return None
    seen = whole.cut(hidden[some])
    independent = np.minimum(tail // horizon, np.bincount(series[some], minlength=len(panel))).sum()
    found = measure_importance(
        subject.forecaster,
        HeldOutWindows(seen, seen.actual(horizon, whole.end), seasonal_error(seen, panel.season), int(independent)),
        _groups(subject),
        context=_reach(subject),
        repeats=_FEW_REPEATS if is_slow else effort.repeats,
        seed=config.training.seed,
    )
    if np.isnan(found.mase):
        notes.append("the errors have no scale, as of series that never change: what matters cannot be told")
        return None
    return found


def _groups(subject: _Subject) -> list[InputGroup]:
    config, panel = subject.config.data, subject.panel
    groups = group_lags(_reach(subject), panel.season)
    if not subject.networks:
        return groups  # others read the target alone
    groups += group_columns(panel, subject.source_of)
    if config.calendar or config.holidays:
        groups.append(InputGroup("calendar", "calendar"))
    if len(panel) > 1 and any(network.has_series_identity for network in subject.networks):
        groups.append(InputGroup("series", "series"))
    return groups


def _reach(subject: _Subject) -> int:
    """Steps back that are exchanged: the longest context, or some seasons."""
    contexts = [network.window_spec.context for network in subject.networks]
    season = subject.panel.season
    reach = max(contexts, default=_SEASONS * season if season > 1 else _STEPS)
    return min(reach, int(subject.panel.lengths.max()))


def _spaced(count: int, most: int) -> Ints:
    return (
        np.unique(np.linspace(0, count - 1, min(count, most)).round()).astype(np.int64)
        if count
        else np.empty(0, np.int64)
    )
