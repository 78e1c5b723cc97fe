"""The sentences about the exchange rate follow the numbers of their figures."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.experiments.forecasts.rates import horizon_figure, reach


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (np.ones(60), "in layer 1 over the whole window"),
        (0.5 ** np.arange(59, -1, -1), "in layer 1 up to 6 steps back"),
        (np.array([0.0, 0.0, 1.0]), "in layer 1 up to 0 steps back"),
        (np.array([1.0, 1e-3, 1e-3]), "in layer 1 over the whole window"),
        (np.zeros(3), "in layer 1 there is none"),
    ],
)
def test_the_reach_of_the_state_is_counted_from_the_last_step(row: np.ndarray, told: str) -> None:
    assert told in reach(row[None]).en


def test_each_layer_is_told_alone() -> None:
    told = reach(np.stack([np.ones(10), 0.1 ** np.arange(9.0, -1.0, -1.0)])).en
    assert "in layer 1 over the whole window, in layer 2 up to 2 steps back" in told


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ([2.0, 3.0], "N is below it at no horizon."),
        ([0.5, 3.0], "N is below it at 1 of 2 horizons."),
        ([0.5, 1.0], "N is below it at every horizon."),
        ([1.0, 2.0], "N is below it at no horizon."),
    ],
)
def test_the_caption_counts_the_horizons_at_which_the_network_is_better(own: list[float], told: str) -> None:
    assert horizon_figure([1, 2], own, [1.0, 2.0], "N").how_to_read.en.endswith(told)
