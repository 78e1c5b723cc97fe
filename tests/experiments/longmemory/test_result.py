"""What the figure of clipped updates says about gates is what its bars show."""

from __future__ import annotations

import pytest

from nurt.experiments.longmemory.judging import CellVerdict
from nurt.experiments.longmemory.result import gates_and_clipping


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ({"RNN": 0.4, "IRNN": 0.8, "LSTM": 0.03, "GRU": 0.02}, "less often, at most 3 %"),
        ({"RNN": 0.039, "LSTM": 0.054, "GRU": 0.011}, "no clear difference"),
        ({"RNN": 0.01, "LSTM": 0.5, "GRU": 0.2}, "more often, at least 20 %"),
        ({"RNN": 0.0, "LSTM": 0.0}, "No update was clipped."),
        ({"LSTM": 0.2, "GRU": 0.1}, "depends on the threshold"),
        ({"RNN": 0.2}, "depends on the threshold"),
        ({"RNN": 0.2, "GRU": 0.2}, "no clear difference"),
    ],
)
def test_gates_are_praised_only_where_their_share_is_lower(shares: dict[str, float], told: str) -> None:
    cells = tuple(CellVerdict(cell, 0.1, 0.1, 0.1, 3, True, share) for cell, share in shares.items())
    found = gates_and_clipping(cells)
    assert told in found.en
    assert sum(word in found.en for word in ("less often", "more often", "no clear", "No update", "depends")) == 1
