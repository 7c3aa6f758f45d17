"""`forecast backtest`: forecast from past cutoffs, and compare the errors with those of naive forecasts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from forecaster.config import AutoConfig, Config, Device
from forecaster.config.tree import merge, validate
from forecaster.errors import DataError
from forecaster.evaluation.backtest import Backtest, Fit, Plan, count_fitting, find_participants
from forecaster.evaluation.backtest import backtest as forecast_folds
from forecaster.evaluation.split import split
from forecaster.events import DataRead, Note, Watch, ignore
from forecaster.models.build import adapt_to_machine
from forecaster.models.restore import restore_forecaster
from forecaster.models.variants import max_workers
from forecaster.panel import Panel
from forecaster.report.words import plural
from forecaster.selection.auto import choose_model
from forecaster.selection.fold_fits import make_fit, make_parallel_fits
from forecaster.selection.resolve import resolve
from forecaster.selection.scale import choose_scales
from forecaster.settings import dump
from forecaster.store import bundle
from forecaster.store.csv import ROWS_PER_FRAME, write_csv
from forecaster.store.files import new_folder, write_through
from forecaster.workflows.reading import load_data, open_bundle, read_data, refuse_older, source_of
from forecaster.workflows.results import choose_folder
from forecaster.workflows.scoring import evaluate_folds
from forecaster.workflows.source import Source

TABLE = "backtest.csv"
FOLDS = 5


@dataclass(frozen=True)
class BacktestResult:
    """The result of a backtest.

    Attributes:
        folder: the folder with `backtest.csv`, `metrics.json` and `config.yaml`.
        config: the resolved config.
        metrics: the content of metrics.json.
        model: the name of the model, which may result from `auto`.
    """

    folder: Path
    config: Config
    metrics: dict[str, Any]
    model: str


@dataclass(frozen=True)
class BundleOverrides:
    """Settings of a backtest that replace those of the bundle.

    Attributes:
        evaluation: keys of the config's section `evaluation`.
        horizon: steps; None for the trained horizon.
        device: device of the networks; None for the device of the training, or the processor if that device is missing.
    """

    evaluation: Mapping[str, Any]
    horizon: int | None = None
    device: Device | None = None


@dataclass(frozen=True)
class _Setup:
    """A model and the folds that it forecasts.

    Attributes:
        config: the resolved config.
        fit: the function that returns a fitted forecaster for a fold.
        max_workers: the most networks that may train at the same time.
        place: the name of the data in errors.
    """

    config: Config
    panel: Panel
    plan: Plan
    fit: Fit
    max_workers: int
    place: str


def backtest(
    config: Config, *, out: Path | None = None, stdin: BinaryIO | None = None, watch: Watch = ignore
) -> BacktestResult:
    """Backtest the model of a config on `config.data.path`.

    Settings that depend on the data are resolved on the data before the first cutoff.

    Args:
        config: its section `evaluation` sets the folds.
        out: the folder of the results; None for `runs/<name>-backtest-<time>`.
        stdin: the stream that the path `-` stands for.

    Raises:
        ForecastError: see the errors of `data.load` and `store.files`.
        DataError: the series are too short for the folds, or a fold failed.
        Interrupted: a signal stopped the backtest; nothing was written.
    """
    source = Source.of(config.data)
    folder = choose_folder(source, out, command="backtest")
    loaded = read_data(source, config, stdin, watch, is_sample=True)
    panel = loaded.panel
    config = config.model_copy(update={"data": loaded.config})
    config, plan = _complete_plan(config, panel, config.horizon, watch)
    visible = cut_at_first_cutoff(panel, plan, source.place)
    most_workers = max_workers(config)
    config = resolve_from_data(config, visible, plan.horizon, watch=watch)
    if config.is_trained and not config.evaluation.refit and plan.folds > 1:
        watch(Note("the model is fitted once, before the first cutoff; to fit it for every fold, pass --refit 1"))
    return _run(_Setup(config, panel, plan, make_fit(config, watch), most_workers, source.place), folder, watch)


def backtest_bundle(
    source: str | None,
    folder: Path | str,
    overrides: BundleOverrides,
    *,
    out: Path | None = None,
    stdin: BinaryIO | None = None,
    watch: Watch = ignore,
) -> BacktestResult:
    """Backtest the model of a bundle.

    The weights of the bundle forecast if its data ends before every fold. Otherwise its settings are fitted again.

    Args:
        source: a table as for `predict`; None for the table that the bundle was trained on.
        folder: the folder of the bundle, or its address as text.
        out: the folder of the results; None for `runs/<name>-backtest-<time>`.
        stdin: the stream that the source `-` stands for.

    Raises:
        ForecastError: see `backtest`.
        InputError: the bundle does not exist or cannot be read.
    """
    trained = open_bundle(folder)
    data = source_of(trained, source, command="forecast backtest DATA --bundle {}")
    results = choose_folder(data, out, command="backtest")
    loaded = load_data(data, trained, stdin=stdin)
    refuse_older(data.place, loaded, trained)
    panel = loaded.panel
    watch(DataRead(data.place, len(panel), loaded.quality["rows"], loaded.roles))
    config = adapt_to_machine(trained.config, overrides.device).model_copy(update={"data": loaded.config})
    config = validate(merge(config.model_dump(), {"evaluation": dict(overrides.evaluation)}), "settings")
    config, plan = _complete_plan(config, panel, overrides.horizon or trained.manifest.horizon, watch)
    cut_at_first_cutoff(panel, plan, data.place)
    fit = _make_bundle_fit(trained, config, panel, plan, watch)
    return _run(_Setup(config, panel, plan, fit, max_workers(config), data.place), results, watch)


def resolve_from_data(config: Config, panel: Panel, horizon: int, *, watch: Watch) -> Config:
    """Resolve the settings of a model that depend on the data: the model itself, its sizes and its scale.

    Args:
        panel: the series of the first fold, cut at its cutoffs.
    """
    parts = split(panel, horizon, is_calibrated=config.conformal.is_on, has_holdout=False)
    config = resolve(choose_model(config, panel, watch=watch).config, panel)
    return choose_scales(config, panel.cut(parts.calibration), parts.validation, watch=watch)


def _make_bundle_fit(trained: bundle.Bundle, config: Config, panel: Panel, plan: Plan, watch: Watch) -> Fit:
    """Return the forecaster of a bundle if its data ends before every fold, otherwise a fit of its settings."""
    if not config.is_trained or plan.refit:
        return make_fit(config, watch)
    rows = plan.visible_rows(panel, *np.nonzero(find_participants(panel, plan)))
    if int(rows.cutoff.min()) < trained.manifest.data.last_cutoff:
        watch(
            Note("the bundle was trained on steps of the folds: its settings are fitted again before the first cutoff")
        )
        return make_fit(config, watch)
    watch(Note("the bundle's data ends before every fold: its weights are used without a new fit"))
    forecaster = restore_forecaster(config, trained.state, device=config.training.device)
    return lambda _: forecaster


def _run(setup: _Setup, folder: Path, watch: Watch) -> BacktestResult:
    config, panel, plan = setup.config, setup.panel, setup.plan
    run_groups = make_parallel_fits(config, plan, max_workers=setup.max_workers, watch=watch)
    try:
        test = forecast_folds(setup.fit, panel, plan, watch=watch, run_groups=run_groups)
    except DataError as error:
        raise DataError(f"{setup.place}: {error.message}", hint=error.hint) from error

    def backtest_naive(name: str) -> Backtest:
        naive = with_shared_sections(default_config(name, config), config)
        return backtest_model(resolve_from_data(naive, panel, plan.horizon, watch=ignore), panel, plan, setup.place)

    metrics = evaluate_folds(test, panel, plan, backtest_naive)
    _write(folder, test, config, metrics)
    return BacktestResult(folder, config, metrics, test.forecast.model)


def default_config(kind: str, config: Config) -> Config:
    """Return a model with its default settings, and calibrated intervals if the config has them."""
    return validate({"model": {"kind": kind}, "conformal": config.conformal.model_dump()}, "settings")


def with_shared_sections(model: Config, config: Config) -> Config:
    """Give the config of a model the data and folds of another config."""
    return model.model_copy(update={"data": config.data, "evaluation": config.evaluation})


def is_trained(config: Config) -> bool:
    """Return True if a model depends on the folds that it is fitted before."""
    return config.is_trained or isinstance(config.model, AutoConfig)


def backtest_model(
    config: Config, panel: Panel, plan: Plan, place: str, *, most_workers: int = 1, watch: Watch = ignore
) -> Backtest:
    """Forecast every fold; a model without a network or a calibration needs no fit for each of them.

    Args:
        config: resolved.
        place: the name of the data in errors.
        most_workers: the most networks that may train at the same time.
    """
    if not is_trained(config) and not config.conformal.is_on:
        plan = replace(plan, refit=0)
    try:
        run_groups = make_parallel_fits(config, plan, max_workers=most_workers, watch=watch)
        return forecast_folds(make_fit(config, watch), panel, plan, watch=watch, run_groups=run_groups)
    except DataError as error:
        raise DataError(f"{place}: {error.message}", hint=error.hint) from error


def _write(folder: Path, test: Backtest, config: Config, metrics: dict[str, Any]) -> None:
    with new_folder(folder) as temporary:
        size = max(ROWS_PER_FRAME // test.forecast.horizon, 1)
        write_csv(temporary / TABLE, test.forecast.frames(size, actual=test.actual))
        write_through(temporary / bundle.METRICS, bundle.json_bytes(metrics))
        write_through(temporary / bundle.CONFIG, dump(config).encode())


def _complete_plan(config: Config, panel: Panel, horizon: int, watch: Watch) -> tuple[Config, Plan]:
    """Set the number of folds if the config does not: the default number, or as many as fit."""
    evaluation = config.evaluation
    if evaluation.folds is None:
        default = Plan(horizon, **{**evaluation.model_dump(), "folds": FOLDS})
        fitting = count_fitting(panel, default)
        if 0 < fitting < FOLDS:
            watch(Note(f"{plural(fitting, 'fold')}, as many as fit; --folds overrides"))
        evaluation = evaluation.model_copy(update={"folds": fitting or FOLDS})
    return config.model_copy(update={"evaluation": evaluation}), Plan(horizon, **evaluation.model_dump())


def cut_at_first_cutoff(panel: Panel, plan: Plan, place: str) -> Panel:
    """Return the series of the first fold, cut at its cutoffs.

    Args:
        place: the name of the data in errors.

    Raises: DataError: the series are too short for the folds.
    """
    try:
        is_participant = find_participants(panel, plan)
    except DataError as error:
        raise DataError(f"{place}: {error.message}", hint=error.hint) from error
    return plan.visible_rows(panel, np.flatnonzero(is_participant[:, 0]), 0)
