"""The number of computing threads is set for a block and put back, also when the block fails."""

from __future__ import annotations

import pytest
import torch

from nurt.errors import NurtValueError
from nurt.kernels import threads


def test_the_number_of_threads_is_put_back_even_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="on purpose"), threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise RuntimeError("on purpose")
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("count", [0, -1, 1025, 1.0, True, "2", None])
def test_an_impossible_number_of_threads_is_refused(count) -> None:
    before = torch.get_num_threads()
    with pytest.raises(NurtValueError, match="1 to 1024"), threads(count):
        pass
    assert torch.get_num_threads() == before
