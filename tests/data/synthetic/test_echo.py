"""Echo: the bits of d steps ago, and what a chunk links."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nurt.data.synthetic import Echo
from nurt.errors import NurtValueError


def test_the_first_row_of_a_seed() -> None:
    examples = Echo(3, 4, 12).draw(2, 0)
    assert examples.inputs[0, :, 0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1]
    assert examples.targets[0].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("delay", [1, 5, 19, 20, 25])
def test_an_answer_is_the_bit_of_so_many_steps_ago(delay: int) -> None:
    examples = Echo(delay, 10, 20).draw(50, 1)
    for step in range(20):
        expected = examples.inputs[:, step - delay, 0] if step >= delay else np.zeros(50)
        np.testing.assert_array_equal(examples.targets[:, step], expected)


def test_bits_are_fair() -> None:
    bits = Echo().draw(8, 2).inputs
    assert set(np.unique(bits)) == {0.0, 1.0}
    assert abs(bits.mean() - 0.5) < 4 * 0.5 / math.sqrt(bits.size)
    assert Echo().baseline_loss == pytest.approx(0.693147180559945, rel=1e-14)


@pytest.mark.parametrize(("delay", "chunk", "share"), [(3, 10, 0.7), (8, 10, 0.2), (12, 10, 0.0), (5, 5, 0.0)])
def test_the_share_of_answers_whose_bit_is_in_the_chunk(delay: int, chunk: int, share: float) -> None:
    assert Echo(delay, chunk).linked_share == pytest.approx(share)
    counted = np.mean(np.arange(chunk) >= delay)
    assert Echo(delay, chunk).linked_share == pytest.approx(counted)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NurtValueError, match="too small"):
        Echo(0)
    with pytest.raises(NurtValueError, match="does not divide"):
        Echo(3, 10, 105)
