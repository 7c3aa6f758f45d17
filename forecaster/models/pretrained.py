"""A forecaster that a network of the package makes: it was trained on other series, so nothing is fitted."""

import re

import numpy as np

from forecaster import __version__
from forecaster.batches.cutoff_windows import MIN_VALUES
from forecaster.batches.standardise import Values, standardise
from forecaster.config import PretrainedConfig
from forecaster.errors import InputError
from forecaster.events import Note, TrainingStep, Watch
from forecaster.forecast import PROBABILITIES, Checkpoint, Forecast
from forecaster.frequency import DAY, Ints
from forecaster.models.mixture import mix_quantiles, shares_of
from forecaster.models.naive import Naive
from forecaster.models.pretrained_network import PretrainedNetwork
from forecaster.models.rolling import Block, widen
from forecaster.models.state import Arrays
from forecaster.panel import Panel
from forecaster.store import pretrained

_SERIES_AT_ONCE = 512
_MAX_MIXED_BLOCKS = 10
_MEDIAN = PROBABILITIES.index(0.5)
# The paths that continue a series. With their shares they have the variance of a normal distribution; the nine deciles
# would have six tenths of it, and intervals would stop growing after a few blocks.
_PATHS = (0.025, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.975)
_PATH_QUANTILES = [PROBABILITIES.index(path) for path in _PATHS]
_MAX = float(np.finfo(np.float32).max)


class PretrainedForecaster:
    """The pretrained network, which forecasts each series from its own last values.

    The season is the panel's, and a week is the second season of a day of several steps. A series with fewer than
    three known values repeats the last one, as `naive` does.
    """

    name = "pretrained"
    point = "expectation"

    def __init__(self, config: PretrainedConfig, *, threads: int = 1, graph_threads: int | None = None) -> None:
        """Create a forecaster; the network is loaded when it is needed.

        Args:
            config: with the hash of the weights, or None for the newest.
            threads, graph_threads: as for `PretrainedNetwork`.
        """
        self.history: list[TrainingStep] = []
        self._hash, self._version = config.weights, None
        self._threads, self._graph_threads = threads, graph_threads
        self._network: PretrainedNetwork | None = None
        self._has_noted_covariates = False

    def fit(self, panel: Panel, validation: Ints | None, *, watch: Watch, checkpoint: Checkpoint | None) -> None:
        """Look up the weights: the season comes from the panel of each forecast.

        Raises: InputError: the package does not contain the weights.
        """
        self._hash = pretrained.find(self._hash).hash
        if not self._has_noted_covariates:
            note_covariates(panel, watch)
            self._has_noted_covariates = True

    def predict(self, panel: Panel, horizon: int) -> Forecast:
        """Forecast the steps after each series' cutoff.

        Raises: InputError: the package does not contain the weights, or a file of them is damaged.
        """
        return forecast_panel(self._open(), panel, horizon, model=self.name)

    def state(self) -> Arrays:
        """Return the hash of the weights, and the version of this program, which contains them."""
        texts = {"weights": pretrained.find(self._hash).hash, "version": __version__}
        return {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}

    def restore(self, state: Arrays) -> None:
        """Find the weights of a state in the package.

        Raises: InputError: the package does not contain them; the hint names a version of the program that does.
        """
        try:
            texts = [state[name].tobytes().decode("ascii") for name in ("weights", "version")]
        except (KeyError, UnicodeDecodeError) as error:
            raise InputError("pretrained: the bundle does not name its weights", hint="train again") from error
        if not (re.fullmatch("[0-9a-f]{64}", texts[0]) and re.fullmatch(r"[\w.+]{1,40}", texts[1])):
            raise InputError("pretrained: the bundle does not name its weights", hint="train again")
        self._hash, self._network = pretrained.find(texts[0], version=texts[1]).hash, None

    def _open(self) -> PretrainedNetwork:
        if self._network is None:
            weights = pretrained.find(self._hash)
            self._network = PretrainedNetwork(weights, threads=self._threads, graph_threads=self._graph_threads)
        return self._network


def note_covariates(panel: Panel, watch: Watch) -> None:
    """Note that the network does not read the panel's covariates, if it has some."""
    if panel.columns[1:] or panel.static_columns:
        watch(Note("the pretrained network reads only the target: covariates do not change its forecast"))


