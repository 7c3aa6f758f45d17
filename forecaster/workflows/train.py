"""`forecast train`: read, hold out, fit, judge beside the naive forecasts, fit again on everything, write a bundle."""

import hashlib
import json
import platform
import re
import shutil
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from forecaster import __version__, process
from forecaster.config import Config, NaiveConfig, SeasonalNaiveConfig, dump, read_yaml, validate
from forecaster.data.load import Loaded, load
from forecaster.errors import DataError, InputError, Interrupted
from forecaster.evaluation.metrics import seasonal_error
from forecaster.evaluation.score import Score, score, skill, verdict, without_nan
from forecaster.evaluation.split import Split, split
from forecaster.events import BundleWritten, DataRead, Note, TrainingEnded, TrainingStep, Watch, ignore
from forecaster.forecast import Forecast, Forecaster
from forecaster.models.build import build, resolve
from forecaster.models.naive import Naive, SeasonalNaive
from forecaster.panel import Panel
from forecaster.store import bundle
from forecaster.store.checkpoint import FolderCheckpoint
from forecaster.store.files import check_free, replace_link

RUNS = Path("runs")
LATEST = RUNS / "latest"
_RUN = "run.json"
_HISTORY = [field.name for field in fields(TrainingStep)]


@dataclass(frozen=True)
class Trained:
    """What came of a training run.

    Attributes:
        folder: the bundle.
        metrics: the content of metrics.json.
        unscored: series too short to hold anything out.
    """

    folder: Path
    config: Config
    metrics: dict[str, Any]
    manifest: dict[str, Any]


def train(config: Config, *, out: Path | None = None, stdin: BinaryIO | None = None, watch: Watch = ignore) -> Trained:
    """Train on `config.data.path` and write a bundle.

    Args:
        out: the bundle's folder; None chooses `runs/<name>-<model>-<time>` and moves `runs/latest`.
        stdin: what `-` reads.

    Raises:
        ForecastError: see the errors of `data.load`, `store.bundle.write`.
        Interrupted: a signal stopped the run; its hint says how to go on.
    """
    source = config.data.path or ""
    folder = out or RUNS / f"{_stem(source)}-{config.model.kind}-{datetime.now():%Y%m%d-%H%M%S}"
    check_free(folder)
    check_free(_partial(folder))
    loaded = _read(source, config, stdin, watch)
    config = resolve(config.model_copy(update={"data": loaded.config}), loaded.panel)
    run = {"out": str(folder.absolute()), "fingerprint": fingerprint(loaded.panel), "data": _absolute(source)}
    trained = _train(config, loaded, folder, run, watch)
    if out is None:
        replace_link(LATEST, folder)
    return trained


def resume(partial: Path, *, watch: Watch = ignore) -> Trained:
    """Go on with an interrupted run, to the same bytes as if it had never stopped.

    Args:
        partial: the folder that the interrupted run named, with or without `.partial`.

    Raises:
        InputError: no interrupted run lies there.
        DataError: the data is no longer what it was.
    """
    if not (partial / _RUN).exists():
        partial = _partial(partial)
    try:
        run = json.loads((partial / _RUN).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{partial}: holds no interrupted run", hint="name the .partial folder that the run told"
        ) from error
    config = validate(read_yaml(partial / bundle.CONFIG), str(partial / bundle.CONFIG))
    if run["data"] == "-":
        raise InputError("standard input cannot be read again", hint="train from a file to be able to resume")
    loaded = _read(run["data"], config, None, watch)
    if fingerprint(loaded.panel) != run["fingerprint"]:
        raise DataError(f"{run['data']}: has changed since the run began", hint="train anew, without --resume")
    folder = Path(run["out"])
    trained = _train(config, loaded, folder, run, watch)
    if folder.parent == RUNS.absolute():
        replace_link(LATEST, folder)
    return trained


def fingerprint(panel: Panel) -> str:
    """Hex digest of everything a panel says."""
    digest = hashlib.sha256()
    for array in (panel.values, panel.begin, panel.end, panel.start):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(json.dumps([panel.ids.tolist(), panel.frequency.to_dict(), panel.columns, panel.zone]).encode())
    return digest.hexdigest()


def _read(source: str, config: Config, stdin: BinaryIO | None, watch: Watch) -> Loaded:
    loaded = load(source, config.data, stdin=stdin)
    watch(DataRead(source, len(loaded.panel), loaded.quality["rows"], loaded.roles))
    for note in loaded.notes:
        watch(Note(note))
    return loaded


