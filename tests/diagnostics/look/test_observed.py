"""Rows come back in the order of the batch, and a call that is not what it seemed is refused."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree
from torch.nn.utils.rnn import pack_padded_sequence

import nurt.nn
from nurt.diagnostics import modules_of, record
from nurt.diagnostics.look.observed import observed_call
from nurt.errors import UnavailableError


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_packed_rows_are_those_of_padded_ones(kind: str) -> None:
    layer = getattr(nurt.nn, kind)(2, 4, 2, bidirectional=True, batch_first=True, dtype=torch.float64)
    x, lengths = torch.randn(4, 6, 2, dtype=torch.float64), [2, 6, 1, 4]
    with record(layer) as seen:
        layer(x, lengths=lengths)[0].square().sum().backward()
        layer(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))[
            0
        ].data.square().sum().backward()
    padded, packed = seen.layers[:4], seen.layers[4:]
    for one, other in zip(padded, packed, strict=True):
        assert one.id == other.id
        assert one.lengths.tolist() == other.lengths.tolist() == lengths
        for name in ("inputs", "hidden", "direct", "total"):
            assert_agree(getattr(other, name), getattr(one, name), OUTPUTS[torch.float64], name)
        for name, value in one.gates.items():
            assert_agree(other.gates[name], value, OUTPUTS[torch.float64], name)


def test_another_number_of_recurrences_is_refused() -> None:
    (found,) = modules_of(nurt.nn.GRU(2, 3))
    with pytest.raises(UnavailableError, match="did not run as expected"):
        observed_call(found, [], 0, None)
