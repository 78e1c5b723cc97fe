"""Regularisation: what is left out, when, and how often; and refusals."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.tolerances import OUTPUTS, assert_agree

from nurt.errors import NurtTypeError, NurtValueError, UnavailableError
from nurt.kernels import use
from nurt.nn import (
    GRU,
    LSTM,
    AbstractCell,
    Bidirectional,
    ElmanCell,
    GRUCell,
    LinearCell,
    LinearState,
    LSTMCell,
    Recurrent,
    Regularisation,
    Stack,
    explain,
    stream,
    swap_back,
    to_torch,
    unroll,
)
from nurt.nn.regularisation import Dropout, drop, drop_inputs, drop_weights, step_options

FIELDS = ("zoneout_hidden", "zoneout_cell", "input_dropout", "state_dropout", "weight_dropout")
B, T, IN, H = 4, 6, 3, 5


class Leaky(AbstractCell[LinearState]):
    """A cell of one's own."""

    def initial_state(self, batch):
        return LinearState(torch.zeros(batch, self.hidden_size))

    def step(self, x, state):
        return LinearState(0.5 * x + 0.5 * state.hidden)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (-0.1, NurtValueError),
        (1.0, NurtValueError),
        (float("nan"), NurtValueError),
        ("a", NurtTypeError),
        (True, NurtTypeError),
    ],
)
def test_what_is_no_probability_below_one_is_refused_by_name(field, value, error):
    with pytest.raises(error, match=f"`{field}`"):
        Regularisation(**{field: value})


@pytest.mark.parametrize("bound", [0, -1.0, float("nan")])
def test_a_bound_that_bounds_nothing_is_refused(bound):
    for make in (
        lambda: Recurrent(GRUCell(IN, H), gradient_clip=bound),
        lambda: Bidirectional(GRUCell(IN, H), GRUCell(IN, H), gradient_clip=bound),
        lambda: LSTM(IN, H, gradient_clip=bound),
        lambda: unroll(GRUCell(IN, H), torch.ones(B, T, IN), gradient_clip=bound),
    ):
        with pytest.raises(NurtValueError, match="`gradient_clip`"):
            make()
    with pytest.raises(NurtTypeError, match="`gradient_clip`"):
        Recurrent(GRUCell(IN, H), gradient_clip="1")


def test_what_a_cell_has_no_place_for_is_refused_when_the_layer_is_made():
    for make in (Recurrent, lambda cell, **options: Bidirectional(LSTMCell(IN, H), cell, **options)):
        with pytest.raises(NurtValueError, match="without a cell state"):
            make(GRUCell(IN, H), regularisation=Regularisation(zoneout_cell=0.1))
    with pytest.raises(NurtValueError, match="without a cell state"):
        GRU(IN, H, regularisation=Regularisation(zoneout_cell=0.1))
    for field in ("state_dropout", "weight_dropout"):
        with pytest.raises(NurtValueError, match=f"`{field}` acts at W_hh"):
            Recurrent(Leaky(H, H), regularisation=Regularisation(**{field: 0.1}))
    with pytest.raises(NurtTypeError, match="`regularisation`"):
        LSTM(IN, H, regularisation=0.5)


def test_a_cell_of_ones_own_takes_the_rest():
    layer = Recurrent(
        Leaky(H, H), regularisation=Regularisation(zoneout_hidden=0.5, input_dropout=0.5), gradient_clip=1
    )
    outputs, _ = layer.eval()(torch.ones(B, 2, H))
    assert outputs[0, :, 0].tolist() == [0.25, 0.4375]


def test_the_input_mask_is_one_per_row_and_feature_for_all_steps_and_keeps_the_mean():
    torch.manual_seed(3)
    dropped = drop_inputs(torch.ones(2000, T, IN), 0.25)
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert dropped.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert dropped.mean().item() == pytest.approx(1, abs=0.03)
    assert dropped[:, 0].unique(dim=0).shape[0] == 2**IN


def test_the_weight_mask_falls_on_the_recurrent_matrix_alone():
    torch.manual_seed(3)
    weights = LSTMCell(IN, 50).weights
    dropped = drop_weights(weights, 0.4)
    kept = dropped.weight_hh != 0
    assert kept.double().mean().item() == pytest.approx(0.6, abs=0.02)
    assert_agree(dropped.weight_hh[kept], weights.weight_hh[kept] / 0.6, OUTPUTS[torch.float32], "kept weights")
    assert all(
        one is other
        for one, other in zip(dropped._replace(weight_hh=None), weights._replace(weight_hh=None), strict=True)
    )


