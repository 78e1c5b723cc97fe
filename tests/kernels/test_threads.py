"""The number of computing threads is set for a block and put back, also when the block fails."""

from __future__ import annotations

import pytest
import torch

from nurt.kernels.threads import threads


def test_the_number_of_threads_is_put_back_even_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="on purpose"), threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise RuntimeError("on purpose")
    assert torch.get_num_threads() == before
