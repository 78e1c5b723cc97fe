"""What the verdict says of the remedies follows from their numbers, in both directions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nurt.experiments import find, run
from nurt.experiments.remedies.outcome import Outcome
from nurt.experiments.remedies.pictures import changed, lag_figure
from nurt.experiments.remedies.study import RemediesResult, RemediesSettings, verdict_of
from nurt.wording import Text


def outcome(case: str, id: str, start: list[float], loss: float) -> Outcome:
    name = Text(f"[{id}]", f"[{id}]")
    return Outcome(case, id, name, np.array(start), np.array(start), np.array([loss]), 0.0, 10)


PLAIN = [outcome("exploding", "plain", [1.0, 10.0, 100.0], 0.16), outcome("vanishing", "plain", [1.0, 0.1, 0.01], 0.16)]


def told(*others: Outcome) -> list[str]:
    """Return the sentences about two cases with these remedies beside the plain network."""
    cases = [(plain, *(one for one in others if one.case == plain.case)) for plain in PLAIN]
    text = verdict_of(tuple(one for case in cases for one in case), 0.2).text.en
    return text.split(". ")


def test_what_leaves_the_product_alone_is_named_and_nothing_else() -> None:
    same = [
        outcome("exploding", "clip", [1.0, 10.0, 100.0], 0.16),
        outcome("vanishing", "clip", [1.0, 0.1, 0.01], 0.16),
    ]
    other = [outcome("exploding", "gates", [1.0, 1.0, 1.0], 0.16), outcome("vanishing", "gates", [1.0, 1.0, 1.0], 0.16)]
    first = told(*same, *other)[0]
    assert "leave the gradient by lag as it is: [clip];" in first and "[gates]" not in first
    assert not any("leave the gradient" in one for one in told(*other))
    half = [same[0], outcome("vanishing", "clip", [1.0, 0.1, 0.02], 0.16)]
    assert not any("leave the gradient" in one for one in told(*half))


@pytest.mark.parametrize(
    ("exploding", "vanishing", "against_exploding", "against_vanishing"),
    [
        ([1.0, 1.0, 9.0], [1.0, 1.0, 0.11], True, True),
        ([1.0, 1.0, 11.0], [1.0, 1.0, 0.09], False, False),
        ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0], True, False),
        ([10.0, 10.0, 90.0], [10.0, 1.0, 1.1], True, True),
    ],
)
def test_a_factor_of_ten_decides_and_is_relative_to_lag_0(
    exploding: list[float], vanishing: list[float], against_exploding: bool, against_vanishing: bool
) -> None:
    pairs = zip(PLAIN, (exploding, vanishing), strict=True)
    found = [changed((plain, outcome(plain.case, "r", curve, 0.16))).en for plain, curve in pairs]
    words = ("the exploding gradient", "the vanishing gradient")
    for sentence, word, helps in zip(found, words, (against_exploding, against_vanishing), strict=True):
        assert word in sentence
        assert ("[r]" in sentence) is helps
        assert ("none of them" in sentence) is not helps


@pytest.mark.parametrize(("loss", "learnt"), [(0.09, True), (0.11, False), (float("nan"), False)])
def test_half_the_loss_of_a_constant_counts_as_learnt(loss: float, learnt: bool) -> None:
    found = told(outcome("exploding", "r", [1.0, 2.0, 3.0], loss), outcome("vanishing", "r", [1.0, 2.0, 3.0], loss))
    for case in ("In the exploding case", "In the vanishing case"):
        sentence = next(one for one in found if one.startswith(case))
        assert ("[r]" in sentence) is learnt
        assert ("with the other 1 it does not" in sentence) is learnt
        assert ("with none of all 2" in sentence) is not learnt


def test_one_seed_is_told_to_be_one() -> None:
    assert any("One seed" in one for one in told())
    several = [dataclasses.replace(one, losses=np.array([0.1, 0.2])) for one in PLAIN]
    assert "worst of 2 seeds" in verdict_of(tuple(several), 0.2).text.en


def test_curves_that_are_the_same_share_a_line() -> None:
    own = [
        PLAIN[0],
        outcome("exploding", "clip", [1.0, 10.0, 100.0], 0.1),
        outcome("exploding", "g", [1.0, 1.0, 1.0], 0.1),
    ]
    figure = lag_figure(own)
    assert [one.name for one in figure.draw("en").data] == ["[plain], [clip]", "[g]"]
    assert "On the thick line too: [clip]." in figure.how_to_read.en
    many = [own[0], *(outcome("exploding", f"clip{at}", [1.0, 10.0, 100.0], 0.1) for at in range(4)), own[2]]
    figure = lag_figure(many)
    assert [one.name for one in figure.draw("pl").data] == ["[plain] i 4 inne", "[g]"]
    assert "On the thick line too: [clip0], [clip1], [clip2], [clip3]." in figure.how_to_read.en
    assert "factor of 10 per step" in figure.how_to_read.en


def test_a_quick_run() -> None:
    settings = dataclasses.replace(find("remedies").settings("quick"), updates=10, remedies=("clip-norm", "gru"))
    result = run("remedies", settings=settings)
    assert isinstance(result, RemediesResult)
    assert [one.id for one in result.of("exploding")] == ["plain", "clip-norm", "gru"]
    exploding, vanishing = (result.of(case)[0] for case in ("exploding", "vanishing"))
    assert exploding.carried > 1.0 > vanishing.carried
    clipped = result.of("exploding")[1]
    np.testing.assert_array_equal(clipped.start, exploding.start)
    assert 0.0 <= clipped.clipped_share <= 1.0 and exploding.clipped_share == 0.0
    assert result.updates == 60
    again = run("remedies", settings=settings)
    assert isinstance(again, RemediesResult)
    assert [one.losses.tolist() for one in again.outcomes] == [one.losses.tolist() for one in result.outcomes]


def test_a_repeat_takes_the_next_seed() -> None:
    settings = RemediesSettings(steps=5, hidden=3, updates=5, repeats=2, remedies=("l2",))
    result = run("remedies", settings=settings)
    assert isinstance(result, RemediesResult)
    assert all(len(one.losses) == 2 and one.losses[0] != one.losses[1] for one in result.outcomes)


@pytest.mark.slow
def test_the_default_tells_gates_from_clipping() -> None:
    result = run("remedies")
    assert isinstance(result, RemediesResult)
    by_id = {one.id: one for one in result.of("vanishing")}
    assert by_id["gru"].worst < 0.5 * result.constant < by_id["clip-value"].worst
    assert by_id["gru"].carried > 10.0 * by_id["plain"].carried
    assert by_id["clip-norm"].carried == pytest.approx(by_id["plain"].carried)