def test_masks_of_the_state_have_the_frequencies_asked_for():
    torch.manual_seed(3)
    state = LSTMCell(IN, 40).initial_state(100)
    chosen = Regularisation(zoneout_hidden=0.1, zoneout_cell=0.7, state_dropout=0.5)
    drawn = step_options(chosen, 2.0, state, T, training=True)
    assert drawn.keep_hidden.shape == drawn.keep_cell.shape == (100, T, 40)
    assert drawn.keep_hidden.mean().item() == pytest.approx(0.1, abs=0.01)
    assert drawn.keep_cell.mean().item() == pytest.approx(0.7, abs=0.01)
    assert drawn.hidden_mask.unique().tolist() == [0.0, 2.0]
    assert drawn.hidden_mask.mean().item() == pytest.approx(1, abs=0.05)
    assert drawn.gradient_clip == 2.0
    mean = step_options(chosen, None, state, T, training=False)
    assert (mean.hidden_mask, mean.keep_hidden, mean.keep_cell, mean.gradient_clip) == (None, 0.1, 0.7, None)


@pytest.mark.parametrize("field", FIELDS)
def test_a_seed_repeats_the_masks_and_evaluation_draws_none(field):
    layer = Recurrent(LSTMCell(IN, H), regularisation=Regularisation(**{field: 0.5}))
    inputs = torch.randn(B, T, IN)

    def outputs(seed):
        torch.manual_seed(seed)
        return layer(inputs, lengths=[6, 5, 2, 6])[0]

    assert torch.equal(outputs(1), outputs(1))
    assert not torch.equal(outputs(1), outputs(2))
    layer.eval()
    assert torch.equal(outputs(1), outputs(2))
    plain, _ = Recurrent(layer.cell)(inputs, lengths=[6, 5, 2, 6])
    assert torch.equal(outputs(1), plain) == (not field.startswith("zoneout"))


def test_zoneout_in_evaluation_is_its_mean_step_by_step():
    cell, inputs = GRUCell(IN, H).double(), torch.randn(B, T, IN, dtype=torch.float64)
    outputs, _ = unroll(cell.eval(), inputs, regularisation=Regularisation(zoneout_hidden=0.3))
    state = cell.initial_state(B)
    for t in range(T):
        state = type(state)(0.3 * state.hidden + 0.7 * cell.step(inputs[:, t], state).hidden)
        assert_agree(outputs[:, t], state.hidden, OUTPUTS[torch.float64], f"step {t}")


def test_zoneout_in_training_keeps_whole_numbers_of_units():
    torch.manual_seed(5)
    cell, inputs = ElmanCell(IN, 64), torch.randn(B, T, IN)
    outputs, _ = unroll(cell, inputs, regularisation=Regularisation(zoneout_hidden=0.5))
    same = outputs[:, 1:] == outputs[:, :-1]
    assert same.double().mean().item() == pytest.approx(0.5, abs=0.05)


def test_weight_and_input_dropout_leave_the_rung_that_runs_alone():
    layer = Recurrent(LSTMCell(IN, H), regularisation=Regularisation(input_dropout=0.2, weight_dropout=0.5))
    assert explain(layer).parts["cell"].rung == explain(layer.cell).parts["LSTMCell"].rung
    results = []
    for rung in ("native", "reference"):
        torch.manual_seed(2)
        with use(rung):
            results.append(layer(torch.ones(B, T, IN))[0])
    assert_agree(results[0], results[1], OUTPUTS[torch.float32], "outputs")


def test_explain_counts_the_options_of_the_layers_in_their_mode():
    dropping = Recurrent(GRUCell(IN, H), regularisation=Regularisation(state_dropout=0.2), gradient_clip=1.0)
    assert explain(dropping).parts["cell"].options == ("gradient_clip", "state_dropout")
    assert explain(dropping.eval()).parts["cell"].options == ("gradient_clip",)
    zoned = LSTM(IN, H, regularisation=Regularisation(zoneout_cell=0.2))
    assert explain(zoned.eval()).parts["LSTM"].options == ("zoneout",)


def test_a_forced_rung_without_the_option_is_an_error():
    layer = Recurrent(LSTMCell(IN, H), regularisation=Regularisation(zoneout_hidden=0.2))
    with use("torch"), pytest.raises(UnavailableError, match="zoneout"):
        layer(torch.ones(B, T, IN))


