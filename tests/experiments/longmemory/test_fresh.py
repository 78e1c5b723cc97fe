"""One training on fresh batches: determined by its seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nurt.experiments.longmemory.fresh import train_cell
from nurt.experiments.longmemory.network import CELLS


def ignore(share: float) -> None:
    del share


@pytest.mark.parametrize("cell", CELLS)
def test_a_seed_gives_the_same_run_whatever_was_drawn_before(cell: str, tiny):
    first = train_cell(tiny(), cell, 5, ignore)
    torch.rand(3)
    again = train_cell(tiny(), cell, 5, ignore)
    other = train_cell(tiny(), cell, 6, ignore)
    np.testing.assert_array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)
    assert first.at.tolist() == [0, 2, 4, 6, 7]
    assert first.value == first.values[-1]
