"""Segments: whole at the newest end, joined back as they were cut."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nurt.errors import NurtValueError, ShapeError
from nurt.nn import Segments


@given(batch=st.integers(1, 3), steps=st.integers(1, 13), features=st.integers(1, 3), length=st.integers(1, 6))
def test_what_lies_ahead_is_cut_and_joined_to_itself(batch: int, steps: int, features: int, length: int) -> None:
    segments, sequence = Segments(length), torch.randn(batch, steps, features)
    cut = segments.cut_ahead(sequence)
    assert cut.shape == (batch, segments.count(steps), length * features)
    joined = segments.joined(cut.unflatten(2, (length, features)), steps)
    assert torch.equal(joined, sequence)


@given(steps=st.integers(1, 13), length=st.integers(1, 6))
def test_the_newest_segment_of_the_past_is_whole(steps: int, length: int) -> None:
    sequence = torch.arange(1.0, steps + 1).reshape(1, steps, 1)
    cut = Segments(length).cut_past(sequence)[0]
    newest = sequence[0, -min(steps, length) :, 0]
    assert torch.equal(cut[-1, -len(newest) :], newest)
    flat = cut.flatten()
    missing = len(flat) - steps
    assert (flat[:missing] == 0).all()
    assert torch.equal(flat[missing:], sequence.flatten())


@pytest.mark.parametrize("length", [0, -3, 2.0, True])
def test_an_impossible_length_is_refused(length: object) -> None:
    with pytest.raises(NurtValueError, match="`length`"):
        Segments(length)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="batch of sequences"):
        Segments(3).cut_past(torch.randn(4, 5))
    for wrong in (torch.randn(2, 2), torch.randn(2, 3, 4, 1), torch.randn(2, 1, 3, 1)):
        with pytest.raises(ShapeError, match="no segments"):
            Segments(3).joined(wrong, 7)
