"""Forecasts in shards, each named by what determines it, so that a run skips those that an earlier run has written."""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from forecaster import __version__
from forecaster.events import ForecastsWritten, Note, Watch, ignore
from forecaster.panel import Panel
from forecaster.store import pretrained
from forecaster.store.shards import MANIFEST, ShardFolder, commit, open_folder, read_manifest
from forecaster.workflows.manifest import fingerprint
from forecaster.workflows.predicted import Part, Predicted


@dataclass
class ShardCounts:
    """The shards of a run, and what they contain.

    Attributes:
        written: shards that this run has written.
        skipped: shards that an earlier run had written.
        series, rows: of all shards.
        fallbacks: series of the written shards with a simpler forecast.
    """

    written: int = 0
    skipped: int = 0
    series: int = 0
    rows: int = 0
    fallbacks: int = 0


@dataclass
class _Shards:
    """The names of the shards of a forecast, in the order of the data."""

    folder: ShardFolder
    model: Mapping[str, object]
    horizon: int
    counts: ShardCounts = field(default_factory=ShardCounts)
    names: list[str] = field(default_factory=list)
    _missing: deque[str] = field(default_factory=deque)

    def is_written(self, panel: Panel) -> bool:
        """Return True if the shard of a part of the data exists; otherwise remember that it is missing."""
        name = self._name(panel)
        rows = len(panel) * self.horizon
        self.names.append(name)
        self.counts.series += len(panel)
        self.counts.rows += rows
        if self.folder.count_rows(name) == rows:
            self.counts.skipped += 1
            return True
        self._missing.append(name)
        return False

    def write(self, part: Part, frames: Iterable[pd.DataFrame]) -> None:
        """Write the shard that has been missing longest."""
        self.folder.write(self._missing.popleft(), frames)
        self.counts.written += 1
        self.counts.fallbacks += int(part.forecast.fallback.sum())

    def _name(self, panel: Panel) -> str:
        parts = [fingerprint(panel.compact()), panel.season, self.horizon, self.model]
        return f"part-{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]}.parquet"


def publish_shards(
    predicted: Predicted,
    place: Path | str,
    to_frames: Callable[[Part], Iterable[pd.DataFrame]],
    *,
    settings: Mapping[str, object],
    watch: Watch = ignore,
) -> ShardCounts:
    """Forecast the parts of a table whose shards are missing, write each as a whole, and commit all by a manifest.

    A run that is stopped leaves the shards that it has written, and the manifest of the last forecast.

    Args:
        place: a folder, or an address as text.
        to_frames: returns the forecasts table of a part.
        settings: the options that the table depends on, as JSON can express them.

    Raises: ForecastError: the data, the model or the folder; the manifest stays as it was.
    """
    bundle = predicted.bundle
    model = {"model": bundle.hash if bundle else pretrained.find().hash, "version": __version__, **settings}
    with open_folder(place) as folder:
        read_manifest(folder)  # A folder of something else is refused before any work.
        shards = _Shards(folder, model, predicted.horizon)
        with closing(predicted.parts_except(shards.is_written)) as parts:
            for part in parts:
                shards.write(part, to_frames(part))
        counts = shards.counts
        content = {**model, "horizon": predicted.horizon, "series": counts.series, "rows": counts.rows}
        is_new = commit(folder, content, shards.names)
        path = f"{folder.place.rstrip('/')}/{MANIFEST}"
        watch(ForecastsWritten(path, counts.series, counts.rows) if is_new else Note(f"{path}: nothing is new"))
    return counts
