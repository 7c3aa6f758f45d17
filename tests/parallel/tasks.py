"""Tasks for processes to do."""

import os
import signal
import time

from forecaster.errors import DataError, Interrupted
from forecaster.parallel.processes import Desk


def work(desk: Desk, task: object) -> object:
    """Do what a task says."""
    match task:
        case "fail":
            raise DataError("cannot", hint="may not")
        case "stumble":
            raise ValueError("our own fault")
        case "vanish":
            os.kill(os.getpid(), signal.SIGKILL)
        case "last words":
            try:
                while True:
                    desk.tell("going on")
                    time.sleep(0.01)
            except Interrupted:
                desk.post("all of it")
                raise
        case "sleep":
            desk.tell("asleep")
            time.sleep(60)
        case "ask":
            return desk.ask("may I")
        case "threads":
            import torch

            return torch.get_num_threads()
    desk.tell(os.getpid())
    return desk.shared, task