@pytest.mark.parametrize("options", [{"regularisation": Regularisation(zoneout_hidden=0.2)}, {"gradient_clip": 1.0}])
def test_what_torch_lacks_is_not_lost_in_a_conversion(options):
    for module in (
        LSTM(IN, H, **options),
        Recurrent(LSTMCell(IN, H), **options),
        Stack([Bidirectional(LSTMCell(IN, H), LSTMCell(IN, H), **options)]),
    ):
        with pytest.raises(UnavailableError, match="torch has not"):
            to_torch(module)
    with pytest.raises(UnavailableError, match="layer of torch"):
        swap_back(torch.nn.Sequential(GRU(IN, H, **options)))


def test_a_layer_with_zoneout_is_not_streamed_as_if_it_had_none():
    with pytest.raises(UnavailableError, match="zoneout"):
        stream(LSTM(IN, H, regularisation=Regularisation(zoneout_hidden=0.2)))
    stream(LSTM(IN, H, regularisation=Regularisation(input_dropout=0.2)))


def test_layers_print_the_options_they_were_given():
    chosen = Regularisation(zoneout_hidden=0.2)
    printed = "regularisation=Regularisation(zoneout_hidden=0.2), gradient_clip=1.0"
    for layer in (
        Recurrent(LinearCell(IN, H), regularisation=chosen, gradient_clip=1),
        Bidirectional(GRUCell(IN, H), GRUCell(IN, H), regularisation=chosen, gradient_clip=1),
        LSTM(IN, H, regularisation=chosen, gradient_clip=1),
    ):
        assert printed in repr(layer)
    assert repr(GRU(IN, H)) == "GRU(3, 5)"


LAID = {
    "contiguous": lambda: torch.randn(3, 5, 7),
    "time first": lambda: torch.randn(5, 3, 7).transpose(0, 1),
    "every other column": lambda: torch.randn(3, 5, 14)[..., ::2],
    "expanded": lambda: torch.randn(3, 1, 7).expand(3, 5, 7),
    "double": lambda: torch.randn(3, 5, 7, dtype=torch.float64),
    "bfloat16": lambda: torch.randn(3, 5, 7).bfloat16(),
    "a number": lambda: torch.randn(()),
    "empty": lambda: torch.randn(0, 5),
}


@pytest.mark.parametrize("laid", LAID)
@given(probability=st.sampled_from([0.0, 0.25, 1.0]) | st.floats(0, 1), seed=st.integers(0, 2**32))
def test_numbers_gradients_and_what_is_drawn_next_are_those_of_torch(laid, probability, seed):
    results = []
    for way in (drop, torch.nn.functional.dropout):
        torch.manual_seed(1)
        inputs = LAID[laid]().requires_grad_()
        torch.manual_seed(seed)
        outputs = way(inputs, probability)
        outputs.double().sin().sum().backward()
        results.append((outputs.detach(), inputs.grad, torch.rand(2)))
    for mine, theirs in zip(*results, strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("randomness", ["different", "same"])
def test_under_vmap_rows_are_dropped_as_torch_drops_them(randomness):
    results = []
    for way in (drop, torch.nn.functional.dropout):
        torch.manual_seed(3)
        results.append(torch.func.vmap(lambda row, way=way: way(row, 0.5), randomness=randomness)(torch.ones(4, 6)))
    assert torch.equal(*results)


def test_vmap_refuses_where_torch_refuses():
    drop(torch.ones(3), 0.5)
    with pytest.raises(RuntimeError, match="randomness"):
        torch.func.vmap(lambda row: drop(row, 0.5))(torch.ones(4, 6))


def test_nan_is_not_hidden():
    assert drop(torch.full((50,), torch.nan), 0.5).isnan().all()


def test_the_module_drops_in_training_alone():
    layer, inputs = Dropout(0.5), torch.ones(100)
    assert 0 < int((layer(inputs) == 0).sum()) < 100
    assert layer.eval()(inputs) is inputs


def test_the_module_goes_through_a_compiler():
    layer, inputs = torch.compile(Dropout(0.5), fullgraph=True, backend="eager"), torch.ones(64)
    torch.manual_seed(2)
    found = layer(inputs)
    torch.manual_seed(2)
    assert torch.equal(found, torch.nn.functional.dropout(inputs, 0.5))
