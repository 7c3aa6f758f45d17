"""The description of the members that an ensemble chose by the validation tail."""

import math
from typing import Any

from forecaster.config import Config, NetworkModel
from forecaster.evaluation.combination import Combination
from forecaster.models.variants import members_of

CRITERION = "pinball loss on the validation tail, in units of the seasonal change of each series"


def summarise(config: Config, combination: Combination) -> dict[str, Any]:
    """Return the candidates of an ensemble, their losses and the reasons of the choice, for the manifest.

    Args:
        config: resolved, with `ensemble.choose`.
        combination: the choice among `members_of(config)`.
    """
    labels = _label(config)
    among = {
        label: loss if math.isfinite(loss) else None for label, loss in zip(labels, combination.losses, strict=True)
    }
    members = [labels[number] for number in combination.members]
    return {"members": members, "among": among, "by": CRITERION, "why": _explain(labels, combination)}


def _explain(labels: list[str], combination: Combination) -> str:
    names = " + ".join(labels[number] for number in combination.members)
    if not math.isfinite(combination.loss):
        return f"{names}: no series is long enough to compare the candidates, so the preset decides"
    ranked = sorted(range(len(labels)), key=combination.losses.__getitem__)
    others = ", ".join(f"{labels[number]} {_percent(combination, number)}" for number in ranked)
    return f"{names} forecast the validation tail best; loss of each candidate alone: {others}"


def _percent(combination: Combination, number: int) -> str:
    return f"{100 * (combination.losses[number] / combination.loss - 1):+.1f} %" if combination.loss else "+0 %"


def _label(config: Config) -> list[str]:
    """Return a distinct label for each member: its model, and for a network how it reads the data.

    `gru 60/12 seasons log` reads 60 steps in segments of 12, copies past seasons and scales logarithms.
    """
    labels: list[str] = []
    for member in members_of(config):
        label = member.name
        if isinstance(member.model, NetworkModel):
            features = {
                "seasons": bool(member.decode.skip),
                "calendar": bool(member.data.calendar),
                "log": member.scale.log,
                member.scale.kind: member.scale.kind != "last",
                "even": member.training.weigh == "evenly",
            }
            label += f" {member.model.context}/{member.embed.width}"
            label += "".join(f" {feature}" for feature, is_used in features.items() if is_used)
        count = sum(each.split(" #")[0] == label for each in labels)
        labels.append(f"{label} #{count + 1}" if count else label)
    return labels
