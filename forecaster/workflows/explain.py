"""`forecast explain`: explain the network of a bundle, its memory, and the inputs that its forecasts depend on."""

from pathlib import Path

from forecaster.errors import as_input_error
from forecaster.events import DataRead, Note, Watch, ignore
from forecaster.explain.explanation import Explanation
from forecaster.models.restore import CANNOT_RUN, restore_forecaster
from forecaster.workflows.explain_bundle import explain_forecaster
from forecaster.workflows.explain_scope import DEFAULT_SCOPE, ExplanationScope
from forecaster.workflows.reading import load_data, open_bundle, refuse_without_known, source_of


def explain(
    folder: Path | None = None,
    scope: ExplanationScope = DEFAULT_SCOPE,
    *,
    source: str | None = None,
    query: str | None = None,
    watch: Watch = ignore,
) -> Explanation:
    """Explain a bundle.

    Args:
        folder: the folder of the bundle; None for `runs/latest`.
        scope: the network, window and steps to explain.
        source: a table of the same columns; None for the table that the bundle was trained on.
        query: the SQL query that returns the table, if the source is a database; None for the query of the training.

    Raises:
        InputError: the bundle or its data does not exist.
        DataError: the data does not fit the bundle.
        UsageError: the data or the bundle does not have the series, window, step or member.
    """
    bundle = open_bundle(folder)
    data = source_of(bundle, source, command="forecast explain {} --data DATA", query=query)
    if scope.later is not None:
        refuse_without_known(bundle.config.data, "--future")
    loaded = load_data(data, bundle, later=scope.later)
    watch(DataRead(data.place, len(loaded.panel), loaded.quality["rows"], loaded.roles))
    forecaster = restore_forecaster(bundle.config, bundle.state)
    with as_input_error(f"{bundle.folder}: {CANNOT_RUN}"):
        explanation = explain_forecaster(bundle, forecaster, loaded, data.place, scope)
    for note in explanation.notes:
        watch(Note(note))
    return explanation
