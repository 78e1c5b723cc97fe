"""Progress is told step by step and may say stop."""

from __future__ import annotations

from nurt.diagnostics.surface.progress import Counter


def test_only_false_stops() -> None:
    for answer, going in ((None, True), (True, True), (0, True), (False, False)):
        counter = Counter(lambda _done, _total, answer=answer: answer, 3)
        assert counter.count() is going and counter.stopped is not going


def test_nobody_needs_to_listen() -> None:
    counter = Counter(None, 2)
    assert counter.count() and counter.count() and counter.done == 2
