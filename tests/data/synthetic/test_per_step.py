"""Copying memory: the sequence in both variants, and the loss without memory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nurt.data.synthetic import CopyingMemory, Echo, FlipFlop
from nurt.errors import NurtValueError

TABLE = {20: 0.51986, 50: 0.297063, 100: 0.173287, 200: 0.094520, 500: 0.039989, 1000: 0.020387, 2000: 0.010294}


def test_the_first_row_of_a_seed() -> None:
    examples = CopyingMemory(3).draw(2, 0)
    symbols = [7, 6, 5, 3, 3, 1, 1, 1, 2, 7]
    assert examples.inputs.argmax(axis=2)[0].tolist() == [*symbols, 0, 0, 9, *[0] * 10]
    assert examples.targets[0].tolist() == [*[0] * 13, *symbols]
    assert (examples.inputs.sum(axis=2) == 1.0).all()
    markers = CopyingMemory(3, "markers").draw(2, 0)
    assert markers.inputs.argmax(axis=2)[0].tolist() == [*symbols, 0, 0, *[9] * 11]
    np.testing.assert_array_equal(markers.targets, examples.targets)


@pytest.mark.parametrize("delay", [1, 2, 33])
def test_symbols_come_back_after_the_delay(delay: int) -> None:
    examples = CopyingMemory(delay).draw(500, 1)
    shown = examples.inputs.argmax(axis=2)
    assert shown.shape == (500, delay + 20)
    np.testing.assert_array_equal(examples.targets[:, -10:], shown[:, :10])
    assert set(np.unique(shown[:, :10])) == set(range(1, 9))
    assert (shown == 9).sum() == 500
    assert (shown[:, delay + 9] == 9).all()


@pytest.mark.parametrize(("delay", "expected"), TABLE.items())
def test_the_loss_without_memory(delay: int, expected: float) -> None:
    # As the loss of the answer itself: sure of the blanks, one in eight for each symbol.
    targets = CopyingMemory(delay).draw(3, 0).targets
    probabilities = np.where(targets == 0, 1.0, 1.0 / 8.0)
    assert CopyingMemory(delay).baseline_loss == pytest.approx(-np.log(probabilities).mean(), rel=1e-12)
    assert CopyingMemory(delay).baseline_loss == pytest.approx(expected, abs=1e-6)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NurtValueError, match="no delay"):
        CopyingMemory(0)
    with pytest.raises(NurtValueError, match="unknown ending"):
        CopyingMemory(5, "silence")


def test_the_first_row_of_a_seed_in_an_echo() -> None:
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


def test_sizes_of_an_echo_that_do_not_fit_are_refused() -> None:
    with pytest.raises(NurtValueError, match="too small"):
        Echo(0)
    with pytest.raises(NurtValueError, match="does not divide"):
        Echo(3, 10, 105)


def test_every_bit_holds_the_sign_of_its_last_pulse() -> None:
    examples = FlipFlop(3, 41, 0.2).draw(6, 1)
    for row in range(6):
        for bit in range(3):
            held = np.nan
            for step in range(41):
                pulse = examples.inputs[row, step, bit]
                held = pulse if pulse else held
                assert examples.targets[row, step, bit] == held


def test_pulses_come_at_their_rate_with_both_signs() -> None:
    inputs = FlipFlop(3, 200, 0.1).draw(50, 2).inputs
    assert set(np.unique(inputs)) == {-1.0, 0.0, 1.0}
    assert np.abs(inputs[:, 0]).all()
    later = inputs[:, 1:]
    assert abs(np.abs(later).mean() - 0.1) < 4 * math.sqrt(0.09 / later.size)
    assert abs(later.mean()) < 4 * math.sqrt(0.1 / later.size)


def test_always_answering_zero_costs_one() -> None:
    benchmark = FlipFlop(2, 30, 0.0)
    assert np.mean(benchmark.draw(4, 0).targets ** 2) == benchmark.baseline_loss == 1.0


@pytest.mark.parametrize("wrong", [{"bits": 0}, {"steps": 0}, {"rate": 1.5}, {"rate": math.nan}])
def test_flip_flop_refuses_what_does_not_fit(wrong: dict[str, float]) -> None:
    with pytest.raises(NurtValueError, match="FlipFlop"):
        FlipFlop(**wrong)  # type: ignore[arg-type]
