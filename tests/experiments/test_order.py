"""A feed-forward network is blind to a fixed order and to longer input; the sentences follow the errors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nurt.experiments import find, run
from nurt.experiments.order import OrderResult, Trained, first_sign, verdict_of


def test_the_first_sign() -> None:
    rows = np.array([[0, 0, -1, 1], [1, -1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]])
    assert first_sign(rows).tolist() == [-1, 1, 0, 1]


def test_the_feed_forward_network_in_another_order_is_the_same_network() -> None:
    settings = dataclasses.replace(find("order").settings("quick"), updates=60)
    result = run("order", settings=settings)
    assert isinstance(result, OrderResult)
    straight, shuffled, recurrent, twisted = result.networks
    assert shuffled.losses[0] == pytest.approx(straight.losses[0], rel=1e-3)
    assert np.isnan(straight.losses[1]) and np.isnan(shuffled.losses[1])
    assert np.isfinite(recurrent.losses).all() and np.isfinite(twisted.losses).all()
    assert recurrent.losses[0] != twisted.losses[0]
    assert result.updates == 240
    assert "is all the same" in result.verdict.text.en
    assert "steps the feed-forward network cannot read" in result.verdict.text.en


def networks(forward: tuple[float, float], recurrent: tuple[float, float], longer: float) -> tuple[Trained, ...]:
    nan = float("nan")
    return (
        Trained("feed-forward", False, np.array([forward[0], nan]), 9),
        Trained("feed-forward", True, np.array([forward[1], nan]), 9),
        Trained("recurrent", False, np.array([recurrent[0], longer]), 9),
        Trained("recurrent", True, np.array([recurrent[1], longer]), 9),
    )


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ((0.1, 0.1), "is all the same"),
        ((0.1, 0.12), "is all the same"),
        ((0.1, 0.13), "needs the order"),
        ((0.1, 0.05), "does better with the shuffled steps"),
    ],
)
def test_shuffling_is_told_by_the_ratio_of_errors(pair: tuple[float, float], told: str) -> None:
    sentences = verdict_of(networks((0.1, 0.1), pair, 0.1), np.ones(2), [5, 10]).text.en.split(". ")
    assert told in sentences[1]
    assert sum(word in sentences[1] for word in ("all the same", "needs the order", "does better")) == 1


@pytest.mark.parametrize(("longer", "useful"), [(0.49, True), (0.51, False)])
def test_longer_input_is_of_use_below_half_the_error_of_a_constant(longer: float, useful: bool) -> None:
    text = verdict_of(networks((0.1, 0.1), (0.1, 0.2), longer), np.ones(2), [5, 10]).text.en
    assert ("up to 10 steps its error is below half" in text) is useful
    assert ("no longer below half" in text) is not useful


def test_one_length_is_told_to_be_the_only_one() -> None:
    short = tuple(dataclasses.replace(one, losses=one.losses[:1]) for one in networks((0.1, 0.1), (0.1, 0.2), 0.1))
    assert "No longer input was tested." in verdict_of(short, np.ones(1), [5]).text.en


@pytest.mark.slow
def test_the_default() -> None:
    result = run("order")
    assert isinstance(result, OrderResult)
    assert result.networks[2].losses.max() < 0.2
    assert result.networks[3].losses[0] > 1.5 * result.networks[2].losses[0]
