"""Drop-in layers with options: the same as layers made of cells, padded and packed."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from nurt.nn import GRU, LSTM, RNN, Bidirectional, ElmanCell, GRUCell, LSTMCell, Recurrent, Regularisation, Stack

CELLS = {RNN: ElmanCell, GRU: GRUCell, LSTM: LSTMCell}
B, T, IN, H = 3, 6, 2, 4
LENGTHS = [6, 2, 4]


def pair(kind, bidirectional, **options):
    """Return a drop-in layer and the stack of cells with the same weights."""
    layer = kind(IN, H, 2, batch_first=True, bidirectional=bidirectional, dtype=torch.float64, **options)
    width = 2 * H if bidirectional else H
    layers = []
    for depth in range(2):
        cells = [CELLS[kind](width if depth else IN, H, dtype=torch.float64) for _ in range(1 + bidirectional)]
        for cell, suffix in zip(cells, ("", "_reverse"), strict=False):
            cell.load_state_dict({name: getattr(layer, f"{name}_l{depth}{suffix}") for name in cell.state_dict()})
        layers.append((Bidirectional if bidirectional else Recurrent)(*cells, **options))
    return layer, Stack(layers)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_a_drop_in_layer_with_options_is_the_stack_of_its_cells(kind, bidirectional, training):
    chosen = Regularisation(0.3, 0.2 if kind is LSTM else 0.0, 0.1, 0.4, 0.5)
    layer, stack = pair(kind, bidirectional, regularisation=chosen, gradient_clip=0.1)
    results = []
    for module in (layer.train(training), stack.train(training)):
        inputs = torch.randn(B, T, IN, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        torch.manual_seed(11)
        outputs, _ = module(inputs, lengths=LENGTHS)
        results.append((outputs, *torch.autograd.grad(outputs.sum(), [inputs, *module.parameters()])))
    (mine, *gradients), (wanted, *expected) = results
    assert_agree(mine, wanted, OUTPUTS[torch.float64], "outputs")
    assert_agree(gradients[0], expected[0], GRADIENTS[torch.float64], "gradient of the inputs")
    # The stack names its weights otherwise, but creates them in the same order.
    for one, other in zip(gradients[1:], expected[1:], strict=True):
        assert_agree(one, other, GRADIENTS[torch.float64], "gradient of a weight")


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("sort", [True, False])
def test_packed_rows_come_out_as_padded_ones_with_lengths(bidirectional, sort):
    layer, _ = pair(LSTM, bidirectional, regularisation=Regularisation(zoneout_hidden=0.3), gradient_clip=1.0)
    lengths = sorted(LENGTHS, reverse=True) if sort else LENGTHS
    inputs = torch.randn(B, T, IN, dtype=torch.float64)
    padded, states = layer.eval()(inputs, lengths=lengths)
    packed, packed_states = layer(pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=sort))
    assert_agree(pad_packed_sequence(packed, batch_first=True)[0], padded, OUTPUTS[torch.float64], "outputs")
    for one, other in zip(packed_states, states, strict=True):
        assert_agree(one, other, OUTPUTS[torch.float64], "state")


def test_a_single_sequence_and_dropout_between_layers_go_together_with_options():
    layer = GRU(IN, H, 2, dropout=1.0, regularisation=Regularisation(zoneout_hidden=0.3))
    outputs, state = layer(torch.randn(T, IN))
    assert (outputs.shape, state.shape) == ((T, H), (2, H))
    one, other = (layer(torch.randn(T, IN))[0].abs().sum() > 0 for _ in range(2))
    assert one
    assert other
