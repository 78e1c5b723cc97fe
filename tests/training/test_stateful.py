"""Long series read piece by piece: which steps a loss sees, what is carried, what the gradient reaches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch import nn

from nurt.errors import NurtTypeError, ShapeError
from nurt.nn import LSTM, Checkpointed, GRUCell, LSTMCell, Recurrent, Stack, Truncated, unroll
from nurt.training import StatefulLoss
from nurt.training.stateful import detached

FLOAT64 = torch.float64


def problem(steps=11, batch=2):
    torch.manual_seed(7)
    layer = Recurrent(GRUCell(1, 3)).double()
    inputs = torch.randn(batch, steps, 1, dtype=FLOAT64)
    return layer, inputs, torch.randn(batch, steps, 3, dtype=FLOAT64)


def summed(outputs, targets):
    return (outputs - targets).square().sum()


@settings(deadline=None, max_examples=25)
@given(steps=st.integers(1, 14), stride=st.integers(1, 4), windows=st.integers(1, 3))
def test_with_weights_that_stand_still_the_losses_and_gradients_add_up_to_those_of_one_truncated_call(
    steps, stride, windows
):
    layer, inputs, targets = problem(steps)
    method, weights = Truncated(stride * windows, stride), list(layer.parameters())
    next_loss = StatefulLoss(layer, inputs, targets, summed, method)
    losses = [next_loss() for _ in range(next_loss.updates_per_pass)]
    assert next_loss.position == 0
    whole = summed(layer(inputs, gradient=method)[0], targets)
    assert_agree(torch.stack(losses).sum(), whole, OUTPUTS[FLOAT64], "loss")
    found, expected = (torch.autograd.grad(loss, weights) for loss in (sum(losses), whole))
    for mine, wanted in zip(found, expected, strict=True):
        assert_agree(mine, wanted, GRADIENTS[FLOAT64], "gradient")


def test_the_state_is_carried_on_with_the_weights_that_made_it_and_chunks_follow_each_other():
    layer, inputs, targets = problem(10)
    twin = Recurrent(GRUCell(1, 3)).double()
    twin.load_state_dict(layer.state_dict())
    next_loss = StatefulLoss(layer, inputs, targets, summed, Truncated(4))
    mine, theirs = (torch.optim.SGD(one.parameters(), lr=0.01) for one in (layer, twin))
    state = None
    for first in (0, 4, 8):
        assert next_loss.position == first
        mine.zero_grad()
        next_loss().backward()
        mine.step()
        theirs.zero_grad()
        outputs, state = twin(inputs[:, first : first + 4], state)
        state = type(state)(*(field.detach() for field in state))
        summed(outputs, targets[:, first : first + 4]).backward()
        theirs.step()
    for one, other in zip(layer.parameters(), twin.parameters(), strict=True):
        assert_agree(one, other, GRADIENTS[FLOAT64], "weights")


def test_after_the_last_step_the_series_begin_again_from_the_initial_state():
    layer, inputs, targets = problem(5)
    next_loss = StatefulLoss(layer, inputs, targets, summed, Truncated(3))
    first, _, again = (next_loss().item() for _ in range(3))
    assert first == again
    next_loss()
    next_loss()
    next_loss.rewind()
    assert next_loss().item() == first


def test_memory_mapped_series_are_read_a_window_at_a_time(tmp_path):
    layer, inputs, targets = problem(9)
    np.save(tmp_path / "inputs.npy", inputs.numpy())
    mapped = np.load(tmp_path / "inputs.npy", mmap_mode="r")
    read = []

    class Watched(nn.Module):
        def forward(self, given, state):
            read.append(given.shape[1])
            return layer(given, state)

    losses = [StatefulLoss(Watched(), series, targets, summed, Truncated(4, 2))().item() for series in (mapped, inputs)]
    assert losses[0] == losses[1]
    assert max(read) <= 4


@pytest.mark.parametrize(
    "layer",
    [LSTM(1, 3, num_layers=2, batch_first=True), Stack([Recurrent(LSTMCell(1, 3)), Recurrent(GRUCell(3, 3))])],
    ids=["drop-in", "stack"],
)
def test_states_of_every_layout_are_carried(layer):
    _, inputs, targets = problem(8)
    inputs, targets = inputs.float(), targets.float()
    next_loss = StatefulLoss(layer, inputs, targets, summed, Truncated(2))
    losses = torch.stack([next_loss() for _ in range(4)])
    assert_agree(losses.sum(), summed(layer(inputs)[0], targets), OUTPUTS[torch.float32], "loss")


def test_a_network_learns_an_echo_that_its_windows_link_and_not_one_they_do_not():
    generator = torch.Generator().manual_seed(0)
    bits = torch.randint(0, 2, (16, 1200), generator=generator).float()
    shares = {}
    for delay in (2, 6):
        torch.manual_seed(1)
        cell, readout = GRUCell(1, 16), nn.Linear(16, 1)

        def model(inputs, state, cell=cell, readout=readout):
            outputs, state = unroll(cell, inputs, state)
            return readout(outputs).squeeze(2), state

        late = torch.zeros_like(bits)
        late[:, delay:] = bits[:, :-delay]
        right = []

        def loss(odds, wanted, right=right):
            right.append(float(((odds > 0) == (wanted > 0.5)).float().mean()))
            return nn.functional.binary_cross_entropy_with_logits(odds, wanted)

        next_loss = StatefulLoss(model, bits.unsqueeze(2), late, loss, Truncated(4))
        optimizer = torch.optim.Adam([*cell.parameters(), *readout.parameters()], lr=0.01)
        for _ in range(next_loss.updates_per_pass):
            optimizer.zero_grad()
            next_loss().backward()
            optimizer.step()
        shares[delay] = sum(right[-30:]) / 30
    assert shares[2] > 0.95
    assert shares[6] < 0.65


def test_what_does_not_fit_is_refused():
    layer, inputs, targets = problem(5)
    with pytest.raises(NurtTypeError, match="says nothing of windows"):
        StatefulLoss(layer, inputs, targets, summed, Checkpointed(every=2))
    for wrong in (targets[:, :4], targets[:1], targets[0, 0]):
        with pytest.raises(ShapeError, match="do not belong together"):
            StatefulLoss(layer, inputs, wrong, summed, Truncated(2))
    with pytest.raises(ShapeError, match="do not belong together"):
        StatefulLoss(layer, inputs[:, :0], targets[:, :0], summed, Truncated(2))


def test_a_detached_state_keeps_its_kind_and_values():
    state = LSTMCell(1, 2).initial_state(1)
    nested = (type(state)(*(field.requires_grad_() * 2 for field in state)), None, [torch.ones(1)])
    cut = detached(nested)
    assert type(cut[0]) is type(state)
    assert not cut[0].cell.requires_grad
    assert cut[1] is None
    assert torch.equal(cut[2][0], torch.ones(1))
