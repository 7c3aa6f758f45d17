"""`forecast explain A B C`: compare the networks of several bundles on the same window of the same data."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from forecaster.config import NetworkModel
from forecaster.data.load import LoadedData
from forecaster.errors import UsageError, as_input_error
from forecaster.evaluation.verdict import BASELINES
from forecaster.events import DataRead, Note, Watch, ignore
from forecaster.explain.comparison import ComparedNetwork, NetworkComparison, half_life_of, share_influences
from forecaster.explain.explanation import Attribution
from forecaster.models.restore import CANNOT_RUN, restore_forecaster
from forecaster.store.bundle import Bundle
from forecaster.store.manifest import Manifest
from forecaster.workflows.explain_bundle import Subject, describe_network, explain_network
from forecaster.workflows.explain_scope import DEFAULT_SCOPE, ExplanationScope, choose_window, member_index
from forecaster.workflows.manifest import fingerprint, networks_of
from forecaster.workflows.reading import load_data, open_bundle, refuse_without_known, source_of
from forecaster.workflows.results import shorten
from forecaster.workflows.show import count_parameters

if TYPE_CHECKING:
    from forecaster.explain.inside import NetworkExplanation
    from forecaster.models.neural import NeuralForecaster

_MAX_LABEL = 14  # longer names of folders would leave no room for the columns of a table


@dataclass(frozen=True)
class _Entry:
    """A bundle of the comparison, and its model as a subject.

    Attributes:
        label: see `ComparedNetwork`.
        number: index of the explained network among those of the bundle.
    """

    label: str
    bundle: Bundle
    subject: Subject
    number: int

    @property
    def network(self) -> "NeuralForecaster":
        """The network that is explained."""
        return self.subject.networks[self.number]


def compare_networks(
    folders: Sequence[Path],
    scope: ExplanationScope = DEFAULT_SCOPE,
    *,
    source: str | None = None,
    query: str | None = None,
    watch: Watch = ignore,
) -> NetworkComparison:
    """Compare the networks of several bundles.

    Args:
        folders: the folders of the bundles, two or more.
        scope: the network of each bundle, and the window and the steps that all networks explain.
        source: a table of the same columns; None for the table that the first bundle was trained on.
        query: the SQL query that returns the table, if the source is a database; None for the query of the training.

    Raises:
        InputError: a bundle or the data does not exist.
        DataError: the data does not fit a bundle.
        UsageError: a bundle has no network, or bundles differ in their data or horizon; or the data or a bundle does
            not have the series, window, step or member.
    """
    bundles = _open_bundles(folders)
    data = source_of(bundles[0], source, command="forecast explain " + _quote(folders) + " --data DATA", query=query)
    entries: list[_Entry] = []
    for label, bundle in zip(label_folders([bundle.folder for bundle in bundles]), bundles, strict=True):
        if scope.later is not None:
            refuse_without_known(bundle.config.data, "--future")
        loaded = load_data(data, bundle, later=scope.later)
        if not entries:
            watch(DataRead(data.place, len(loaded.panel), loaded.quality["rows"], loaded.roles))
        else:
            _check_series(bundle, loaded, entries[0])
        forecaster = restore_forecaster(bundle.config, bundle.state)
        subject = Subject.of(bundle, forecaster, loaded, data.place)
        entries.append(_Entry(label, bundle, subject, member_index(scope.member, len(subject.networks))))
    comparison = _compare(entries, scope)
    for note in comparison.notes:
        watch(Note(note))
    return comparison


def label_folders(folders: Sequence[Path]) -> list[str]:
    """Return a short and unique label for each folder: its name, or its number if a name is long or not unique."""
    names = [folder.name for folder in folders]
    if len(set(names)) < len(names) or max(map(len, names)) > _MAX_LABEL:
        return [str(number) for number in range(1, len(names) + 1)]
    return names


def _quote(folders: Iterable[Path]) -> str:
    """Return folders as arguments of a command, in which `{}` has no meaning."""
    return shlex.join(str(shorten(folder)) for folder in folders).replace("{", "{{").replace("}", "}}")


def _open_bundles(folders: Sequence[Path]) -> list[Bundle]:
    """Read the bundles, and check what their manifests and configs reveal about the comparison.

    Raises: UsageError: see `compare_networks`.
    """
    bundles: list[Bundle] = []
    for folder in folders:
        bundle = open_bundle(folder.resolve() if folder.exists() else folder)
        place = shorten(bundle.folder)
        if any(other.folder == bundle.folder for other in bundles):
            raise UsageError(f"{folder}: the same bundle twice", hint="name each bundle once")
        if not networks_of(bundle.config):
            raise UsageError(
                f"{place}: {bundle.manifest.model} has no network to compare",
                hint=f"leave it out, or explain it alone: `{shlex.join(['forecast', 'explain', str(place)])}`",
            )
        if bundles:
            _check_training(bundles[0], bundle)
        bundles.append(bundle)
    return bundles


def _check_training(first: Bundle, bundle: Bundle) -> None:
    """Check that two bundles were trained on the same steps and forecast the same steps.

    Raises: UsageError: names the first difference.
    """
    folders = [shorten(each.folder) for each in (first, bundle)]
    expected, actual = (_describe_training(each.manifest) for each in (first, bundle))
    for name, value in expected.items():
        if value != actual[name]:
            option = {"horizon": "--horizon", "season": "--season"}.get(name)
            raise UsageError(
                f"{folders[1]}: {name} {actual[name]}, but {value} in {folders[0]}; only networks of the same data and "
                "horizon can be compared",
                hint=f"train both with the same {option}" if option else "train both on the same table",
            )


def _describe_training(manifest: Manifest) -> dict[str, object]:
    data = manifest.data
    return {
        "series": data.series,
        "values": data.rows,
        "first time": data.first,
        "last time": data.last,
        "frequency": data.frequency.name,
        "season": data.season,
        "horizon": manifest.horizon,
    }


def _check_series(bundle: Bundle, loaded: LoadedData, first: _Entry) -> None:
    """Check that a bundle reads the same series as the first one, and was trained on the same values.

    Raises: UsageError: the ids or the values of the target differ, now or when the networks were trained.
    """
    expected, panel = first.subject.panel, loaded.panel
    folders = f"{shorten(bundle.folder)}: {{}} than {shorten(first.bundle.folder)}; only networks of the same series"
    problem = f"{folders} can be compared"
    is_same = panel.ids.tolist() == expected.ids.tolist() and np.array_equal(panel.start, expected.start)
    if not is_same or not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(panel, expected, strict=True)):
        raise UsageError(
            problem.format("reads another target"), hint="train both with the same --target on the same table"
        )
    trained = (bundle.manifest.data.fingerprint, first.bundle.manifest.data.fingerprint)
    is_current = (fingerprint(panel) == trained[0], fingerprint(expected) == trained[1])
    if trained[0] != trained[1] and is_current[0] != is_current[1]:  # Covariates alone may differ.
        raise UsageError(problem.format("trained on other values"), hint="train both on the same table")


def _compare(entries: Sequence[_Entry], scope: ExplanationScope) -> NetworkComparison:
    notes: list[str] = []
    subjects = [entry.subject for entry in entries]
    windows = [choose_window(scope, each.loaded, each.horizon, each.place, notes) for each in subjects]
    window = max(windows, key=lambda each: each.hidden)  # the last one whose known values all networks have
    networks: list[ComparedNetwork] = []
    attributions: list[Attribution] = []
    for entry in entries:
        with as_input_error(f"{entry.bundle.folder}: {CANNOT_RUN}"):
            parts = explain_network(entry.subject, entry.network, window, scope.step)
        networks.append(_describe(entry, parts))
        attributions.append(parts.attribution)
        notes += _note_members(entry)
    if len({each.steps for each in attributions}) > 1:
        notes.append("some networks only compute step 1, and this explains different steps; --step 1 explains the same")
    first = entries[0].bundle
    return NetworkComparison(
        data=entries[0].subject.place,
        series=attributions[0].series,
        cutoff=attributions[0].cutoff,
        step=scope.step,
        horizon=first.manifest.horizon,
        baselines={name: scores for name in BASELINES if (scores := _scores(first, name))},
        notes=tuple(dict.fromkeys(notes)),
        networks=tuple(networks),
    )


def _describe(entry: _Entry, parts: "NetworkExplanation") -> ComparedNetwork:
    bundle, config, gradients = entry.bundle, entry.network.config, parts.gradients
    model = cast("NetworkModel", config.model)
    return ComparedNetwork(
        label=entry.label,
        bundle=str(shorten(bundle.folder)),
        model=bundle.manifest.model,
        network=describe_network(entry.network, entry.number, len(entry.subject.networks)),
        cell=model.kind,
        directions=2 if model.bidirectional else 1,
        layers=model.layers,
        parameters=count_parameters(bundle.state),
        seconds=bundle.manifest.training.seconds,
        holdout=_scores(bundle, bundle.manifest.model),
        gradients=gradients,
        half_life=half_life_of(gradients.total),
        influences=share_influences(parts.attribution, entry.subject.panel.season),
    )


def _scores(bundle: Bundle, model: str) -> dict[str, float | None]:
    """Return the metrics of a model on the holdout of a bundle; empty if there are none."""
    models: dict[str, dict[str, float | None]] = bundle.metrics["holdout"]["models"]
    return models.get(model, {})


def _note_members(entry: _Entry) -> list[str]:
    count = len(entry.subject.networks)
    if count == 1:
        return []
    return [
        f"{entry.label}: of {count} networks that forecast together, number {entry.number + 1} is compared (--member);"
        " holdout, parameters and seconds are those of all"
    ]
