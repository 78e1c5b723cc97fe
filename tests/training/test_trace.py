from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.training.trace import Trace, TraceBook

UPDATES = st.lists(st.tuples(st.floats(0.0, 1e9), st.floats(0.0, 1.0), st.booleans()), max_size=70)


def written(updates, points=8):
    book = TraceBook(points)
    for norm, coefficient, clipped in updates:
        book.note(norm, coefficient, clipped=clipped)
    return book.trace()


def test_few_updates_are_kept_one_by_one():
    trace = written([(5.0, 0.2, True), (0.5, 1.0, False)])
    assert trace == Trace(1, (1, 1), (5.0, 0.5), (5.0, 0.5), (0.2, 1.0), (1.0, 0.0))


def test_neighbours_are_joined_when_the_points_are_used_up():
    trace = written([(float(number), 0.5, number % 4 == 0) for number in range(19)])
    assert trace.width == 4
    assert trace.steps == (4, 4, 4, 4, 3)
    assert trace.largest == (3.0, 7.0, 11.0, 15.0, 18.0)
    assert trace.norms == (1.5, 5.5, 9.5, 13.5, 17.0)
    assert trace.clipped == (0.25, 0.25, 0.25, 0.25, 1 / 3)


@given(UPDATES)
def test_no_update_is_lost_whatever_the_number(updates):
    trace = written(updates)
    assert len(trace.steps) <= 8
    assert all(steps == trace.width for steps in trace.steps[:-1])
    assert sum(trace.steps) == len(updates)
    total = sum(mean * steps for mean, steps in zip(trace.norms, trace.steps, strict=True))
    assert total == pytest.approx(sum(update[0] for update in updates))
    assert max(trace.largest, default=0.0) == max((update[0] for update in updates), default=0.0)
