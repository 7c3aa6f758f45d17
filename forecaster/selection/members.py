"""The description of the members that an ensemble chose by the steps before the holdout."""

import math
from typing import Any

from forecaster.config import Config, NetworkModel
from forecaster.evaluation.combination import Combination
from forecaster.models.variants import members_of

CRITERION = "pinball loss on the tails before the holdout, in units of the seasonal change of each series"


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


def describe_members(config: Config) -> str:
    """Describe the members of an ensemble without a choice: `gru combines gru 60 by 12 (log) and pretrained`."""
    return f"{config.name} combines {' and '.join(_label(config))}"


def _explain(labels: list[str], combination: Combination) -> str:
    members = combination.members
    names = " and ".join(labels[number] for number in members)
    choice, verb = (f"{names} together", "forecast") if len(members) > 1 else (names, "forecasts")
    if not math.isfinite(combination.loss):
        return f"{names}, by the preset, because no series is long enough to compare the candidates"
    others = [number for number in range(len(labels)) if len(members) > 1 or number not in members]
    text = f"of {len(labels)} candidates, {choice} {verb} the tail before the holdout best"
    if not others:
        return text
    best = min(others, key=combination.losses.__getitem__)
    if not combination.losses[best]:
        return text
    gain = 100 * (1 - combination.loss / combination.losses[best])
    if gain < 0:  # One member has to learn from the data.
        return f"{text} with a trained network; {labels[best]} alone has {-gain:.1f} % less loss"
    return (
        f"{text}, with {gain:.1f} % less loss than {labels[best]}{' alone' if len(members) > 1 else ', the next one'}"
    )


def _label(config: Config) -> list[str]:
    """Return a distinct label for each member: its model, and for a network how it reads the data.

    `gru 60 by 12 (past seasons, log)` reads 60 steps in segments of 12, copies past seasons and scales logarithms.
    """
    labels: list[str] = []
    for member in members_of(config):
        label = member.name
        if isinstance(member.model, NetworkModel):
            features = {
                "past seasons": bool(member.decode.skip),
                "calendar": bool(member.data.calendar),
                "log": member.scale.log,
                member.scale.kind: member.scale.kind != "last",
                "even weights": member.training.weigh == "evenly",
            }
            names = ", ".join(feature for feature, is_used in features.items() if is_used)
            label += f" {member.model.context} by {member.embed.width}" + f" ({names})" * bool(names)
        count = sum(each.split(" #")[0] == label for each in labels)
        labels.append(f"{label} #{count + 1}" if count else label)
    return labels
