"""Recording: what every native call inside a block leaves behind, and that nothing is left out in silence."""

from __future__ import annotations

import threading

import pytest
import torch
from tests.tolerances import GRADIENTS, OUTPUTS, SAME_BITS, assert_agree
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import nurt.nn
from nurt.errors import UnavailableError
from nurt.kernels import explain, recording, scan, use

B, T, INPUT, H = 3, 5, 2, 4
LENGTHS = [3, 5, 0]


def trained(layer: torch.nn.Module, *arguments: object, **options: object) -> list[Tensor]:
    """Outputs, then the gradients of the parameters."""
    torch.manual_seed(19)
    outputs = layer(*arguments, **options)[0]
    outputs = outputs.data if isinstance(outputs, PackedSequence) else outputs
    weights = torch.randn(outputs.shape, dtype=outputs.dtype)
    return [outputs, *torch.autograd.grad((outputs * weights).sum(), list(layer.parameters()))]


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_every_layer_and_direction_leaves_one_record_and_the_numbers_stay(kind, lengths):
    layer = getattr(nurt.nn, kind)(INPUT, H, 3, dropout=0.3, bidirectional=True, batch_first=True)
    inputs = torch.randn(B, T, INPUT)
    plain = trained(layer, inputs, lengths=lengths)
    with recording() as records:
        recorded = trained(layer, inputs, lengths=lengths)
        layer(inputs)
    assert all(torch.equal(one, other) for one, other in zip(plain, recorded, strict=True))
    places = [(record.call, record.layer, record.direction) for record in records]
    assert places == [(c, k, d) for c in range(2) for k in range(3) for d in ("forward", "backward")]
    top = [record.hidden for record in records[4:6]]
    assert torch.equal(torch.cat(top, dim=-1), recorded[0])
    for record in records[:6]:
        tensors = [record.hidden, record.grad_hidden, *record.gates.values()]
        tensors += [record.cell, record.grad_cell] if kind == "LSTM" else []
        for tensor in tensors:
            assert tensor.shape == (B, T, H)
            assert tensor.isfinite().all()
            assert not tensor.requires_grad
            for row, length in enumerate(lengths or []):
                assert not tensor[row, length:].any()
    assert [record.grad_hidden for record in records[6:]] == [None] * 6


def test_total_gradients_of_a_lower_layer_are_those_of_autograd():
    torch.manual_seed(23)
    lower, upper = (nurt.nn.LSTM(size, H, batch_first=True, dtype=torch.float64) for size in (INPUT, H))
    both = nurt.nn.LSTM(INPUT, H, 2, batch_first=True, dtype=torch.float64)
    both.load_state_dict(
        {**lower.state_dict(), **{name.replace("l0", "l1"): value for name, value in upper.state_dict().items()}}
    )
    inputs, weights = torch.randn(B, T, INPUT, dtype=torch.float64), torch.randn(B, T, H, dtype=torch.float64)
    with recording() as records:
        (both(inputs)[0] * weights).sum().backward()
    # By hand, step by step, so that every h_t and c_t is a leaf of the walk that autograd can be asked for.
    state = [torch.zeros(B, H, dtype=torch.float64) for _ in range(4)]
    loss, hidden, cells = torch.zeros((), dtype=torch.float64), [], []
    for t in range(T):
        first, second = (nurt.nn.LSTMCell(size, H, dtype=torch.float64) for size in (INPUT, H))
        for cell, layer in ((first, lower), (second, upper)):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                setattr(cell, name, torch.nn.Parameter(getattr(layer, f"{name}_l0").detach()))
        after = first.step(inputs[:, t], type(first.initial_state(1))(*state[:2]))
        hidden.append(after.hidden)
        cells.append(after.cell)
        above = second.step(after.hidden, type(first.initial_state(1))(*state[2:]))
        state = [*after, *above]
        loss = loss + (above.hidden * weights[:, t]).sum()
    for name, values, found in (("h", hidden, records[0].grad_hidden), ("c", cells, records[0].grad_cell)):
        grads = torch.stack(torch.autograd.grad(loss, values, retain_graph=True), dim=1)
        assert_agree(found, grads, GRADIENTS[torch.float64], f"dL/d{name}_t")


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_packed_records_are_laid_out_as_the_data(kind):
    layer = getattr(nurt.nn, kind)(INPUT, H, 2, bidirectional=True, batch_first=True, dtype=torch.float64)
    inputs = torch.randn(B, T, INPUT, dtype=torch.float64)
    with recording() as records:
        padded, packed = (
            trained(layer, given, **options)
            for given, options in (
                (inputs, {"lengths": [5, 3, 1]}),
                (pack_padded_sequence(inputs, [5, 3, 1], batch_first=True), {}),
            )
        )
    assert padded[0].shape != packed[0].shape
    for one, other in zip(records[:4], records[4:], strict=True):
        assert one.batch_sizes is None
        assert other.lengths.tolist() == one.lengths.tolist() == [5, 3, 1]
        for name, value in {**other.gates, "": other.hidden}.items():
            spread, _ = pad_packed_sequence(PackedSequence(value, other.batch_sizes), batch_first=True)
            assert_agree(spread, one.gates[name] if name else one.hidden, OUTPUTS[torch.float64], name or "hidden")
        assert other.grad_hidden.shape == other.hidden.shape


