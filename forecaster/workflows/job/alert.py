"""Commands that are told when a run failed or a model drifted."""

import json
import shlex
import subprocess
from typing import Any

from forecaster.config.job import JobConfig
from forecaster.durations import parse_duration


def send(policy: JobConfig, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the status to the commands that are to know. What goes wrong with one is noted, and changes nothing else.

    Returns: of each command: when it is called, and how it ended.
    """
    events = {
        "on_failure": policy.on_failure if told["code"] else None,
        "on_drift": policy.on_drift if (told.get("drift") or {}).get("is_alarm") else None,
    }
    return [
        {"event": event, "ended": _call(command, told, parse_duration(policy.timeout))}
        for event, command in events.items()
        if command
    ]


def _call(command: str, told: dict[str, Any], timeout: float) -> str:
    try:
        done = subprocess.run(
            shlex.split(command),
            input=json.dumps(told, ensure_ascii=False).encode(),
            stdout=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {timeout:g} s"
    except (OSError, ValueError) as error:
        return f"could not be started: {error}"
    return "ok" if done.returncode == 0 else f"exit code {done.returncode}"
