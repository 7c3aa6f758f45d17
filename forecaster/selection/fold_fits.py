"""The fits of a backtest, one after the other or several side by side."""

from typing import Any

from forecaster.config import Config
from forecaster.config.tree import Tree
from forecaster.evaluation.backtest import AddPart, Fit, Part, Plan, RunGroups, forecast_group
from forecaster.evaluation.split import split
from forecaster.events import Watch
from forecaster.forecast import Forecaster
from forecaster.models.build import build
from forecaster.models.variants import members_of, nested_flags, workers_of
from forecaster.panel import Panel
from forecaster.parallel.factory import count_places, create_pool
from forecaster.parallel.pool import MIN_STEPS_PER_WORKER, Callbacks, OneAtATime, Work, WorkerContext, iterate_tasks


def make_fit(config: Config, watch: Watch) -> Fit:
    """Return a function that trains on a panel as `forecast train` does, but without a holdout.

    It fits, stops by the validation tail, and fits again on everything.
    """

    def fit(panel: Panel) -> Forecaster:
        forecaster = build(config)
        parts = split(panel, config.horizon, is_calibrated=config.conformal.is_on, has_holdout=False)
        forecaster.fit(panel, parts.tail, watch=watch, checkpoint=None)
        if config.training.refit:
            forecaster.fit(panel, None, watch=watch, checkpoint=None)
        return forecaster

    return fit


def make_parallel_fits(config: Config, plan: Plan, *, max_workers: int, watch: Watch) -> RunGroups | None:
    """Return a function that fits and forecasts the groups of a plan side by side, each as `make_fit` does.

    The forecasts are the same to the byte as without workers. Within a worker, the members of an ensemble train one
    after the other.

    Args:
        config: resolved.
        max_workers: networks that may train at a time; see `variants.max_workers`.
        watch: receives the events of one training at a time.

    Returns: None if one fit after the other is at least as fast.
    """
    workers = count_workers(config, len(plan.groups()), max_workers=max_workers)
    if workers == 1:
        return None

    def fit_groups(panel: Panel, plan: Plan, add_part: AddPart) -> None:
        one_at_a_time = OneAtATime(watch)

        def on_message(number: int, message: Any) -> None:
            add_part(message) if isinstance(message, Part) else one_at_a_time.forward(number, message)

        groups = dict(enumerate(plan.groups()))
        create_pool(workers=workers, threads=config.training.threads).run(
            Work(_fit_and_forecast, iterate_tasks(groups), shared=(with_one_worker(config), panel, plan), name="fit"),
            Callbacks(on_message, on_result=lambda number, _: one_at_a_time.end(number)),
        )

    return fit_groups


def count_workers(config: Config, groups: int, *, max_workers: int) -> int:
    """Return the number of fits that run side by side; 1 if one after the other is at least as fast.

    Each worker needs enough training steps to be worth its start. An ensemble whose own members keep more workers busy
    trains those side by side instead. A config with a time budget uses one worker, because a fit that shares the
    machine would take fewer steps in the same time than the training that it represents.

    Args:
        groups: number of fits.
    """
    if config.training.budget is not None:
        return 1
    places = count_places(max_workers, config.training.threads)
    workers = min(groups, places, groups * count_steps(config) // MIN_STEPS_PER_WORKER)
    workers_within_a_fit = max(map(_count_workers_within, (config, *members_of(config))))
    return workers if workers >= workers_within_a_fit else 1


def _count_workers_within(config: Config) -> int:
    """Return the number of networks of an ensemble that train at a time, on the cluster in use or on this machine."""
    places = count_places(workers_of(config), config.training.threads)
    return min(places, max(nested_flags(config).count(False), 1))


def count_steps(config: Config) -> int:
    """Return the largest possible number of training steps of a fit; 0 for models that do not train."""
    members = members_of(config)
    if len(members) > 1:
        return sum(map(count_steps, members))
    training = members[0].training
    refit = (training.refit_steps or training.steps) if training.refit else 0
    return training.steps + refit if members[0].is_trained else 0


def with_one_worker(config: Config) -> Config:
    """Return a config whose networks train one after the other, also within the ensembles of its ensemble."""

    def set_one_worker(variant: Tree) -> Tree:
        return variant | {"ensemble": variant["ensemble"] | {"workers": 1}} if variant.get("ensemble") else variant

    changes = {"workers": 1, "variants": tuple(set_one_worker(variant) for variant in config.ensemble.variants)}
    return config.model_copy(update={"ensemble": config.ensemble.model_copy(update=changes)})


def _fit_and_forecast(context: WorkerContext, group: range) -> None:
    """Fit and forecast a group in a worker, and send each part as soon as it is ready."""
    config, panel, plan = context.shared
    for part in forecast_group(make_fit(config, context.send_message), panel, plan, group):
        context.send_message(part)