def test_layers_of_cells_leave_records_too():
    layer = nurt.nn.Stack(
        [
            nurt.nn.Recurrent(nurt.nn.GRUCell(INPUT, H)),
            nurt.nn.Bidirectional(nurt.nn.LSTMCell(H, H), nurt.nn.LSTMCell(H, H)),
        ]
    )
    with recording() as records:
        layer(torch.randn(B, T, INPUT))[0].sum().backward()
    told = [(record.recurrence, record.call, record.direction) for record in records]
    assert told == [("gru", 0, "forward"), ("lstm", 1, "forward"), ("lstm", 2, "backward")]
    assert all(record.grad_hidden is not None for record in records)


def test_what_cannot_record_refuses():
    layer, inputs = nurt.nn.LSTM(INPUT, H), torch.randn(B, T, INPUT)
    with recording() as records:
        for rung in ("torch", "adjoint"):
            with use(rung), pytest.raises(UnavailableError, match="nothing"):
                layer(inputs)
        with pytest.raises(UnavailableError, match="nothing"):
            scan(inputs, inputs)
        with pytest.raises(UnavailableError, match="cannot be recorded"):
            torch.func.grad(lambda x: layer(x)[0].sum())(inputs)
    assert records == []
    assert explain("lstm", options=["recording"]).rung == "native"
    assert explain("layer_norm_lstm", options=["recording"]).rung == "native"


def test_a_block_ends_where_it_ends_and_stays_in_its_thread():
    layer, inputs = nurt.nn.GRU(INPUT, H), torch.randn(T, B, INPUT)
    with recording() as outer:
        layer(inputs)
        with recording() as inner:
            layer(inputs)
        thread = threading.Thread(target=layer, args=(inputs,))
        thread.start()
        thread.join()
        layer(inputs)
    layer(inputs)
    assert [record.call for record in outer] == [0, 1]
    assert [record.call for record in inner] == [0]


def test_records_are_not_written_to_by_later_calls():
    layer = nurt.nn.LSTM(INPUT, H, 2, batch_first=True)
    with recording() as records:
        trained(layer, torch.randn(B, T, INPUT))
    before = [value.clone() for record in records for value in (*record.gates.values(), record.cell, record.hidden)]
    for _ in range(5):
        trained(layer, torch.randn(B, T, INPUT))
    after = [value for record in records for value in (*record.gates.values(), record.cell, record.hidden)]
    for one, other in zip(before, after, strict=True):
        assert_agree(one, other, SAME_BITS, "recorded")


def test_gradients_recorded_under_create_graph_are_the_same():
    layer, inputs = nurt.nn.LSTM(INPUT, H, 2, dtype=torch.float64), torch.randn(T, B, INPUT, dtype=torch.float64)
    found = []
    for create_graph in (False, True):
        with recording() as records:
            loss = layer(inputs)[0].square().sum()
        torch.autograd.grad(loss, list(layer.parameters()), create_graph=create_graph)
        found.append([record.grad_hidden for record in records])
    for one, other in zip(*found, strict=True):
        assert_agree(one, other, SAME_BITS, "total gradient")


def test_an_evaluated_layer_leaves_gates_and_an_empty_batch_empty_ones():
    layer = nurt.nn.GRU(INPUT, H)
    with torch.no_grad(), recording() as records:
        layer(torch.randn(T, B, INPUT))
        layer(torch.randn(T, 0, INPUT))
    assert records[0].gates["update"].shape == (B, T, H)
    assert records[1].gates["update"].shape == (0, T, H)
