"""The output of the command line: results to stdout, everything else to stderr. Also how a signal stops a run."""

import contextlib
import json
import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from forecaster import events
from forecaster.addresses import hide_secrets
from forecaster.cli import streams
from forecaster.cli.control_characters import SafeConsole
from forecaster.durations import format_duration
from forecaster.errors import Interrupted
from forecaster.report.words import short_path

if TYPE_CHECKING:
    import pandas as pd

_REFRESHES_PER_SECOND = 4


class Console:
    """The output of one command.

    Workflows report their events to `watch`. During training a signal is raised there, between two steps, so that the
    saved state is complete; at any other time it is raised at once.
    """

    def __init__(self, *, json: bool, quiet: bool, verbose: bool, no_color: bool) -> None:
        plain = no_color or "NO_COLOR" in os.environ
        self._out = SafeConsole(no_color=plain, highlight=False, emoji=False, markup=False)
        self._err = _Stderr(stderr=True, no_color=plain, highlight=False, emoji=False, markup=False, soft_wrap=True)
        self.is_json, self._is_quiet, self._is_verbose = json, quiet, verbose
        self._is_animated = not plain and not quiet and self._err.is_terminal and not self._err.is_dumb_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            _TimeRemaining(),
            console=self._err,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
            disable=not self._is_animated,
        )
        self._tasks: dict[str, TaskID] = {}
        self._is_training = False
        self._signal: int | None = None

    @property
    def is_terminal(self) -> bool:
        """True if a person sees the result in a terminal, where charts are useful."""
        return self._out.is_terminal and not self._out.is_dumb_terminal

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Show progress and turn SIGINT and SIGTERM into `Interrupted` within the block."""
        before = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with self._progress:
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def watch(self, event: events.Event) -> None:
        """Show an event, then raise a signal that has arrived in the meantime."""
        match event:
            case events.DataRead():
                self.note(f"{short_path(event.source)}: {event.roles}")
            case events.Note():
                self.note(event.text)
            case events.TrainingStarted():
                self._is_training = True
                self._start_bar("training", event.stage, event.steps, event.done)
            case events.TrainingStep():
                self._show_step(event)
            case events.TrainingEnded():
                self._is_training = False
                self.detail(f"{event.stage}: {event.steps} steps in {event.seconds:.1f} s, best at {event.best_step}")
            case events.FoldsForecast():
                self._show_folds(event)
            case events.TrialStarted():
                self._show_trial_start(event)
            case events.TrialEnded():
                self._show_trial_end(event)
            case events.ModelCompared():
                self._show_model(event)
            case events.BundleWritten() | events.CheckpointWritten():
                self.detail(f"wrote {event.path}")
            case events.ForecastsWritten():
                self.note(f"wrote {short_path(event.path, None)}: {event.steps:,} rows, {event.series:,} series")
        if self._signal is not None:
            raise Interrupted(self._signal)

    def note(self, text: str) -> None:
        """Write a note to stderr."""
        if not self._is_quiet:
            self._err.print(hide_secrets(text))

    def error(self, text: str) -> None:
        """Write an error to stderr, even with --quiet."""
        self._err.print(hide_secrets(text))

    def detail(self, text: str) -> None:
        """Write a note that only --verbose shows."""
        if self._is_verbose:
            self._err.print(hide_secrets(text))

    def show(self, document: Mapping[str, object], view: RenderableType) -> None:
        """Write the result to stdout: the document with --json, otherwise the view."""
        with streams.until_closed():
            if self.is_json:
                streams.write_json(document)
            else:
                with self._out.capture() as text:
                    self._out.print(view)
                streams.write_view(text.get())

    def json_line(self, text: str) -> None:
        """Write one JSON document of the result to stdout, and flush it."""
        with streams.until_closed():
            streams.write_json(text)

    def show_text(self, document: Mapping[str, object], text: str) -> None:
        """Write the result to stdout: the document with --json, otherwise the text, which programs get unchanged."""
        with streams.until_closed(is_needed=True):
            if self.is_json:
                streams.write_json(document)
            else:
                streams.write_text(text)

    def show_table(self, document: Mapping[str, object], frames: "Iterable[pd.DataFrame]") -> None:
        """Write frames to stdout: one after the other as CSV, or with --json as `forecasts` within the document."""
        from forecaster.store.csv import format_csv

        with streams.until_closed(is_needed=True):
            if self.is_json:
                texts = (frame.to_json(orient="records", double_precision=15) for frame in frames)
                records = [record for text in texts for record in json.loads(text)]
                streams.write_json({**document, "forecasts": records})
            else:
                for text in format_csv(frames):
                    streams.write_text(text.decode())

    def _start_bar(self, kind: str, title: str, total: int | None, done: int) -> None:
        """Start a progress bar that replaces the previous one of its kind."""
        if kind in self._tasks:
            self._progress.remove_task(self._tasks[kind])
        self._tasks[kind] = self._progress.add_task(title, total=total, completed=done, note="")

    def _show_step(self, event: events.TrainingStep) -> None:
        if "training" in self._tasks:
            loss = event.train_loss if event.validation_loss is None else event.validation_loss
            self._progress.update(self._tasks["training"], completed=event.step, note=f"loss {loss:.4f}")
        if event.validation_loss is not None:
            self.detail(f"step {event.step}: loss {event.train_loss:.4f}, validation {event.validation_loss:.4f}")

    def _show_folds(self, event: events.FoldsForecast) -> None:
        if "folds" not in self._tasks or event.done == 0:
            self._start_bar("folds", "folds", event.folds, event.done)
        if event.seconds_left is None:
            return
        left = f"about {format_duration(event.seconds_left)} left" if event.seconds_left else ""
        self._progress.update(self._tasks["folds"], completed=event.done, note=left, is_timed=True)
        self.detail(f"fold {event.done} of {event.folds} forecast" + (f", {left}" if left else ""))

    def _show_trial_start(self, event: events.TrialStarted) -> None:
        if "trials" not in self._tasks:
            self._start_bar("trials", "trials", event.trials, event.number - 1)

    def _show_trial_end(self, event: events.TrialEnded) -> None:
        self._is_training = False  # A pruned trial sends no TrainingEnded.
        best = "" if event.best is None else f"best {event.best:.4f}"
        left = "" if not event.seconds_left else f", about {format_duration(event.seconds_left)} left"
        self._progress.update(self._tasks["trials"], completed=event.done, note=best + left, is_timed=True)
        loss = event.state if event.loss is None else f"loss {event.loss:.4f}"
        self.detail(f"trial {event.number}: {loss}; {best} in trial {event.best_number}{left}")

    def _show_model(self, event: events.ModelCompared) -> None:
        for kind in ("training", "folds"):  # The bars of the previous model.
            if kind in self._tasks:
                self._progress.remove_task(self._tasks.pop(kind))
        self._start_bar("models", event.model, event.models, event.done)
        self.detail(f"{event.model}: model {event.done + 1} of {event.models}")

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None:  # The run is stopping already, and its state must be saved completely.
            return
        self._signal = number
        if not self._is_training:
            raise Interrupted(number)


class _TimeRemaining(TimeRemainingColumn):
    """The remaining time, estimated from the pace of steps; empty for tasks that estimate it themselves."""

    def render(self, task: Task) -> Text:
        return Text() if task.fields.get("is_timed") else super().render(task)


class _Stderr(SafeConsole):
    """A console for stderr that ignores a closed pipe, where rich would end the process with an error."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        streams.discard_stderr()
