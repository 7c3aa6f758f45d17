"""Commands that receive the summary of a run that failed, or whose model drifted."""

import json
import shlex
import subprocess

from forecaster.config.job import JobConfig
from forecaster.durations import parse_duration
from forecaster.workflows.job.summary import AlertSummary, RunSummary


def send_alerts(policy: JobConfig, summary: RunSummary, *, is_new_alarm: bool) -> list[AlertSummary]:
    """Pass the summary of a run to the commands of the job's policy.

    A command that fails is reported in the result, and changes nothing else.

    Args:
        is_new_alarm: True if the drift alarm was not raised at the last run; each alarm is reported once.

    Returns: for each command, the key of the policy that names it, and how it ended.
    """
    commands = {
        "on_failure": policy.on_failure if summary.code else None,
        "on_drift": policy.on_drift if is_new_alarm else None,
    }
    timeout = parse_duration(policy.timeout)
    document = json.dumps(summary.to_dict(), ensure_ascii=False).encode()
    return [
        AlertSummary(event=event, ended=_call(command, document, timeout))
        for event, command in commands.items()
        if command
    ]


def _call(command: str, document: bytes, timeout: float) -> str:
    try:
        process = subprocess.run(
            shlex.split(command), input=document, stdout=subprocess.DEVNULL, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {timeout:g} s"
    except (OSError, ValueError) as error:
        return f"could not be started: {error}"
    return "ok" if process.returncode == 0 else f"exit code {process.returncode}"
