"""The fits of a backtest: what each one does, and several of them side by side, in processes of their own."""

from typing import Any

from forecaster.config import Config, NetworkModel
from forecaster.config.tree import Tree
from forecaster.evaluation.backtest import Fit, Part, Plan, Spread, Take, forecast_group
from forecaster.evaluation.split import split
from forecaster.events import Watch
from forecaster.forecast import Forecaster
from forecaster.models.build import build
from forecaster.models.variants import members_of, workers_of
from forecaster.panel import Panel
from forecaster.parallel.factory import create_pool
from forecaster.parallel.pool import (
    MIN_STEPS_PER_WORKER,
    Callbacks,
    OneAtATime,
    Work,
    WorkerContext,
    iterate_tasks,
)


def make_fit(config: Config, watch: Watch) -> Fit:
    """What `train` does, without a holdout: fit, stop by the validation tail, and fit again on everything."""

    def fit(panel: Panel) -> Forecaster:
        forecaster = build(config)
        parts = split(panel, config.horizon, is_calibrated=config.conformal.is_on, holds_out=False)
        forecaster.fit(panel, parts.unlearnt, watch=watch, checkpoint=None)
        if config.training.refit:
            forecaster.fit(panel, None, watch=watch, checkpoint=None)
        return forecaster

    return fit


def make_parallel_fits(config: Config, plan: Plan, *, most: int, watch: Watch) -> Spread | None:
    """How `make_fit` is done for each group of a plan in processes of their own; None where it is better done here.

    A process fits a group and forecasts its folds; what it forecasts is to the byte what this one would. The members of
    an ensemble train one after the other in it.

    Args:
        config: resolved.
        most: networks that may train at a time, see `build.most_workers`.
        watch: told of the trainings, of one at a time.
    """
    workers = count_workers(config, len(plan.groups()), most=most)
    if workers == 1:
        return None

    def spread(panel: Panel, plan: Plan, take: Take) -> None:
        one_at_a_time = OneAtATime(watch)

        def on_message(number: int, message: Any) -> None:
            take(message) if isinstance(message, Part) else one_at_a_time.forward(number, message)

        create_pool(workers=workers, threads=config.training.threads).run(
            Work(
                _forecast, iterate_tasks(dict(enumerate(plan.groups()))), shared=(with_one_worker(config), panel, plan)
            ),
            Callbacks(on_message, on_result=lambda number, _: one_at_a_time.end(number)),
        )

    return spread


def count_workers(config: Config, groups: int, *, most: int) -> int:
    """How many fits go side by side: as many as networks may, if there are steps enough for each process to take.

    One fit comes after the other where processes bring nothing (what takes no steps, few steps, an ensemble whose
    members keep more of them busy), and where a budget limits the time: beside others a fit would get less done in it
    than the training that it stands for.
    """
    if config.training.budget is not None:
        return 1
    workers = min(groups, most, groups * count_steps(config) // MIN_STEPS_PER_WORKER)
    beside = max(workers_of(each) for each in (config, *members_of(config)))
    return workers if workers >= beside else 1


def count_steps(config: Config) -> int:
    """Training steps of a fit, the most that there can be; 0 for what takes none."""
    members = members_of(config)
    if len(members) > 1:
        return sum(map(count_steps, members))
    training = members[0].training
    refit = (training.refit_steps or training.steps) if training.refit else 0
    return training.steps + refit if isinstance(members[0].model, NetworkModel) else 0


def with_one_worker(config: Config) -> Config:
    """The config whose networks train one after the other, those of an ensemble within its ensemble, too."""

    def alone(variant: Tree) -> Tree:
        return variant | {"ensemble": variant["ensemble"] | {"workers": 1}} if variant.get("ensemble") else variant

    own = {"workers": 1, "variants": tuple(alone(variant) for variant in config.ensemble.variants)}
    return config.model_copy(update={"ensemble": config.ensemble.model_copy(update=own)})


def _forecast(context: WorkerContext, group: range) -> None:
    """Fit and forecast a group in a worker, and send each part as soon as it is ready."""
    config, panel, plan = context.shared
    for part in forecast_group(make_fit(config, context.send_message), panel, plan, group):
        context.send_message(part)
