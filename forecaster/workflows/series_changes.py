"""The series of a bundle's data, and those that are new or missing since."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from forecaster.errors import InputError
from forecaster.panel import Panel
from forecaster.report.words import plural
from forecaster.store import bundle as store
from forecaster.store.bundle import Bundle
from forecaster.store.json_files import parse_object

FILE = "series.json"

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class SeriesChanges:
    """The series that are new since a training, and those that are missing now, in the order of the data."""

    new: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def describe(self) -> list[str]:
        """Describe the changes, each in one sentence."""
        texts = []
        if self.new:
            verb = "is" if len(self.new) == 1 else "are"
            texts.append(f"{plural(len(self.new), 'series')} {verb} new since the training: {_shorten(self.new)}")
        if self.missing:
            verb = "is" if len(self.missing) == 1 else "are"
            count = plural(len(self.missing), "series")
            texts.append(f"{count} of the training {verb} missing: {_shorten(self.missing)}")
        return texts


def series_file(panel: Panel) -> bytes:
    """Return the content of the file that lists the series of a bundle's data."""
    return store.json_bytes({"series": panel.ids.tolist()})


def compare_series(bundle: Bundle, ids: Iterable[str]) -> SeriesChanges:
    """Compare the series of newer data with those of a bundle's data.

    Args:
        ids: the series of the newer data.

    Returns: no changes for a bundle of an earlier version, which does not list its series.
    Raises: InputError: the list is damaged.
    """
    if FILE not in bundle.manifest.files:
        return SeriesChanges()
    path = bundle.folder / FILE
    names: Any = parse_object(store.read_file(bundle, FILE), path, hint="train again").get("series")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: does not list the series", hint="train again")
    newer, trained = dict.fromkeys(ids), dict.fromkeys(names)
    return SeriesChanges(
        new=tuple(name for name in newer if name not in trained),
        missing=tuple(name for name in trained if name not in newer),
    )


def _shorten(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (" ..." if len(names) > _NAMES_SHOWN else "")
