"""The data and the bundle that a command reads."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from forecaster.addresses import hide_secrets, is_database_url
from forecaster.config import Config, DataConfig, Duplicates
from forecaster.data.files.read import TableSource
from forecaster.data.load import LoadedData, load
from forecaster.errors import DataError, InputError, UsageError
from forecaster.events import DataRead, Note, Watch
from forecaster.frequency import DAY
from forecaster.panel import Panel
from forecaster.store import bundle as store
from forecaster.store import origins
from forecaster.store.bundle import Bundle
from forecaster.workflows.clock import now_on
from forecaster.workflows.other_table import explain_misfit
from forecaster.workflows.results import shorten
from forecaster.workflows.source import Source


def open_bundle(folder: Path | str | None) -> Bundle:
    """Read a bundle.

    Args:
        folder: a folder, or an address as text; None for `runs/latest`.

    Raises:
        InputError: the bundle is missing or damaged.
        DependencyError: the store of the address cannot be reached.
    """
    if isinstance(folder, str):
        from forecaster.store.objects import bundles

        return bundles.read(folder)
    if folder is None:
        if not store.LATEST.exists():
            raise InputError(
                f"{store.LATEST}: nothing was trained here yet",
                hint="run `forecast train DATA`, or name a bundle with --bundle",
            )
        folder = store.LATEST.resolve()
    return store.read(folder)


def source_of(bundle: Bundle, text: str | None, *, command: str, query: str | None = None) -> Source:
    """Return the data that the user named, or the data that the bundle was trained on.

    A bundle's word on its data and query counts only if this user trained it on this machine.

    Args:
        text: what the user named; None for the bundle's data.
        command: the command that names the data, for a hint; `{}` stands for the folder of the bundle.
        query: the SQL query for a database; None for the query of the training.

    Raises:
        InputError: the bundle was trained from standard input, which cannot be read again.
        UsageError: the bundle was trained elsewhere, so the data must be named; or there is a query, but no database.
    """
    if text is None:
        text, place = bundle.manifest.data.absolute, bundle.address or str(shorten(bundle.folder))
        hint = f"name the data: `{command.format(shlex.quote(place))}`"
        if text == "-":
            raise InputError(f"{bundle.place}: was trained from standard input", hint=hint)
        if not is_trained_here(bundle):
            problem = f"this user did not train {place} on this machine, and it names {hide_secrets(text)}"
            if is_database_url(text):
                hint += ", with --query 'SELECT ...'"
            raise UsageError(f"DATA is missing: {problem}", hint=hint)
    if query is None and is_database_url(text) and is_trained_here(bundle):
        query = bundle.config.data.query
    return Source.parse(text, query=query)


def is_trained_here(bundle: Bundle) -> bool:
    """Return True if this user trained a bundle on this machine."""
    return origins.is_known(bundle.hash.encode())


def open_later(text: str | None, config: DataConfig) -> TableSource | None:
    """Return the table with future values of the known covariates that the user named; None for none."""
    return None if text is None else Source.parse(text).read(config)


def refuse_foreign(folder: Path, data: str, *contents: bytes, command: str) -> None:
    """Check that this user began an unfinished run on this machine, before the data that it names is read.

    Args:
        folder: the folder of the run.
        data: the data that the run names.
        contents: the bytes that identify the run in the record of `store.origins`.
        command: the command that continues the run.

    Raises:
        InputError: the data was standard input.
        UsageError: the run is not known here, so the data must be named.
    """
    if data == "-":
        raise InputError(
            "standard input cannot be read again", hint=f"{command} on a file to be able to resume, or name the data"
        )
    if not origins.is_known(*contents):
        raise UsageError(
            f"DATA is missing: this user did not begin {folder} on this machine, and it names {hide_secrets(data)}",
            hint=f"name the data: `forecast {command} DATA --resume {shlex.quote(str(folder))}`",
        )


def read_data(
    source: Source,
    config: Config,
    stdin: BinaryIO | None,
    watch: Watch,
    *,
    is_sample: bool = False,
    later: str | None = None,
) -> LoadedData:
    """Load data by a config, and report how it was read.

    Args:
        stdin: the stream that `-` reads from.
        is_sample: if True, a sample of the series is enough where memory is limited.
        later: a table with future values of the known covariates.

    Raises: ForecastError: see the errors of `data.load`.
    """
    path = hide_secrets(config.data.path or source.text)  # Configs are saved without passwords.
    data = config.data.model_copy(update={"path": path})
    loaded = load(source.read(config.data, stdin), data, is_sample=is_sample, later=open_later(later, config.data))
    watch(DataRead(source.place, len(loaded.panel), loaded.quality["rows"], loaded.roles))
    for note in loaded.notes:
        watch(Note(note))
    if loaded.panel.spacing > 1:
        watch(Note(describe_sparse(loaded.panel)))
    note_future(loaded.panel, watch)
    return loaded


def report_reading(loaded: LoadedData, bundle: Bundle, place: str, watch: Watch) -> None:
    """Report how data was read by the format of a bundle.

    Args:
        place: of the data.
    """
    watch(DataRead(place, loaded.series, loaded.rows, loaded.roles))
    context = getattr(bundle.config.model, "context", None)
    is_short = loaded.panel.lengths < (context or 0)
    if is_short.any():
        count = f"{int(is_short.sum()):,} of {len(loaded.panel):,} series"
        watch(Note(f"{count} are shorter than the {context} steps that the network reads"))
    for note in loaded.notes:
        watch(Note(note))
    note_future(loaded.panel, watch)


def note_future(panel: Panel, watch: Watch) -> None:
    """Report values of a time that has not come yet, which often have a wrong year or order of day and month."""
    if panel.frequency.is_integer:
        return
    newest, now = panel.cutoff.max(), now_on(panel.frequency, panel.zone, datetime.now(UTC))
    if newest <= now + DAY:
        return
    last, today = (panel.frequency.format(np.array([stamp]), panel.zone)[0] for stamp in (newest, now))
    text = f"the newest value is of {last}, and today is {today[:10]}"
    watch(Note(f"{text}: check the years, and the order of day and month"))


def describe_sparse(panel: Panel) -> str:
    """Describe a panel whose rows are usually several steps apart."""
    distance = f"{panel.spacing:g} steps of {panel.frequency.name}"
    return f"rows are {distance} apart, so most steps are masked: check --freq"


def load_data(
    source: Source,
    bundle: Bundle,
    *,
    duplicates: Duplicates | None = None,
    later: str | None = None,
    stdin: BinaryIO | None = None,
) -> LoadedData:
    """Load data in the way that the bundle's data was read.

    Args:
        duplicates: the rule for differing rows with the same timestamp; None for that of the training.
        later: a table with future values of the known covariates.
        stdin: the stream that `-` reads from.

    Raises: DataError: the data does not fit the bundle.
    """
    config = config_for(source, bundle, {"duplicates": duplicates})
    table = source.read(config, stdin)
    with explain_misfit(bundle, config):
        loaded = load(table, config, frequency=bundle.manifest.data.frequency, later=open_later(later, config))
    refuse_sparse(source.place, loaded.panel.spacing, bundle)
    return loaded


def config_for(source: Source, bundle: Bundle, changes: Mapping[str, Any]) -> DataConfig:
    """Return the config to read a source by: the bundle's, with the changes that are not None."""
    update = {key: value for key, value in changes.items() if value is not None}
    return bundle.config.data.model_copy(update={**update, "path": source.place, "query": source.query})


