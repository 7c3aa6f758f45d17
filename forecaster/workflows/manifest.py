"""What a bundle says of itself: the data, the training, the versions."""

import hashlib
import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from forecaster import __version__, runtime
from forecaster.config import Config, NetworkModel
from forecaster.data.load import LoadedData
from forecaster.events import TrainingEnded
from forecaster.forecast import Forecaster
from forecaster.models.variants import has_networks, members_of
from forecaster.panel import Panel

COLUMNS = ("time", "id", "target", "past", "known", "static")


def fingerprint(panel: Panel) -> str:
    """Hex digest of everything a panel says."""
    digest = hashlib.sha256()
    for array in (panel.values, panel.begin, panel.end, panel.start, panel.stop, panel.static):
        digest.update(np.ascontiguousarray(array).tobytes())
    plain = [panel.ids.tolist(), panel.frequency.to_dict(), panel.columns, panel.zone, panel.roles]
    plain += [panel.static_columns, panel.minimum, panel.maximum, panel.is_integer]
    digest.update(json.dumps(plain).encode())
    return digest.hexdigest()


def describe(
    config: Config, loaded: LoadedData, run: dict[str, Any], forecaster: Forecaster, stages: list[TrainingEnded]
) -> dict[str, Any]:
    """Put the manifest together, but for the files and their hashes.

    Args:
        run: `data`, the absolute path, `fingerprint`, and `chosen`, why this model was, if there was a choice.
        stages: how each stage of the training ended.
    """
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
        **({"chosen": run["chosen"]} if run.get("chosen") else {}),
        "horizon": config.data.horizon,
        "data": {
            "path": config.data.path,
            "absolute": run["data"],
            "fingerprint": run["fingerprint"],
            "shape": loaded.shape,
            "columns": {name: getattr(config.data, name) for name in COLUMNS},
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
            "device": runtime.resolve_device(config.training.device if has_networks(config) else "cpu"),
            "threads": config.training.threads,
            "budget": config.training.budget,
            "steps": {stage.stage: stage.steps for stage in stages},
            "best_step": {stage.stage: stage.best_step for stage in stages},
            "seconds": round(seconds, 3),
            "windows_per_second": round(steps * config.training.batch / seconds, 1) if seconds else None,
        },
    }


def networks_of(config: Config) -> list[dict[str, Any]]:
    """The sizes of each network that a resolved config trains; none for a model that learns no network."""
    return [
        {
            "cell": each.model.kind,
            "context": each.model.context,
            "hidden": each.model.hidden,
            "layers": each.model.layers,
            "bidirectional": each.model.bidirectional,
            "width": each.embed.width,
            "scale": each.scale.kind,
            "decode": each.decode.kind,
            "head": each.head.kind,
            "steps": each.training.steps,
            "batch": each.training.batch,
        }
        for each in members_of(config)
        if isinstance(each.model, NetworkModel)
    ]
