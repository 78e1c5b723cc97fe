"""One call of a model tells what every layer and direction was taken through, whatever the layout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import nurt.nn
from nurt.diagnostics import observe, passage
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn import Bidirectional, GRUCell, LSTMCell, LSTMState, Recurrent, Stack, build, unroll

INPUTS = torch.randn(3, 6, 2, dtype=torch.float64)
LENGTHS = torch.tensor([6, 2, 4])


def outputs_of(runs: tuple[Any, ...]) -> torch.Tensor:
    """Return the outputs of the last layer, from what its directions were taken through."""
    last = [run for run in runs if run.id.layer == runs[-1].id.layer]
    return torch.cat([unroll(run.cell, run.inputs, run.state, run.lengths, run.reverse)[0] for run in last], dim=-1)


@pytest.mark.parametrize("home", [torch.nn, nurt.nn], ids=["torch", "nurt"])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_layouts_and_states_of_torch(home: Any, kind: str, batch_first: bool) -> None:
    layer = getattr(home, kind)(2, 4, 2, bidirectional=True, batch_first=batch_first, dtype=torch.float64)
    hx = tuple(torch.randn(4, 3, 4, dtype=torch.float64) for _ in range(2 if kind == "LSTM" else 1))
    hx = hx if kind == "LSTM" else hx[0]
    given = INPUTS if batch_first else INPUTS.transpose(0, 1)
    expected, _ = layer(given, hx)
    runs = observe(layer, given, hx)
    assert [tuple(run.id) for run in runs] == [("", d, s) for d in (0, 1) for s in ("forward", "backward")]
    assert torch.equal(runs[0].inputs, INPUTS)
    expected = expected if batch_first else expected.transpose(0, 1)
    assert_agree(outputs_of(runs), expected, OUTPUTS[torch.float64], "outputs")


@pytest.mark.parametrize("home", [torch.nn, nurt.nn], ids=["torch", "nurt"])
def test_packed_rows_keep_their_order_and_lengths(home: Any) -> None:
    layer = home.LSTM(2, 4, 2, bidirectional=True, dtype=torch.float64)
    packed = pack_padded_sequence(INPUTS, LENGTHS, batch_first=True, enforce_sorted=False)
    runs = observe(layer, packed)
    assert [run.lengths.tolist() for run in runs] == [LENGTHS.tolist()] * 4
    within = runs[0].within().unsqueeze(-1)
    assert torch.equal(runs[0].inputs[within.expand(-1, -1, 2)], INPUTS[within.expand(-1, -1, 2)])
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(layer(packed)[0], batch_first=True)
    assert_agree(outputs_of(runs), expected, OUTPUTS[torch.float64], "outputs")


@pytest.mark.parametrize("home", [torch.nn, nurt.nn], ids=["torch", "nurt"])
def test_a_single_sequence_is_a_batch_of_one(home: Any) -> None:
    layer = home.LSTM(2, 4, dtype=torch.float64)
    hx = tuple(torch.randn(1, 4, dtype=torch.float64) for _ in range(2))
    (run,) = observe(layer, INPUTS[0], hx)
    assert run.inputs.shape == (1, 6, 2)
    assert_agree(outputs_of((run,))[0], layer(INPUTS[0], hx)[0], OUTPUTS[torch.float64], "outputs")


def test_layers_of_nurt_with_states_and_lengths() -> None:
    inner = Stack([Bidirectional(GRUCell(4, 3), GRUCell(4, 3)), Recurrent(GRUCell(6, 2), reverse=True)])
    stack = Stack([Recurrent(LSTMCell(2, 4)), inner]).double()
    lower = LSTMState(torch.randn(3, 4).double(), torch.randn(3, 4).double())
    both = ((torch.randn(3, 3).double(),), (torch.randn(3, 3).double(),))
    states = (lower, (both, None))
    expected, _ = stack(INPUTS, states, lengths=LENGTHS)
    runs = observe(stack, INPUTS, states, lengths=LENGTHS)
    assert [run.id.layer for run in runs] == [0, 1, 1, 2]
    assert_agree(outputs_of(runs), expected, OUTPUTS[torch.float64], "outputs")


class Forecast(nn.Module):
    """A model around a stack, with dropout, that may run its encoder again."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = build("lstm", 2, 4, num_layers=2, dropout=0.5)
        self.decoder = nn.GRU(4, 4, batch_first=True)

    def forward(self, inputs: torch.Tensor, times: int = 1, decode: bool = False) -> torch.Tensor:
        for _ in range(times):
            outputs, _ = self.encoder(inputs)
        return self.decoder(outputs)[0] if decode else inputs


def test_a_model_is_watched_in_evaluation_mode_and_left_as_it_was() -> None:
    model = Forecast().double().train()
    model.decoder.eval()
    runs = observe(model, INPUTS)
    assert [run.id.module for run in runs] == ["encoder", "encoder"]
    expected, _ = unroll(runs[0].cell, INPUTS)
    assert_agree(runs[1].inputs, expected, OUTPUTS[torch.float64], "what goes up a layer")
    assert model.training and model.encoder.training and not model.decoder.training
    assert not model.encoder._forward_pre_hooks
    assert [str(run.id) for run in observe(model, INPUTS, decode=True)][-1] == "decoder, layer 0, forward"


def test_a_layer_used_twice_or_never_is_told() -> None:
    model = Forecast().double()
    with pytest.raises(NurtValueError, match="`encoder` was used 2 times"):
        observe(model, INPUTS, times=2)
    assert not model.encoder._forward_pre_hooks
    with pytest.raises(NurtValueError, match=r"called none(.|\n)*one of encoder, decoder"):
        observe(model, INPUTS, times=0)
    with pytest.raises(NurtTypeError, match="no recurrent layer"):
        observe(nn.Linear(2, 2).double(), INPUTS)


@pytest.mark.parametrize("reverse", [False, True])
def test_states_before_each_step_are_those_of_the_run(any_cell: Any, reverse: bool) -> None:
    inputs = torch.randn(3, 6, 3, dtype=torch.float64)
    run = passage(any_cell, inputs, lengths=[6, 0, 4], reverse=reverse)
    before = run.states_before()
    for row, length in enumerate([6, 0, 4]):
        state = any_cell.initial_state(1)
        for place in reversed(range(length)) if reverse else range(length):
            for field, expected in zip(before, state, strict=True):
                assert_agree(field[row, place], expected[0], OUTPUTS[torch.float64], "state")
            state = any_cell.step(inputs[row : row + 1, place], state)
        assert all((field[row, length:] == 0).all() for field in before)


def test_a_passage_refuses_what_does_not_fit() -> None:
    cell = LSTMCell(3, 5)
    with pytest.raises(ShapeError, match="I=3"):
        passage(cell, torch.randn(2, 7, 4))
    with pytest.raises(NurtValueError, match="row 1"):
        passage(cell, torch.randn(2, 7, 3), lengths=[3, 9])


def test_what_lies_past_the_end_of_a_row_is_never_used() -> None:
    inputs = INPUTS.clone()
    inputs[1, 2:] = torch.nan
    before = passage(GRUCell(2, 4).double(), inputs, lengths=LENGTHS).states_before()
    assert all(torch.isfinite(field).all() for field in before)
