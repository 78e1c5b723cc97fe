"""The adding problem in both definitions: first rows, places of the marks, and the loss of a constant."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nurt.data.synthetic import AddingProblem, AddingProblem1997, Examples, TemporalOrder
from nurt.errors import NurtValueError

COUNT = 100_000


def _places(marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last step with a mark of 1 in every row."""
    on = marks == 1.0
    assert (on.sum(axis=1) == 2).all()
    return on.argmax(axis=1), on.shape[1] - 1 - on[:, ::-1].argmax(axis=1)


def _assert_within_four_standard_errors(sample: np.ndarray, expected: float) -> None:
    assert abs(sample.mean() - expected) < 4.0 * sample.std() / np.sqrt(len(sample))


def test_the_first_rows_of_a_seed() -> None:
    examples = AddingProblem(6).draw(2, 0)
    values = [0.6369616873214543, 0.2697867137638703, 0.04097352393619469, 0.016527635528529094]
    assert examples.inputs[0, :4, 0].tolist() == values
    assert examples.inputs[:, :, 1].tolist() == [[0, 1, 0, 0, 1, 0], [0, 0, 1, 1, 0, 0]]
    assert examples.targets.tolist() == pytest.approx([1.0830569529641427, 1.478697415253191], rel=1e-15)
    assert AddingProblem(6, "any").draw(2, 0).inputs[:, :, 1].tolist() == [[0, 0, 1, 1, 0, 0], [1, 0, 0, 0, 0, 1]]


@pytest.mark.parametrize("steps", [2, 3, 7, 30])
def test_one_mark_in_each_half(steps: int) -> None:
    examples = AddingProblem(steps).draw(2000, 1)
    first, second = _places(examples.inputs[:, :, 1])
    assert set(first) == set(range(steps // 2))
    assert set(second) == set(range(steps // 2, steps))


@pytest.mark.parametrize("steps", [2, 5])
def test_marks_anywhere_take_every_pair_of_places_as_often(steps: int) -> None:
    examples = AddingProblem(steps, "any").draw(COUNT, 1)
    first, second = _places(examples.inputs[:, :, 1])
    pairs = steps * (steps - 1) / 2
    for i in range(steps):
        for j in range(i + 1, steps):
            hits = ((first == i) & (second == j)).mean()
            assert abs(hits - 1 / pairs) <= 4 * np.sqrt((1 / pairs) * (1 - 1 / pairs) / COUNT)


@pytest.mark.parametrize("problem", [AddingProblem(9), AddingProblem(9, "any")], ids=repr)
def test_the_target_is_the_sum_and_its_variance_is_a_sixth(problem: AddingProblem) -> None:
    examples = problem.draw(COUNT, 2)
    values, marks = examples.inputs[:, :, 0], examples.inputs[:, :, 1]
    assert 0.0 <= values.min() < 0.001
    assert 0.999 < values.max() < 1.0
    np.testing.assert_allclose((values * marks).sum(axis=1), examples.targets, rtol=1e-15)
    assert problem.baseline_loss == pytest.approx(1 / 6, rel=1e-15)
    _assert_within_four_standard_errors((examples.targets - 1.0) ** 2, problem.baseline_loss)
    assert problem.baseline_on(examples) == pytest.approx(np.mean((examples.targets - 1.0) ** 2), rel=1e-12)


def test_the_first_rows_of_1997() -> None:
    examples = AddingProblem1997(20).draw(2, 0)
    assert examples.lengths is not None
    assert examples.lengths.tolist() == [22, 21]
    assert np.flatnonzero(examples.inputs[0, :, 1]).tolist() == [0, 2, 3, 21]
    assert examples.inputs[0, [0, 2, 3, 21], 1].tolist() == [-1, 1, 1, -1]
    assert examples.inputs[1, [0, 2, 8, 20], 1].tolist() == [-1, 1, 1, -1]
    assert examples.targets.tolist() == pytest.approx([0.41489893736440076, 0.3862994891204936], rel=1e-14)


def test_places_lengths_and_ranges_of_1997() -> None:
    examples = AddingProblem1997(30).draw(5000, 1)
    assert examples.lengths is not None
    assert set(examples.lengths) == {30, 31, 32, 33}
    first, second = _places(examples.inputs[:, :, 1])
    # The first mark is among ten pairs, the second among the first 14 of the others.
    assert first.max() <= 9
    assert second.max() == 14
    assert -1.0 <= examples.inputs[:, :, 0].min() < -0.99
    assert 0.99 < examples.inputs[:, :, 0].max() < 1.0
    rows = np.arange(5000)
    assert (examples.inputs[rows, examples.lengths - 1, 1] == -1.0).all()
    assert set(examples.inputs[:, 0, 1]) == {-1.0, 1.0}


@pytest.mark.parametrize(("rule", "expected"), [("zero", 0.0395833333333333), ("kept", 1 / 24)])
def test_the_loss_of_a_constant_in_1997(rule: str, expected: float) -> None:
    problem = AddingProblem1997(40, rule)
    examples = problem.draw(COUNT, 2)
    assert problem.baseline_loss == pytest.approx(expected, rel=1e-12)
    _assert_within_four_standard_errors((examples.targets - 0.5) ** 2, problem.baseline_loss)
    assert problem.baseline_on(examples) == pytest.approx(np.mean((examples.targets - 0.5) ** 2), rel=1e-12)
    marked = np.where(examples.inputs[:, :, 1] == 1.0, examples.inputs[:, :, 0], 0.0).sum(axis=1)
    np.testing.assert_allclose(examples.targets, 0.5 + marked / 4.0, rtol=1e-13, atol=1e-15)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NurtValueError, match="two marks do not fit"):
        AddingProblem(1)
    with pytest.raises(NurtValueError, match="unknown marks"):
        AddingProblem(10, "third")
    with pytest.raises(NurtValueError, match="marks have no room"):
        AddingProblem1997(19)
    with pytest.raises(NurtValueError, match="Unknown rule"):
        AddingProblem1997(20, "lost")


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


def test_the_first_rows_of_a_seed_in_temporal_order() -> None:
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


def test_ranges_that_do_not_fit_are_refused() -> None:
    with pytest.raises(NurtValueError, match="no such preset"):
        TemporalOrder.preset("hopeless")
    for length, first, second in [((7, 7), (1, 3), (4, 6)), ((7, 9), (0, 3), (4, 6)), ((7, 9), (1, 5), (4, 6))]:
        with pytest.raises(NurtValueError, match="signals do not fit"):
            TemporalOrder(length, first, second)
    with pytest.raises(NurtValueError, match="signals do not fit"):
        TemporalOrder((7, 9), (1, 3), (4, 7))
    with pytest.raises(NurtValueError, match="unknown ends"):
        TemporalOrder(ends="XY")
