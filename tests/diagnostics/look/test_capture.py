"""What is recorded is what autograd finds in a walk by hand, and the model is left as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from tests.diagnostics.conftest import drawn
from tests.diagnostics.recorded import gradients, walk, walk_layers
from tests.tolerances import GRADIENTS, OUTPUTS, SAME_BITS, assert_agree
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import nurt.nn
from nurt.diagnostics import modules_of, observe, record
from nurt.errors import NonFiniteError, NurtTypeError, NurtValueError, UnavailableError
from nurt.nn import Bidirectional, GRUCell, LSTMCell, LSTMState, Recurrent, Regularisation, Stack, build, unroll

B, T, INPUT, H = 3, 6, 2, 4
RAGGED = [4, 6, 1]
CLOSE = GRADIENTS[torch.float64]
GIVEN = torch.randn(3, 6, 2, dtype=torch.float64)
ENDS = torch.tensor([6, 2, 4])


def inputs(*shape: int) -> Tensor:
    return torch.randn(*(shape or (B, T, INPUT)), dtype=torch.float64)


# torch's layers take no lengths.
FORMS = [(nurt.nn, "ragged"), *((home, form) for home in (torch.nn, nurt.nn) for form in ("full", "packed", "first"))]


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize(("home", "form"), FORMS)
def test_gradients_are_those_of_a_walk_by_hand(home: Any, kind: str, form: str) -> None:
    options: Any = {"num_layers": 2, "bidirectional": True, "batch_first": form != "first"}
    layer = getattr(home, kind)(INPUT, H, dtype=torch.float64, **options)
    model, x, coefficients = torch.nn.ModuleDict({"inner": layer}), inputs(), inputs(B, T, 2 * H)
    lengths = RAGGED if form in ("ragged", "packed") else [T] * B
    with record(model) as seen:
        if form == "packed":
            outputs, final = layer(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
            outputs, _ = pad_packed_sequence(outputs, batch_first=True)
        elif form == "first":
            outputs, final = layer(x.transpose(0, 1))
            outputs = outputs.transpose(0, 1)
        else:
            outputs, final = layer(x, lengths=lengths) if form == "ragged" else layer(x)
        finals = final if isinstance(final, tuple) else (final,)
        ((outputs * coefficients).sum() + sum((field**2).sum() for field in finals)).backward()
    expected, walks = walk_layers(list(map(list, modules_of(model)[0].layers)), x, lengths)
    flat = [one for sides in walks for one in sides]
    fields = [torch.stack(field) for field in zip(*(one.final for one in flat), strict=True)]
    loss = (expected * coefficients).sum() + sum((field**2).sum() for field in fields)
    assert_agree(outputs, expected, OUTPUTS[torch.float64], "outputs")
    for index, one in enumerate(flat):
        found = seen.layer("inner", index // 2, "backward" if index % 2 else "forward")
        assert found.lengths.tolist() == lengths
        direct, total = found.gradients()
        assert_agree(total, gradients(loss, one.hidden), CLOSE, f"total of {found.id}")
        # From above comes what reaches the outputs, and at the last step what reaches the final state.
        above = gradients(loss, [one.outputs])[:, 0]
        for row, length in enumerate(lengths):
            above[row, length:] = 0
            above[row, 0 if index % 2 else length - 1] += 2 * one.final.hidden[row].detach()
        assert_agree(direct, above, CLOSE, f"direct of {found.id}")
        if kind == "LSTM":
            assert found.total_cell is not None
            assert_agree(found.total_cell, gradients(loss, one.cell), CLOSE, f"cell of {found.id}")


@pytest.mark.parametrize("reverse", [False, True])
def test_every_cell_is_recorded(any_cell: Any, reverse: bool) -> None:
    layer, x = Recurrent(any_cell, reverse=reverse), inputs(B, T, 3)
    with record(layer) as seen:
        outputs, state = layer(x, lengths=RAGGED)
        coefficients = torch.randn_like(outputs)
        ((outputs * coefficients).sum() + state.hidden.square().sum()).backward()
    by_hand = walk(any_cell, x, RAGGED, reverse=reverse)
    loss = (by_hand.outputs * coefficients).sum() + by_hand.final.hidden.square().sum()
    found = seen.layer(direction="backward" if reverse else "forward")
    direct, total = found.gradients()
    assert_agree(found.hidden, by_hand.outputs, OUTPUTS[torch.float64], "h_t")
    assert_agree(total, gradients(loss, by_hand.hidden), CLOSE, "total")
    assert bool((direct[0, RAGGED[0] :] == 0).all())
    if found.cell is not None:
        assert found.total_cell is not None
        assert_agree(found.total_cell, gradients(loss, by_hand.cell), CLOSE, "total of the cell state")


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_loss_on_the_last_step_arrives_at_one_step_and_reaches_all(kind: str) -> None:
    layer = getattr(nurt.nn, kind)(INPUT, H, num_layers=2, bidirectional=True, batch_first=True)
    with record(layer) as seen:
        layer(torch.randn(B, 20, INPUT))[0][:, -1].square().sum().backward()
    counts = {(one.id.layer, one.id.direction): tuple(map(one.reached, one.gradients())) for one in seen.layers}
    assert counts[1, "forward"] == (1, 20)
    # The backward direction has read one input only where the forward one ends.
    assert counts[1, "backward"] == (1, 1)
    assert counts[0, "forward"] == counts[0, "backward"] == (20, 20)


def test_the_total_gradient_is_a_difference_quotient() -> None:
    cell, x, place = drawn("lstm", 3, 5), inputs(1, T, 3), 2

    def loss(push: Tensor) -> Tensor:
        state, total = cell.initial_state(1), torch.zeros((), dtype=torch.float64)
        for t in range(T):
            state = cell.step(x[:, t], state)
            if t == place:
                state = state._replace(hidden=state.hidden + push)
            total = total + state.hidden.square().sum() * (t + 1)
        return total

    with record(layer := Recurrent(cell)) as seen:
        outputs, _ = layer(x)
        (outputs.square().sum(-1) * torch.arange(1, T + 1)).sum().backward()
    with torch.no_grad():
        quotients = [(loss(push) - loss(-push)) / 2e-6 for push in 1e-6 * torch.eye(5, dtype=torch.float64)]
    _, total = seen.layer().gradients()
    assert total[0, place].tolist() == pytest.approx([float(one) for one in quotients], rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_the_first_step_takes_the_total_gradient_to_the_initial_state(kind: str) -> None:
    layer = getattr(nurt.nn, kind)(INPUT, H, batch_first=True, dtype=torch.float64)
    start = tuple(inputs(1, B, H).requires_grad_() for _ in range(2 if kind == "LSTM" else 1))
    with record(layer) as seen:
        outputs, _ = layer(inputs(), start if kind == "LSTM" else start[0])
        outputs.square().sum().backward()
    steps, (_, total) = seen.layer().steps, seen.layer().gradients()
    fields = [total[:, 0]]
    if kind == "LSTM":
        # Seen from outside the step c_1 is used by the next step alone.
        record_ = seen.layer()
        assert record_.total_cell is not None
        fields.append(steps.after(record_.gates["forget"] * record_.total_cell)[:, 0])
    rows, before = torch.arange(B), steps.states_before()
    state = type(before)(*(field[:, 0] for field in before))
    found, _ = steps.pulled(rows, torch.zeros_like(rows), state, type(before)(*fields), {})
    for value, given in zip(found, start, strict=True):
        assert given.grad is not None
        assert_agree(value, given.grad[0], CLOSE, "dL/dh_0")


def test_the_model_is_restored_after_an_error_too() -> None:
    model = torch.nn.Sequential(torch.nn.LSTM(INPUT, H, 2, batch_first=True), nurt.nn.GRU(H, H, batch_first=True))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    held = [
        *model.modules(),
        *model.parameters(),
        *(one for group in optimizer.param_groups for one in group["params"]),
    ]
    attributes = [set(vars(module)) for module in model.modules()]
    x, plain = torch.randn(B, T, INPUT), model[0](torch.randn(B, T, INPUT))[0].shape
    before = model[0](x)[0]
    with pytest.raises(KeyError, match="mine"), record(model):
        assert model[0](x)[0].shape == plain
        assert_agree(model[0](x)[0], before, OUTPUTS[torch.float32], "by nurt's kernels")
        raise KeyError("mine")
    after = [
        *model.modules(),
        *model.parameters(),
        *(one for group in optimizer.param_groups for one in group["params"]),
    ]
    assert all(one is other for one, other in zip(held, after, strict=True))
    assert [set(vars(module)) for module in model.modules()] == attributes
    assert_agree(model[0](x)[0], before, SAME_BITS, "as before")


def test_training_goes_on_inside_and_records_do_not_change_with_it() -> None:
    layer, x = nurt.nn.LSTM(INPUT, H, batch_first=True), torch.randn(B, T, INPUT)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    with record(layer) as seen:
        layer(x)[0].square().sum().backward()
        optimizer.step()
    found = seen.layer()
    sums, gates = found.pre_activations, found.gates
    assert_agree(torch.sigmoid(sums["forget"]), gates["forget"], OUTPUTS[torch.float32], "f_t of the old weights")


def test_calls_are_kept_apart_and_forgotten_on_request() -> None:
    layer = nurt.nn.GRU(INPUT, H, batch_first=True)
    with record(layer) as seen:
        first = layer(torch.randn(B, T, INPUT))[0]
        second = layer(torch.randn(5, 1, INPUT))[0]
        (first[:, -1].sum() + second.sum()).backward()
        assert seen.layer(call=0).hidden.shape == (B, T, H)
        assert seen.layer(call=1).hidden.shape == seen.layer().gradients()[1].shape == (5, 1, H)
        assert [one.call for one in seen.layers] == [0, 1]
        with pytest.raises(NurtValueError, match="not called so often"):
            seen.layer(call=2)
        seen.clear()
        assert str(seen) == "nothing was called yet"
        with torch.no_grad():
            layer(torch.randn(B, T, INPUT))
    assert "no gradient yet" in str(seen)
    assert json.dumps(seen.layer().to_dict(), allow_nan=False)
    assert seen.layer().plot().data
    with pytest.raises(NurtValueError, match=r"backward\(\)"):
        seen.layer().gradients()
    with pytest.raises(NurtValueError, match="no such layer"):
        seen.layer("rnn")


@pytest.mark.parametrize("packed", [False, True])
def test_a_frozen_layer_is_seen_too(packed: bool) -> None:
    frozen, head = torch.nn.LSTM(INPUT, H, batch_first=True).requires_grad_(False), torch.nn.Linear(H, 1)
    model, x = torch.nn.Sequential(frozen, head), torch.randn(B, T, INPUT)
    with record(model) as seen:
        if packed:
            given = pack_padded_sequence(x, RAGGED, batch_first=True, enforce_sorted=False)
            outputs, _ = pad_packed_sequence(frozen(given)[0], batch_first=True)
        else:
            outputs, _ = frozen(input=x)
        head(outputs).sum().backward()
    direct, total = seen.layer("0").gradients()
    assert bool(direct.any())
    assert bool(total.any())
    assert x.grad is None
    assert all(one.grad is None for one in frozen.parameters())


@pytest.mark.parametrize("form", ["padded", "packed"])
def test_options_between_the_steps_are_recorded_as_they_were_drawn(form: str) -> None:
    torch.manual_seed(3)
    calm = Regularisation(
        zoneout_hidden=0.3, zoneout_cell=0.2, state_dropout=0.4, weight_dropout=0.2, input_dropout=0.2
    )
    layer = nurt.nn.LSTM(INPUT, H, 2, batch_first=True, dtype=torch.float64, regularisation=calm, gradient_clip=0.05)
    x = inputs()
    with record(layer) as seen:
        if form == "padded":
            outputs, _ = layer(x, lengths=RAGGED)
        else:
            outputs, _ = pad_packed_sequence(
                layer(pack_padded_sequence(x, RAGGED, batch_first=True, enforce_sorted=False))[0], batch_first=True
            )
        outputs.square().sum().backward()
    for depth in range(2):
        found = seen.layer("", depth)
        sums = torch.zeros_like(layer.get_parameter(f"weight_ih_l{depth}"))
        for step in found.steps.back(found.gradients()[0], {}):
            sums += step.weights["weight_ih"]
        assert_agree(sums, layer.get_parameter(f"weight_ih_l{depth}").grad, CLOSE, f"weight_ih_l{depth}")


def test_what_cannot_be_recorded_is_refused() -> None:
    class Own(torch.nn.LSTM):
        def forward(self, input: Tensor, hx: Any = None) -> Any:
            return super().forward(input * 2, hx)

    broken = nurt.nn.GRU(INPUT, H)
    with torch.no_grad():
        broken.weight_hh_l0[0, 0] = torch.nan
    cases: list[tuple[Any, type[Exception], str]] = [
        (torch.nn.Linear(2, 2), NurtTypeError, "no recurrent layer"),
        (torch.nn.LSTMCell(INPUT, H), NurtTypeError, "no layer that takes one through time"),
        (nurt.nn.GRU(INPUT, H).bfloat16(), NurtTypeError, "half precision"),
        (broken, NonFiniteError, "not finite"),
        (Own(INPUT, H), UnavailableError, "forward of its own"),
    ]
    for model, error, words in cases:
        with pytest.raises(error, match=words), record(model):
            pass
        assert "forward" not in vars(model)
    with record(layer := nurt.nn.GRU(INPUT, H)) as seen:
        with pytest.raises(NurtValueError, match="recorded already"), record(layer):
            pass
        layer(torch.randn(T, B, INPUT))
    assert len(seen.layers) == 1


def test_parametrised_weights_of_a_torch_layer_are_seen() -> None:
    layer = torch.nn.LSTM(INPUT, H, batch_first=True)
    torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    x = torch.randn(B, T, INPUT)
    expected = layer(x)[0]
    with record(layer) as seen:
        outputs = layer(x)[0]
        outputs.sum().backward()
    assert_agree(outputs, expected, OUTPUTS[torch.float32], "outputs")
    assert bool(seen.layer().gradients()[1].any())
    assert layer.parametrizations.weight_hh_l0.original1.grad is not None


def test_a_model_that_changed_between_two_blocks_is_seen_as_it_is() -> None:
    model = torch.nn.Sequential(nurt.nn.LSTM(INPUT, H, batch_first=True))
    x = torch.randn(B, T, INPUT)
    with record(model) as before:
        model[0](x)[0].sum().backward()
    model[0] = torch.nn.GRU(INPUT, H + 1, num_layers=2, batch_first=True)
    with record(model) as after:
        model[0](x)[0].sum().backward()
    assert [one.recurrence for one in before.layers] == ["lstm"]
    assert [(one.recurrence, one.hidden.shape[-1]) for one in after.layers] == [("gru", H + 1)] * 2
    model[0].weight_hh_l1.data[0, 0] = torch.inf
    with pytest.raises(NonFiniteError, match=r"`0\.weight_hh_l1`"), record(model):
        pass


def test_a_block_in_a_block_leaves_the_outer_one_open() -> None:
    model = torch.nn.Sequential(torch.nn.LSTM(INPUT, H, batch_first=True), nurt.nn.GRU(H, H, batch_first=True))
    with record(model[1]) as seen:
        with pytest.raises(NurtValueError, match="recorded already"), record(model):
            pass
        assert "forward" not in vars(model[0])
        model[1](model[0](torch.randn(B, T, INPUT))[0])
    assert len(seen.layers) == 1
    assert "forward" not in vars(model[1])


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
    given = GIVEN if batch_first else GIVEN.transpose(0, 1)
    expected, _ = layer(given, hx)
    runs = observe(layer, given, hx)
    assert [tuple(run.id) for run in runs] == [("", d, s) for d in (0, 1) for s in ("forward", "backward")]
    assert torch.equal(runs[0].inputs, GIVEN)
    expected = expected if batch_first else expected.transpose(0, 1)
    assert_agree(outputs_of(runs), expected, OUTPUTS[torch.float64], "outputs")


@pytest.mark.parametrize("home", [torch.nn, nurt.nn], ids=["torch", "nurt"])
def test_packed_rows_keep_their_order_and_lengths(home: Any) -> None:
    layer = home.LSTM(2, 4, 2, bidirectional=True, dtype=torch.float64)
    packed = pack_padded_sequence(GIVEN, ENDS, batch_first=True, enforce_sorted=False)
    runs = observe(layer, packed)
    assert [run.lengths.tolist() for run in runs] == [ENDS.tolist()] * 4
    within = runs[0].within().unsqueeze(-1)
    assert torch.equal(runs[0].inputs[within.expand(-1, -1, 2)], GIVEN[within.expand(-1, -1, 2)])
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(layer(packed)[0], batch_first=True)
    assert_agree(outputs_of(runs), expected, OUTPUTS[torch.float64], "outputs")


@pytest.mark.parametrize("home", [torch.nn, nurt.nn], ids=["torch", "nurt"])
def test_a_single_sequence_is_a_batch_of_one(home: Any) -> None:
    layer = home.LSTM(2, 4, dtype=torch.float64)
    hx = tuple(torch.randn(1, 4, dtype=torch.float64) for _ in range(2))
    (run,) = observe(layer, GIVEN[0], hx)
    assert run.inputs.shape == (1, 6, 2)
    assert_agree(outputs_of((run,))[0], layer(GIVEN[0], hx)[0], OUTPUTS[torch.float64], "outputs")


def test_layers_of_nurt_with_states_and_lengths() -> None:
    inner = Stack([Bidirectional(GRUCell(4, 3), GRUCell(4, 3)), Recurrent(GRUCell(6, 2), reverse=True)])
    stack = Stack([Recurrent(LSTMCell(2, 4)), inner]).double()
    lower = LSTMState(torch.randn(3, 4).double(), torch.randn(3, 4).double())
    both = ((torch.randn(3, 3).double(),), (torch.randn(3, 3).double(),))
    states = (lower, (both, None))
    expected, _ = stack(GIVEN, states, lengths=ENDS)
    runs = observe(stack, GIVEN, states, lengths=ENDS)
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
    runs = observe(model, GIVEN)
    assert [run.id.module for run in runs] == ["encoder", "encoder"]
    expected, _ = unroll(runs[0].cell, GIVEN)
    assert_agree(runs[1].inputs, expected, OUTPUTS[torch.float64], "what goes up a layer")
    assert model.training and model.encoder.training and not model.decoder.training
    assert not model.encoder._forward_pre_hooks
    assert [str(run.id) for run in observe(model, GIVEN, decode=True)][-1] == "decoder, layer 0, forward"


def test_a_layer_used_twice_or_never_is_told() -> None:
    model = Forecast().double()
    with pytest.raises(NurtValueError, match="`encoder` was used 2 times"):
        observe(model, GIVEN, times=2)
    assert not model.encoder._forward_pre_hooks
    with pytest.raises(NurtValueError, match=r"called none(.|\n)*one of encoder, decoder"):
        observe(model, GIVEN, times=0)
    with pytest.raises(NurtTypeError, match="no recurrent layer"):
        observe(nn.Linear(2, 2).double(), GIVEN)


def test_a_record_gives_the_passages_of_an_observation() -> None:
    layer = nurt.nn.GRU(INPUT, H, 2, bidirectional=True, batch_first=True, dtype=torch.float64)
    x = inputs()
    with record(layer) as seen:
        layer(x, lengths=RAGGED)[0].sum().backward()
    for one, run in zip(seen.once(), observe(layer, x, lengths=RAGGED), strict=True):
        own = one.passage()
        assert own.id == run.id and own.lengths.tolist() == run.lengths.tolist() == RAGGED
        assert own.cell.weight_hh is getattr(layer, f"weight_hh_l{one.id.layer}{'_reverse' * run.reverse}")
        assert torch.equal(own.inputs, run.inputs) and torch.equal(own.state.hidden, run.state.hidden)
        assert not own.inputs.requires_grad
