"""Where the command line writes: results to stdout, everything else to stderr; and how a signal stops a run."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from forecaster import events
from forecaster.errors import Interrupted, OutputError

if TYPE_CHECKING:
    import pandas as pd

_REFRESHES_PER_SECOND = 4


class Console:
    """Show one command's work and result.

    `watch` is what workflows announce their events to. A signal is raised there, between two training steps, so that
    the state that gets saved is whole; outside of training it is raised at once.
    """

    def __init__(self, *, json: bool, quiet: bool, verbose: bool, no_color: bool) -> None:
        plain = no_color or "NO_COLOR" in os.environ
        self._out = RichConsole(no_color=plain, highlight=False, emoji=False, markup=False)
        self._err = _Stderr(stderr=True, no_color=plain, highlight=False, emoji=False, markup=False, soft_wrap=True)
        self.is_json, self._is_quiet, self._is_verbose = json, quiet, verbose
        self._is_animated = not plain and not quiet and self._err.is_terminal and not self._err.is_dumb_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TimeRemainingColumn(),
            console=self._err,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
            disable=not self._is_animated,
        )
        self._is_training = False
        self._signal: int | None = None

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Draw progress, and turn SIGINT and SIGTERM into `Interrupted`, within the block."""
        before = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with self._progress:
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def watch(self, event: events.Event) -> None:
        """Show an event, then let a signal that came meanwhile take effect."""
        match event:
            case events.DataRead():
                self.tell(f"{event.source}: {event.roles}")
            case events.Note():
                self.tell(event.text)
            case events.TrainingStarted():
                self._is_training = True
                for task in self._progress.task_ids:
                    self._progress.remove_task(task)
                self._progress.add_task(event.stage, total=event.steps, completed=event.done, loss="")
            case events.TrainingStep():
                self._show_step(event)
            case events.TrainingEnded():
                self._is_training = False
                self.detail(f"{event.stage}: {event.steps} steps in {event.seconds:.1f} s, best at {event.best_step}")
            case events.BundleWritten() | events.CheckpointWritten():
                self.detail(f"wrote {event.path}")
            case events.ForecastsWritten():
                self.tell(f"wrote {event.path}: {event.steps} rows, {event.series} series")
        if self._signal is not None:
            raise Interrupted(self._signal)

    def tell(self, text: str) -> None:
        """Write a note for people to stderr."""
        if not self._is_quiet:
            self._err.print(text)

    def detail(self, text: str) -> None:
        """Write a note that only --verbose shows."""
        if self._is_verbose:
            self._err.print(text)

    def show(self, document: Mapping[str, object], view: RenderableType) -> None:
        """Write the result to stdout: the document with --json, else the view."""
        with _until_closed():
            if self.is_json:
                sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
            else:
                with self._out.capture() as text:
                    self._out.print(view)
                sys.stdout.write(text.get())

    def show_text(self, document: Mapping[str, object], text: str) -> None:
        """Write the result to stdout: the document with --json, else the text as it is."""
        with _until_closed():
            sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n" if self.is_json else text)

    def show_table(self, document: Mapping[str, object], frame: "pd.DataFrame") -> None:
        """Write a frame to stdout: as CSV, or with --json as the document, its records as `forecasts`."""
        with _until_closed():
            if self.is_json:
                records = json.loads(frame.to_json(orient="records", double_precision=15))
                sys.stdout.write(json.dumps({**document, "forecasts": records}, ensure_ascii=False) + "\n")
            else:
                frame.to_csv(sys.stdout, index=False, lineterminator="\n")

    def _show_step(self, event: events.TrainingStep) -> None:
        if self._progress.task_ids:
            loss = event.train_loss if event.validation_loss is None else event.validation_loss
            self._progress.update(self._progress.task_ids[-1], completed=event.step, loss=f"{loss:.4f}")
        if event.validation_loss is not None:
            self.detail(f"step {event.step}: loss {event.train_loss:.4f}, validation {event.validation_loss:.4f}")

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None:  # it is stopping; its state must be saved whole
            return
        self._signal = number
        if not self._is_training:
            raise Interrupted(number)


class _Stderr(RichConsole):
    """Notes whose reader may leave early; rich would end the process with a failure."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        _discard(sys.stderr)


@contextlib.contextmanager
def _until_closed() -> Iterator[None]:
    """Write to stdout until its reader closes the pipe, which is no failure: it has what it wanted."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
    except OSError as error:
        _discard(sys.stdout)
        raise OutputError(
            f"standard output: cannot write: {error.strerror}", hint="free some space, or name a file with --out"
        ) from error


def _discard(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
