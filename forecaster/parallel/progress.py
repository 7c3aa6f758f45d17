"""The progress of a task that may lose its worker and run again."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic

from forecaster.parallel.pool import Task


@dataclass
class TaskProgress(Generic[Task]):
    """A task, and what it has sent since it began or since its last checkpoint.

    Attributes:
        repeated_messages: messages that are still to be dropped, because an earlier worker sent them.
        repeated_answers: answers that are still to be repeated.
    """

    task: Task
    lost_workers: int = 0
    has_checkpoint: bool = False
    messages: int = 0
    repeated_messages: int = 0
    answers: list[Any] = field(default_factory=list)
    repeated_answers: deque[Any] = field(default_factory=deque)

    @property
    def way_on(self) -> str:
        """The end of a sentence about a task whose worker was lost."""
        return "continues from its last checkpoint" if self.has_checkpoint else "starts again"

    def save(self, state: Any, resume: Callable[[Task, Any], Task] | None) -> None:
        """Let the task continue from a checkpoint if its worker is lost; see `Work.resume`."""
        if resume is not None:
            self.task, self.has_checkpoint = resume(self.task, state), True

    def restart(self) -> None:
        """Prepare for the messages and questions that the task repeats; a task that continues repeats none."""
        self.lost_workers += 1
        self.repeated_messages = 0 if self.has_checkpoint else self.messages
        self.repeated_answers = deque(() if self.has_checkpoint else self.answers)
