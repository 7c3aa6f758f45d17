"""`forecast explain`: what a bundle's network does, how far it remembers, and what its forecasts hang on."""

from pathlib import Path

from forecaster.events import DataRead, Note, Watch, ignore
from forecaster.explain.explanation import Explanation
from forecaster.models.build import build, place_on_device
from forecaster.workflows.explain_bundle import look_into
from forecaster.workflows.predict import load_data, open_bundle, source_of


def explain(
    folder: Path | None = None,
    *,
    source: str | None = None,
    query: str | None = None,
    series: str | None = None,
    window: str | None = None,
    step: int | None = None,
    member: int | None = None,
    watch: Watch = ignore,
) -> Explanation:
    """Look inside a bundle.

    Args:
        folder: the bundle; None takes `runs/latest`.
        source: a table of the same columns; None reads the bundle's own again.
        query: the SQL query that gives the table, where the source is a database; None asks as in training.
        series: whose window to look at; None takes the first.
        window: cutoff of that window; None takes the last, which `predict` forecasts from.
        step: of the horizon, whose forecast to attribute; None for the mean of all.
        member: which of an ensemble's networks to look into, from 1.

    Raises:
        InputError: no such bundle, or its data is gone.
        DataError: the data does not fit the bundle.
        UsageError: no such series, window, step or member.
    """
    read = open_bundle(folder)
    data = source_of(read, source, query=query)
    loaded = load_data(data, read)
    watch(DataRead(data.place, len(loaded.panel), loaded.quality["rows"], loaded.roles))
    forecaster = build(place_on_device(read.config, "cpu"))
    forecaster.restore(read.state)
    found = look_into(read, forecaster, loaded, data.place, series=series, window=window, step=step, member=member)
    for note in found.notes:
        watch(Note(note))
    return found
