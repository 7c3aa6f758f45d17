"""Tasks for workers."""

import os
import signal
import time

from forecaster.errors import DataError, Interrupted
from forecaster.parallel.pool import WorkerContext


def run(context: WorkerContext, task: object) -> object:
    """Do what the task names."""
    match task:
        case "fail":
            raise DataError("cannot", hint="may not")
        case "stumble":
            raise ValueError("our own fault")
        case "vanish":
            os.kill(os.getpid(), signal.SIGKILL)
        case "save at the end":
            try:
                while True:
                    context.send_message("running")
                    time.sleep(0.01)
            except Interrupted:
                context.send_checkpoint("everything")
                raise
        case "sleep":
            context.send_message("asleep")
            time.sleep(60)
        case "ask":
            return context.ask("may I")
        case "threads":
            import torch

            return torch.get_num_threads()
        case "startup":
            return context.startup_seconds
    context.send_message(os.getpid())
    return context.shared, task
