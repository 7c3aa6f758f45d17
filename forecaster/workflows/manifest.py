"""The manifest of a new bundle, the fingerprint of its data, and the networks of its config."""

import hashlib
import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from forecaster import __version__, runtime
from forecaster.config import Config, NetworkModel, PretrainedConfig
from forecaster.data.load import LoadedData
from forecaster.events import TrainingEnded
from forecaster.forecast import Forecaster
from forecaster.models.variants import has_networks, members_of
from forecaster.panel import Panel
from forecaster.store.manifest import Columns, DataSummary, Manifest, TrainingSummary


@dataclass(frozen=True)
class FittedModel:
    """A forecaster that was fitted.

    Attributes:
        config: resolved.
        stages: the end of each training stage, in order.
    """

    config: Config
    forecaster: Forecaster
    stages: list[TrainingEnded]


@dataclass(frozen=True)
class Origin:
    """The reasons for a training: its data, and who decided on the model.

    Attributes:
        data: the absolute path or URL of the data, see `Source.absolute`.
        fingerprint: of the panel, see `fingerprint`.
        choice: the candidates of `model.kind: auto` or of a preset, and their scores; None if there was no choice.
        job: the entry of the job in the manifest; None for other commands.
    """

    data: str
    fingerprint: str
    choice: dict[str, Any] | None = None
    job: dict[str, Any] | None = None


def fingerprint(panel: Panel) -> str:
    """Return a hex digest of all values and names in a panel."""
    digest = hashlib.sha256()
    for array in (panel.values, panel.begin, panel.end, panel.start, panel.stop, panel.static):
        digest.update(np.ascontiguousarray(array).tobytes())
    plain = [panel.ids.tolist(), panel.frequency.to_dict(), panel.columns, panel.zone, panel.roles]
    plain += [panel.static_columns, panel.minimum, panel.maximum, panel.is_integer]
    digest.update(json.dumps(plain).encode())
    return digest.hexdigest()


def build_manifest(model: FittedModel, loaded: LoadedData, origin: Origin) -> Manifest:
    """Build the manifest of a new bundle, without the hashes of its files."""
    config, panel, stages = model.config, loaded.panel, model.stages
    seconds = sum(stage.seconds for stage in stages)
    steps = sum(stage.steps for stage in stages)
    return Manifest(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"forecast-rnn": __version__, "python": platform.python_version()}
        | {name: version(name) for name in ("torch", "pandas", "numpy")},
        seed=config.training.seed,
        model=model.forecaster.name,
        point=model.forecaster.point,
        choice=origin.choice or None,
        horizon=config.horizon,
        data=DataSummary(
            path=config.data.path,
            absolute=origin.data,
            fingerprint=origin.fingerprint,
            shape=loaded.shape,
            columns=Columns.of(config.data),
            frequency=panel.frequency,
            spacing=panel.spacing,
            season=panel.season,
            zone=panel.zone,
            series=len(panel),
            rows=loaded.quality["rows"],
            first=loaded.quality["first"],
            last=loaded.quality["last"],
            last_cutoff=int(panel.cutoff.max()),
        ),
        training=TrainingSummary(
            device=runtime.resolve_device(config.training.device if has_networks(config) else "cpu"),
            threads=config.training.threads,
            budget=config.training.budget,
            steps={stage.stage: stage.steps for stage in stages},
            best_step={stage.stage: stage.best_step for stage in stages},
            seconds=round(seconds, 3),
            start=next((hash for hash in map(start_of, members_of(config)) if hash), None),
            windows_per_second=round(steps * config.training.batch / seconds, 1) if seconds else None,
        ),
        job=origin.job,
    )


def pretrained_weights_of(config: Config) -> list[str]:
    """Return the hashes of the pretrained weights that a resolved config names, each once."""
    models = [member.model for member in members_of(config)]
    hashes = [model.weights for model in models if isinstance(model, PretrainedConfig) and model.weights]
    return list(dict.fromkeys(hashes))


def start_of(config: Config) -> str | None:
    """Return the hash of the pretrained weights from which the training of a single model starts, if it does."""
    model = config.model
    return model.weights if isinstance(model, PretrainedConfig) and config.training.start else None


def networks_of(config: Config) -> list[dict[str, Any]]:
    """Return the sizes of each network in a resolved config; an empty list if the model has no network."""
    return [
        {
            "cell": member.model.kind,
            "context": member.model.context,
            "hidden": member.model.hidden,
            "layers": member.model.layers,
            "bidirectional": member.model.bidirectional,
            "width": member.embed.width,
            "scale": member.scale.kind,
            "decode": member.decode.kind,
            "head": member.head.kind,
            "steps": member.training.steps,
            "batch": member.training.batch,
        }
        for member in members_of(config)
        if isinstance(member.model, NetworkModel)
    ]
