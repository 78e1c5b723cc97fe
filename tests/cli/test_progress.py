from __future__ import annotations

import io
import sys

import pytest

from nurt.cli import progress
from nurt.cli.progress import Progress
from nurt.training.events import CheckpointFailed, EpochEnded, StepEnded, TrainingEnded, TrainingRecord, TrainingStarted


class Clock:
    """A clock that stands until told."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock.monotonic)
    return clock


def epoch(number: int, loss: float = 0.25) -> EpochEnded:
    return EpochEnded(number, 0.5, loss, 1e-3, 1.0, 0.0, 1.0, is_best=True)


def test_a_quick_run_prints_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as listener:
        listener.phase("reading")
        listener(TrainingStarted(10, 1, 64, 2))
        listener(StepEnded(1, 1, 2, 0.5))
        listener(epoch(1))
        listener(TrainingEnded(TrainingRecord(1, 1.0, "epochs", 1, ())))
    assert capsys.readouterr() == ("", "")


def test_a_long_run_without_a_terminal_prints_a_line_now_and_then(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress() as listener:
        listener(TrainingStarted(10, 1, 64, 2))
        for number in range(1, 5):
            clock.now += 10.0
            listener(epoch(number, 1 / number))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "training: epoch 2 of 10, loss 0.5, up to 1:20 min left",
        "training: epoch 4 of 10, loss 0.25, up to 1:00 min left",
    ]


def test_the_words_are_those_of_the_language(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(words=progress.POLISH) as listener:
        for done in range(3):
            listener.advance("RNN, ziarno 0", done, 10)
            clock.now += 10.0
    assert capsys.readouterr().err == "RNN, ziarno 0, pozostało najwyżej 1:20 min\n"


def test_time_left_counts_from_where_the_run_was_resumed(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(5) as listener:
        listener(TrainingStarted(100, 91, 64, 4))
        clock.now += 20.0
        listener(StepEnded(91, 4, 4, 0.5))
    assert capsys.readouterr().err == "training 1 of 5: epoch 91 of 100, up to 3:00 min left\n"


def test_steps_of_known_number_tell_the_time_left(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.advance("padded: lstm", 0, 40)
        clock.now += 20.0
        progress.advance("padded: gru", 10, 40)
    assert capsys.readouterr().err == "padded: gru, up to 1:00 min left\n"


def test_nothing_is_foretold_before_the_first_step(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as listener:
        listener(TrainingStarted(10, 1, 64, 2))
        clock.now += 60.0
        listener(epoch(0))
    assert capsys.readouterr().err == "training: epoch 0 of 10, loss 0.25\n"


def test_remarks_and_failed_checkpoints_are_told_at_once(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as listener:
        assert not listener.training_began
        listener(TrainingStarted(10, 1, 64, 2, ("Another number of threads.",)))
        assert listener.training_began
        listener(CheckpointFailed("The checkpoint could not be written."))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "Another number of threads.\nThe checkpoint could not be written.\n"


class Screen(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_appears_after_a_moment_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "SHOWN_AFTER_SECONDS", 0.0)
    with Progress() as listener:
        assert listener._timer is not None
        listener._timer.join()
        listener(TrainingStarted(10, 1, 64, 2, ("A remark.",)))
        listener(epoch(5))
        assert listener._bar is not None
        listener._bar._progress.refresh()
    written = screen.getvalue()
    assert "epoch 5 of 10" in written
    assert "A remark." in written
    # The last thing a transient bar does is to erase its line.
    assert "\x1b[2K" in written[written.rindex("epoch 5 of 10") :]


def test_on_a_terminal_a_quick_run_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress() as listener:
        listener.phase("reading")
    assert screen.getvalue().strip("\x1b[?25h\n") == ""