def refuse_short(place: str, panel: Panel, horizon: int) -> None:
    """Check that a series is longer than the horizon.

    Raises: DataError: every series is too short to train on.
    """
    longest = int(panel.lengths.max())
    if longest > horizon:
        return
    size = f"has {longest} step{'s' * (longest > 1)}" if len(panel) == 1 else f"the longest series has {longest} steps"
    raise DataError(
        f"{place}: {size}; horizon {horizon} needs at least {horizon + 1}",
        hint=f"pass --horizon {max(longest // 3, 1)}, or add rows" if longest > 1 else "add rows",
    )


def refuse_sparse(place: str, spacing: float, bundle: Bundle) -> None:
    """Check that rows are not further apart than those of the bundle's data.

    Args:
        spacing: the usual distance between two rows of a series, in steps.

    Raises: DataError: the rows are further apart.
    """
    trained = bundle.manifest.data
    if spacing > max(1, trained.spacing):
        raise DataError(
            f"{place}: rows are {spacing:g} steps of {trained.frequency.name} apart, but {trained.spacing:g} in the "
            "bundle's data",
            hint="train on this data: `forecast train DATA`",
        )


def refuse_older(place: str, loaded: LoadedData, bundle: Bundle) -> None:
    """Check that data does not end before the bundle's data.

    Raises: DataError: the data ends earlier.
    """
    refuse_older_cutoff(place, int(loaded.panel.cutoff.max()), loaded.panel, bundle)


def refuse_older_cutoff(place: str, cutoff: int, panel: Panel, bundle: Bundle) -> None:
    """Check that the newest cutoff of all parts of the data is not before that of the bundle's data.

    Args:
        panel: any part of the data, for its frequency and time zone.

    Raises: DataError: the cutoff is earlier.
    """
    trained = bundle.manifest.data
    if cutoff < trained.last_cutoff:
        last = panel.frequency.format(np.array([cutoff]), panel.zone)[0]
        raise DataError(
            f"{place}: ends at {last}, the bundle's data at {trained.last}",
            hint=f"pass data that ends at {trained.last} or later, or train on this data: `forecast train DATA`",
        )


def refuse_without_known(config: DataConfig, option: str) -> None:
    """Check that there are known covariates, and a time column to match their future rows by.

    Args:
        option: the flag that needs them, for messages.

    Raises: UsageError: there are no known covariates, or rows are steps without a time.
    """
    if not config.known:
        raise UsageError(f"{option}: no column is known ahead", hint="name such columns with --known when training")
    if config.time == "none":
        raise UsageError(
            f"{option}: the data has no time column to match rows by",
            hint="append rows with an empty target and the known values to the data itself",
        )
