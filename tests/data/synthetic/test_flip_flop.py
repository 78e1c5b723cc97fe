"""The flip-flop: pulses at their rate, and targets that hold the last one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nurt.data.synthetic import FlipFlop
from nurt.errors import NurtValueError


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
def test_what_does_not_fit_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(NurtValueError, match="FlipFlop"):
        FlipFlop(**wrong)  # type: ignore[arg-type]
