"""Temporal order: first rows, every preset's places and lengths, and chance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nurt.data.synthetic import Examples, TemporalOrder
from nurt.errors import NurtValueError

PLACES = {
    "easy": ((7, 9), (1, 3), (4, 6)),
    "normal": ((30, 41), (2, 6), (20, 28)),
    "moderate": ((60, 81), (10, 21), (45, 55)),
    "hard": ((100, 111), (10, 21), (50, 61)),
    "nightmare": ((300, 501), (10, 81), (250, 291)),
}


def _words(examples: Examples) -> list[str]:
    letters = np.array([*"BabcdXYE"])[examples.inputs.argmax(axis=2)]
    assert examples.lengths is not None
    return ["".join(row[:length]) for row, length in zip(letters, examples.lengths, strict=True)]


def test_the_first_rows_of_a_seed() -> None:
    examples = TemporalOrder().draw(3, 0)
    assert _words(examples) == ["BYaaaYdE", "BcXdXccE", "BbYcXbdE"]
    assert examples.targets.tolist() == [3, 0, 2]


@pytest.mark.parametrize("name", PLACES)
def test_lengths_and_places_of_a_preset(name: str) -> None:
    length, first, second = PLACES[name]
    examples = TemporalOrder.preset(name).draw(1500, 1)
    words = _words(examples)
    assert {len(word) for word in words} <= set(range(*length))
    assert {len(word) for word in words} >= {length[0], length[1] - 1} or name == "nightmare"
    for word, answer in zip(words, examples.targets, strict=True):
        places = [place for place, letter in enumerate(word) if letter in "XY"]
        assert len(places) == 2
        assert places[0] in range(*first)
        assert places[1] in range(*second)
        assert ["XX", "XY", "YX", "YY"][answer] == word[places[0]] + word[places[1]]
        assert (word[0], word[-1]) == ("B", "E")
        assert "B" not in word[1:]
        assert "E" not in word[:-1]
    assert set("".join(words)) == set("BabcdXYE")


def test_classes_come_equally_often_and_chance_is_ln_4() -> None:
    task = TemporalOrder()
    counts = np.bincount(task.draw(40_000, 2).targets)
    assert np.abs(counts / 40_000 - 0.25).max() < 4 * math.sqrt(0.25 * 0.75 / 40_000)
    assert task.baseline_loss == pytest.approx(1.386294361119891, rel=1e-15)
    assert task.baseline_on(task.draw(3)) == task.baseline_loss


def test_the_ends_of_the_paper_are_the_other_way_round() -> None:
    words = _words(TemporalOrder(ends="EB").draw(3, 0))
    assert words == ["EYaaaYdB", "EcXdXccB", "EbYcXbdB"]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NurtValueError, match="no such preset"):
        TemporalOrder.preset("hopeless")
    for length, first, second in [((7, 7), (1, 3), (4, 6)), ((7, 9), (0, 3), (4, 6)), ((7, 9), (1, 5), (4, 6))]:
        with pytest.raises(NurtValueError, match="signals do not fit"):
            TemporalOrder(length, first, second)
    with pytest.raises(NurtValueError, match="signals do not fit"):
        TemporalOrder((7, 9), (1, 3), (4, 7))
    with pytest.raises(NurtValueError, match="unknown ends"):
        TemporalOrder(ends="XY")
