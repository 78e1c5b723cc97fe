"""Parity by gradient descent: short sequences are learnt in seconds, and the rule holds beyond their length."""

from __future__ import annotations

import pytest

from nurt.experiments.parity_training import train_parity


@pytest.mark.parametrize("way", ["last", "prefix", "curriculum"])
def test_three_bits_are_learnt_by_every_way(way: str) -> None:
    told: list[float] = []
    one = train_parity(way, 0, 3, 16, 500, 0.02, told.append)
    assert one.tested == (3, 6, 30)
    assert one.accuracies[0] > 0.99
    assert (one.updates, told) == (500, [update / 500 for update in range(1, 501)])


def test_an_interruption_goes_through() -> None:
    def interrupt(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_parity("last", 0, 3, 4, 5, 0.005, interrupt)
