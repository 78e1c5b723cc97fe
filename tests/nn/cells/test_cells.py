"""The cells: the same numbers and first weights as torch's, and clear refusals."""

from __future__ import annotations

import copy

import pytest
import torch
from tests.cells import DENSE
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree

from nurt.errors import NurtTypeError, NurtValueError
from nurt.nn import ElmanCell, GRUCell, LinearCell, LSTMCell, ProjectedLSTMCell

B, IN, H = 3, 4, 5
PAIRS = {
    "tanh": (ElmanCell, torch.nn.RNNCell, {"nonlinearity": "tanh"}),
    "relu": (ElmanCell, torch.nn.RNNCell, {"nonlinearity": "relu"}),
    "lstm": (LSTMCell, torch.nn.LSTMCell, {}),
    "gru": (GRUCell, torch.nn.GRUCell, {}),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", PAIRS)
def test_a_cell_starts_from_the_same_random_weights_as_torch(kind, bias):
    ours, theirs, options = PAIRS[kind]
    torch.manual_seed(3)
    mine = ours(IN, H, bias=bias, **options).state_dict()
    torch.manual_seed(3)
    reference = theirs(IN, H, bias=bias, **options).state_dict()
    assert list(mine) == list(reference)
    assert all(torch.equal(mine[name], reference[name]) for name in reference)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", PAIRS)
def test_a_step_and_its_gradients_are_torchs(kind, bias, dtype):
    torch.manual_seed(7)
    ours, theirs, options = PAIRS[kind]
    cell, reference = ours(IN, H, bias=bias, dtype=dtype, **options), theirs(IN, H, bias=bias, dtype=dtype, **options)
    cell.load_state_dict(reference.state_dict())
    x = torch.randn(B, IN, dtype=dtype)
    fields = [torch.randn(B, H, dtype=dtype) for _ in cell.initial_state(B)]
    results = []
    for module in (cell, reference):
        leaves = [tensor.clone().requires_grad_() for tensor in (x, *fields)]
        if module is cell:
            after = tuple(cell.step(leaves[0], type(cell.initial_state(B))(*leaves[1:])))
        else:
            after = reference(leaves[0], tuple(leaves[1:]) if kind == "lstm" else leaves[1])
            after = after if kind == "lstm" else (after,)
        flat = torch.cat([value.flatten() for value in after])
        gradients = torch.autograd.grad(
            flat @ torch.linspace(1, 2, len(flat), dtype=dtype), [*leaves, *module.parameters()]
        )
        results.append((after, gradients))
    for mine, wanted in zip(results[0][0], results[1][0], strict=True):
        assert_agree(mine, wanted, OUTPUTS[dtype], "state")
    for mine, wanted in zip(results[0][1], results[1][1], strict=True):
        assert_agree(mine, wanted, GRADIENTS[dtype], "gradient")


def test_a_projected_cell_is_one_layer_of_torchs_projected_lstm():
    torch.manual_seed(7)
    cell, layer = (
        ProjectedLSTMCell(IN, H, 2, dtype=torch.float64),
        torch.nn.LSTM(IN, H, proj_size=2, dtype=torch.float64),
    )
    layer.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    x = torch.randn(B, IN, dtype=torch.float64)
    _, (hidden, memory) = layer(x.unsqueeze(0))
    state = cell.step(x, cell.initial_state(B))
    assert_agree(state.hidden, hidden[0], OUTPUTS[torch.float64], "hidden")
    assert_agree(state.cell, memory[0], OUTPUTS[torch.float64], "cell")
    assert cell.output_size == 2


@pytest.mark.parametrize("kind", DENSE)
def test_first_weights_fill_the_interval_of_plus_minus_one_over_root_h(kind):
    torch.manual_seed(1)
    for name, parameter in DENSE[kind](40, 64).named_parameters():
        if name.startswith("norm"):
            assert torch.equal(parameter, torch.full_like(parameter, 0.0 if name.endswith("bias") else 1.0))
            continue
        assert 0.115 < parameter.max() <= 0.125
        assert -0.125 <= parameter.min() < -0.115


@pytest.mark.parametrize("kind", DENSE)
def test_the_initial_state_follows_dtype_and_device_of_the_cell(kind):
    cell = DENSE[kind](IN, H, device="meta").to(torch.bfloat16)
    for field in cell.initial_state(B):
        assert (field.shape, field.dtype, field.device.type) == ((B, H), torch.bfloat16, "meta")


@pytest.mark.parametrize("kind", DENSE)
def test_a_deep_copy_is_a_cell_of_its_own(kind):
    cell = DENSE[kind](IN, H)
    twin = copy.deepcopy(cell)
    with torch.no_grad():
        twin.weight_hh.zero_()
    assert cell.weight_hh.abs().min() > 0


@pytest.mark.parametrize(("size", "error"), [(0, NurtValueError), (-3, NurtValueError), (2.0, NurtTypeError)])
@pytest.mark.parametrize("name", ["input_size", "hidden_size"])
def test_sizes_that_are_not_whole_numbers_above_zero_are_refused_by_name(name, size, error):
    sizes = {"input_size": IN, "hidden_size": H, name: size}
    with pytest.raises(error, match=f"LinearCell: `{name}`"):
        LinearCell(**sizes)


def test_an_unknown_nonlinearity_is_refused_with_a_hint_at_the_linear_cell():
    with pytest.raises(NurtValueError, match="LinearCell"):
        ElmanCell(IN, H, nonlinearity="identity")


@pytest.mark.parametrize("proj_size", [0, H, H + 1])
def test_a_projection_that_does_not_narrow_is_refused(proj_size):
    with pytest.raises(NurtValueError, match="proj_size"):
        ProjectedLSTMCell(IN, H, proj_size)


def test_cells_print_their_sizes():
    assert repr(LSTMCell(3, 5, bias=False)) == "LSTMCell(3, 5, bias=False)"
    assert repr(ElmanCell(3, 5, nonlinearity="relu")) == "ElmanCell(3, 5, nonlinearity=relu)"
    assert repr(ProjectedLSTMCell(3, 5, 2)) == "ProjectedLSTMCell(3, 5, proj_size=2)"