def forecast_panel(network: PretrainedNetwork, panel: Panel, horizon: int, *, model: str) -> Forecast:
    """Forecast the steps after each series' cutoff by a network.

    Args:
        model: the resolved name of the model.
    """
    seasons = find_seasons(panel, network.context)
    quantiles = np.empty((len(panel), horizon, len(PROBABILITIES)), panel.values.dtype)
    for first in range(0, len(panel), _SERIES_AT_ONCE):
        rows = np.arange(first, min(first + _SERIES_AT_ONCE, len(panel)))
        part = panel.select(rows)
        windows = _last_steps(part, network.context)
        is_short = (~np.isnan(windows)).sum(1) < MIN_VALUES
        quantiles[rows[~is_short]] = _roll(network, windows[~is_short], seasons, horizon)
        if is_short.any():
            quantiles[rows[is_short]] = Naive().predict(part.select(is_short), horizon).quantiles
    return Forecast.of(panel, quantiles, model=model)


def find_seasons(panel: Panel, context: int) -> tuple[int, int]:
    """Return the two seasons in steps that the network reads; they are equal if there is no second one.

    Args:
        panel: its season is the first one, unless it does not fit into the window twice.
        context: the steps of a window.
    """
    season = panel.season if panel.season <= context // 2 else 1
    frequency = panel.frequency
    is_day = season > 1 and frequency.kind == "fixed" and season * frequency.every == DAY
    if season > 1 and season == len(frequency.times):
        week = frequency.weekmask.count("1") * season
        return season, week if week < context else season
    return season, 7 * season if is_day and 7 * season < context else season


def _last_steps(panel: Panel, count: int) -> Values:
    """Return the [N, count] last visible steps of each series; NaN before its first step."""
    position = panel.end[:, None] + np.arange(-count, 0)
    is_visible = position >= panel.begin[:, None]
    windows: Values = np.where(is_visible, panel.values[np.maximum(position, 0), 0], np.nan).astype(np.float64)
    return windows


def _roll(network: PretrainedNetwork, windows: Values, seasons: tuple[int, int], horizon: int) -> Values:
    """Forecast any horizon block by block, [N, horizon, Q].

    Nine quantiles of the first block continue each series along nine paths, and the quantiles of the next block are
    those of the mixture of the nine forecasts; each path then goes on along its quantile of the mixture. From the
    eleventh block on only the median path goes on, which takes a ninth of the time, and the distances from the median
    grow in quadrature, as for a sum of independent errors.

    A path is smoother than the series, so the units in which it is read are at least those of the series; otherwise
    the network would take the future for calmer than the past.
    """
    first, second = (np.full(len(windows), season, np.int64) for season in seasons)
    size = standardise(windows, first).size

    def forecast(values: Values) -> Values:
        copies = len(values) // max(len(windows), 1)
        return network.forecast(
            values, *(np.repeat(each, copies) for each in (first, second)), least_size=np.repeat(size, copies)
        )

    blocks = [forecast(windows)]
    paths = np.repeat(windows[:, None], len(_PATHS), axis=1)  # [N, 9, L]
    while len(blocks) * network.horizon < horizon:
        ahead = blocks[-1][:, :, _PATH_QUANTILES].swapaxes(1, 2)  # [N, 9, H]
        paths = np.concatenate([paths, ahead], axis=2)[:, :, -network.context :]
        if len(blocks) < _MAX_MIXED_BLOCKS:
            each = forecast(paths.reshape(-1, network.context)).reshape(*ahead.shape, len(PROBABILITIES))
            blocks.append(mix_quantiles(each.swapaxes(1, 2), shares_of(_PATHS)))
        else:
            quantiles = forecast(paths[:, _PATHS.index(0.5)])
            block, before = (Block(each[:, :, _MEDIAN], each) for each in (quantiles, blocks[-1]))  # type: ignore[arg-type]
            blocks.append(widen(block, before).quantiles.astype(np.float64))
    whole = np.concatenate(blocks, axis=1)[:, :horizon]
    limited: Values = np.clip(whole, -_MAX, _MAX)
    return limited