def _train(config: Config, loaded: Loaded, folder: Path, run: dict[str, str], watch: Watch) -> Trained:
    panel, horizon = loaded.panel, config.data.horizon or 1
    _refuse_short(config.data.path or "-", panel, horizon)
    if not isinstance(config.model, NaiveConfig | SeasonalNaiveConfig):
        process.settle(config.training.threads)
    files = {bundle.CONFIG: dump(config).encode(), _RUN: bundle.json_bytes(run)}
    checkpoint = FolderCheckpoint(_partial(folder), files=files, watch=watch)
    stages: list[TrainingEnded] = []

    def note_stages(event: Any) -> None:
        if isinstance(event, TrainingEnded):
            stages.append(event)
        watch(event)

    forecaster = build(config)
    parts = split(panel, horizon)
    try:
        forecaster.fit(panel.cut(parts.holdout), parts.validation, watch=note_stages, checkpoint=checkpoint)
        metrics, holdout = _judge(forecaster, panel, parts, horizon)
        if config.training.refit:
            forecaster.fit(panel, None, watch=note_stages, checkpoint=checkpoint)
    except Interrupted as stop:
        if not checkpoint.folder.exists():
            raise
        raise Interrupted(stop.signum, hint=f"go on with `forecast train --resume {checkpoint.folder}`") from stop
    manifest = _manifest(config, loaded, run, forecaster, stages)
    bundle.write(
        folder,
        manifest=manifest,
        config=config,
        state=forecaster.state(),
        metrics=metrics,
        tables={
            "history.csv": _csv(pd.DataFrame(map(asdict, forecaster.history), columns=_HISTORY)),
            "quality.json": bundle.json_bytes(loaded.quality),
            "holdout.csv": _csv(holdout),
        },
    )
    shutil.rmtree(checkpoint.folder, ignore_errors=True)
    watch(BundleWritten(folder))
    return Trained(folder, config, metrics, manifest)


def _refuse_short(source: str, panel: Panel, horizon: int) -> None:
    longest = int(panel.lengths.max())
    if longest > horizon:
        return
    has = f"has {longest} step{'s' * (longest > 1)}" if len(panel) == 1 else f"the longest series has {longest} steps"
    raise DataError(
        f"{source}: {has}; horizon {horizon} needs at least {horizon + 1}",
        hint=f"pass --horizon {max(longest // 3, 1)}, or give more rows" if longest > 1 else "give more rows",
    )


def _judge(forecaster: Forecaster, panel: Panel, parts: Split, horizon: int) -> tuple[dict[str, Any], pd.DataFrame]:
    """Score the forecaster and the naive ones on the holdout of every series that has one."""
    whole = panel.select(parts.is_scored)
    metrics: dict[str, Any] = {"schema_version": 1}
    block: dict[str, Any] = {
        "horizon": horizon,
        "season": panel.season,
        "series": len(whole),
        "unscored": len(panel) - len(whole),
    }
    if not len(whole):
        empty: dict[str, Any] = {"holdout": {"cutoff": None, **block, "models": {}}, "skill": None, "skill_naive": None}
        return metrics | empty | {"verdict": "no better"}, pd.DataFrame()
    seen = whole.cut(horizon)
    actual = seen.actual(horizon, whole.end)
    scale = seasonal_error(seen, panel.season)
    forecasts: list[Forecast] = [each.predict(seen, horizon) for each in (forecaster, SeasonalNaive(), Naive())]
    scores: dict[str, Score] = {each.model: score(each, actual, scale) for each in forecasts}
    skills = [skill(scores[forecaster.name], scores[name]) for name in ("seasonal_naive", "naive")]
    cutoff = seen.cutoff
    cutoffs = panel.frequency.format(np.array([cutoff.min(), cutoff.max()]), panel.zone).tolist()
    metrics |= {
        "holdout": {"cutoff": dict(zip(("first", "last"), cutoffs, strict=True)), **block, "models": scores},
        "skill": skills[0],
        "skill_naive": skills[1],
        "verdict": verdict(*skills),
    }
    return without_nan(metrics), forecasts[0].to_frame(actual=actual)


def _manifest(
    config: Config, loaded: Loaded, run: dict[str, str], forecaster: Forecaster, stages: list[TrainingEnded]
) -> dict[str, Any]:
    panel = loaded.panel
    seconds = sum(stage.seconds for stage in stages)
    steps = sum(stage.steps for stage in stages)
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"forecast-rnn": __version__, "python": platform.python_version()}
        | {name: version(name) for name in ("torch", "pandas", "numpy")},
        "seed": config.training.seed,
        "model": forecaster.name,
        "point": forecaster.point,
        "horizon": config.data.horizon,
        "data": {
            "path": config.data.path,
            "absolute": run["data"],
            "fingerprint": run["fingerprint"],
            "shape": loaded.shape,
            "columns": {"time": config.data.time, "id": config.data.id, "target": config.data.target},
            "frequency": panel.frequency.to_dict(),
            "spacing": panel.spacing,
            "season": panel.season,
            "zone": panel.zone,
            "series": len(panel),
            "rows": loaded.quality["rows"],
            "first": loaded.quality["first"],
            "last": loaded.quality["last"],
            "last_cutoff": int(panel.cutoff.max()),
        },
        "training": {
            "device": "cpu",
            "threads": config.training.threads,
            "steps": {stage.stage: stage.steps for stage in stages},
            "best_step": {stage.stage: stage.best_step for stage in stages},
            "seconds": round(seconds, 3),
            "windows_per_second": round(steps * config.training.batch / seconds, 1) if seconds else None,
        },
    }


def _stem(source: str) -> str:
    if source == "-":
        return "stdin"
    stem = Path(source).name.split(".")[0]
    return re.sub(r"[^\w-]+", "_", stem).strip("_") or "data"


def _absolute(source: str) -> str:
    return source if source == "-" else str(Path(source).absolute())


def _partial(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.partial")


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()
