"""Progress of a command: a bar after the first second on a terminal, a line every 15 seconds elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from nurt.cli import console

if TYPE_CHECKING:
    from nurt.training.events import Event

__all__ = ["ENGLISH", "POLISH", "Progress", "Words"]

SHOWN_AFTER_SECONDS = 1.0
LINE_EVERY_SECONDS = 15.0


@dataclass(frozen=True)
class Words:
    """Words of the progress display in one language.

    Args:
        opening: what is being done at first.
        left: how long it may still take, with ``{time}``.
    """

    opening: str
    left: str


ENGLISH = Words("reading", "up to {time} left")
POLISH = Words("przygotowanie", "pozostało najwyżej {time}")


class Progress:
    """Listens to training and shows where it is, on standard error.

    Args:
        trainings: how many trainings will follow each other, for "2 of 5".
        words: in which language.
    """

    def __init__(self, trainings: int = 1, words: Words = ENGLISH) -> None:
        self._words = words
        self.training_began = False
        self._trainings = trainings
        self._training = 0
        self._bar: console.Bar | None = None
        self._timer: threading.Timer | None = None
        self._next_line = time.monotonic() + LINE_EVERY_SECONDS
        self._clock = _Clock(0, 1)
        self._epochs = 0
        self._steps = 1
        self._loss: float | None = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            self._bar = console.Bar(self._words.opening)
            self._timer = threading.Timer(SHOWN_AFTER_SECONDS, self._bar.show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            # The bar may be about to be drawn: closing before that would leave it on the screen.
            self._timer.join()
        if self._bar is not None:
            self._bar.close()

    def phase(self, doing: str) -> None:
        """Show the current phase, whose duration is not known."""
        if self._bar is not None:
            self._bar.update(doing)

    def advance(self, doing: str, done: int, total: int) -> None:
        """Show the current phase, and how many of its steps of about the same size are done."""
        if total != self._clock.total:
            self._clock = _Clock(done, total)
        self._tell(doing, done)

    def __call__(self, event: Event) -> None:
        """Take in an event of the training."""
        # Whoever sends events has paid for this import.
        from nurt.training import events

        match event:
            case events.TrainingStarted():
                self._start(event.epochs, event.first_epoch, event.steps_per_epoch)
                for sentence in event.notes:
                    self._say(sentence)
            case events.StepEnded():
                self._show(event.epoch, (event.epoch - 1) * self._steps + event.step)
            case events.EpochEnded():
                self._loss = event.monitored
                self._show(event.epoch, event.epoch * self._steps)
            case events.CheckpointFailed():
                self._say(event.message)
            case events.NothingToResume():
                self._say(f"There is no checkpoint in {event.folder}: the training starts anew.")
            case events.TrainingEnded():
                self.phase("judging")

    def _start(self, epochs: int, first_epoch: int, steps_per_epoch: int) -> None:
        self.training_began = True
        self._training += 1
        self._epochs, self._steps, self._loss = epochs, steps_per_epoch, None
        self._clock = _Clock((first_epoch - 1) * steps_per_epoch, epochs * steps_per_epoch)

    def _show(self, epoch: int, done: int) -> None:
        which = f" {self._training} of {self._trainings}" if self._trainings > 1 else ""
        doing = f"training{which}: epoch {epoch} of {self._epochs}"
        if self._loss is not None:
            doing += f", loss {self._loss:.4g}"
        self._tell(doing, done)

    def _tell(self, doing: str, done: int) -> None:
        time_left = self._clock.left(done)
        left = self._words.left.format(time=time_left) if time_left else ""
        if self._bar is not None:
            self._bar.update(doing, done=done, total=self._clock.total, left=left)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_EVERY_SECONDS
            console.note(f"{doing}, {left}" if left else doing)

    def _say(self, sentence: str) -> None:
        if self._bar is not None:
            self._bar.say(sentence)
        else:
            console.note(sentence)


class _Clock:
    """Estimates the time left from the pace of this run of the program.

    Args:
        start: steps done before it.
        total: steps there are at most.
    """

    def __init__(self, start: int, total: int) -> None:
        self.total = total
        self._start = start
        self._began = time.monotonic()

    def left(self, done: int) -> str:
        """Return the time left in words, an upper bound, as training may stop earlier; empty while it is not known."""
        here = done - self._start
        if here <= 0:
            return ""
        seconds = (time.monotonic() - self._began) / here * max(0, self.total - done)
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"
