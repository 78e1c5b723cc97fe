"""The masks of dropout are torch's, and torch's generator moves on as if it had drawn them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import nurt
from nurt.kernels.native import dropout as source
from nurt.kernels.native.call import ENGINE, INSTRUCTION_SETS
from nurt.kernels.native.dropout import draw_masks


@pytest.mark.parametrize("isa", INSTRUCTION_SETS)
@given(
    counts=st.lists(st.integers(0, 2000), min_size=1, max_size=5),
    keep=st.floats(0, 1) | st.sampled_from([0.0, 1.0, 0.5, 2**-53]),
    seed=st.integers(0, 2**63 - 1),
    words=st.integers(0, 700),
)
def test_the_engine_draws_the_bernoulli_mask_of_torch(isa, counts, keep, seed, words):
    theirs = torch.Generator().manual_seed(seed)
    torch.empty(words).uniform_(generator=theirs)  # so that the first draw lies anywhere in a block
    state = theirs.get_state()
    for count in counts:
        mask = torch.full((count,), True)
        ENGINE.draw(isa, state.data_ptr(), keep, mask.data_ptr(), count)
        # Torch's whole numbers come from the twister on every processor, its Bernoulli masks from MKL on some.
        numbers = torch.empty(count, dtype=torch.int64).random_(generator=theirs) & (2**53 - 1)
        assert torch.equal(mask, numbers.double() * 2.0**-53 < keep)
        assert torch.equal(state, theirs.get_state())


def test_what_is_drawn_afterwards_is_what_torch_would_draw():
    inputs = torch.zeros(4, 30, 2)
    torch.manual_seed(5)
    masks, after = draw_masks(inputs, 2, 16, 0.25, None), torch.randn(3)
    torch.manual_seed(5)
    assert torch.equal(masks, torch.empty(2, 30, 4, 16, dtype=torch.bool).bernoulli_(0.75))
    assert torch.equal(after, torch.randn(3))


def test_a_torch_with_another_generator_draws_itself(monkeypatch):
    def never(*_):
        raise AssertionError("the engine was asked")

    monkeypatch.setattr(source, "_torch_draws_alike", lambda: False)
    torch.manual_seed(5)
    expected = torch.empty(2, 30, 4, 16, dtype=torch.bool).bernoulli_(0.75)
    torch.manual_seed(5)
    monkeypatch.setattr(source, "ENGINE", type("Engine", (), {"draw": never}))
    assert torch.equal(draw_masks(torch.zeros(4, 30, 2), 2, 16, 0.25, None), expected)


def test_a_torch_that_draws_otherwise_is_noticed(monkeypatch):
    def other(_isa, _state, _keep, _mask, _count):
        pass  # draws of another generator

    monkeypatch.setattr(source, "ENGINE", type("Engine", (), {"draw": staticmethod(other)}))
    source._torch_draws_alike.cache_clear()
    try:
        assert not source._torch_draws_alike()
    finally:
        source._torch_draws_alike.cache_clear()


@pytest.mark.parametrize(("keep", "state", "mask"), [(1.5, 8, 8), (float("nan"), 8, 8), (0.5, 0, 8), (0.5, 8, 0)])
def test_the_engine_guards_itself(keep, state, mask):
    with pytest.raises(ValueError):
        ENGINE.draw(INSTRUCTION_SETS[0], state, keep, mask, 1)


@pytest.mark.parametrize("rows", [2, 16, 17, 33, 120])
@pytest.mark.parametrize("shape", ["equal", "ties", "falling"])
def test_rows_of_equal_length_are_dropped_as_in_torchs_packed_sequence(rows, shape):
    lengths = {
        "equal": torch.full((rows,), 3),
        "ties": torch.randint(1, 4, (rows,), generator=torch.Generator().manual_seed(rows)),
        "falling": torch.arange(rows, 0, -1),
    }[shape]
    steps = int(lengths.max())
    padded = torch.zeros(rows, steps, 2)
    torch.manual_seed(6)
    masks, after = draw_masks(padded, 1, 3, 0.5, lengths), torch.rand(2)
    torch.manual_seed(6)
    packed = nn.utils.rnn.pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
    drawn = torch.empty(len(packed.data), 3).bernoulli_(0.5)
    expected, _ = nn.utils.rnn.pad_packed_sequence(packed._replace(data=drawn), total_length=steps)
    assert torch.equal(masks[0].float(), expected)
    assert torch.equal(after, torch.rand(2))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_ragged_batch_with_ties_is_that_of_torchs_packed_layer(kind):
    torch.manual_seed(3)
    theirs = getattr(nn, kind)(3, 4, num_layers=3, dropout=0.5, batch_first=True, bidirectional=True).double()
    ours = getattr(nurt.nn, kind)(3, 4, num_layers=3, dropout=0.5, batch_first=True, bidirectional=True).double()
    ours.load_state_dict(theirs.state_dict())
    inputs, lengths = torch.randn(40, 5, 3, dtype=torch.float64), torch.randint(1, 6, (40,))
    packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    torch.manual_seed(4)
    expected, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=5)
    torch.manual_seed(4)
    torch.testing.assert_close(ours(inputs, lengths=lengths)[0], expected)
