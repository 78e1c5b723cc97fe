"""One battery over every layer, cell and rung: what a layer owes to whoever stacks it."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import OUTPUTS, SAME_BITS, assert_agree

from nurt.kernels import use
from nurt.nn import (
    CELLS,
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    GRUCell,
    LinearCell,
    LSTMCell,
    ProjectedLSTMCell,
    Recurrent,
    Stack,
    build,
)

B, T, IN = 3, 7, 2
LENGTHS = (7, 1, 4)

LAYERS = {
    **{f"{kind} stack": lambda kind=kind: build(kind, IN, 5, num_layers=2, dropout=0.4) for kind in CELLS},
    **{f"{kind} both ways": lambda kind=kind: build(kind, IN, 5, num_layers=2, bidirectional=True) for kind in CELLS},
    "backwards": lambda: Recurrent(LSTMCell(IN, 17), reverse=True),
    "two kinds": lambda: Bidirectional(GRUCell(IN, 5), ProjectedLSTMCell(IN, 5, 2)),
    "mixed stack": lambda: Stack([Recurrent(LinearCell(IN, 4)), Bidirectional(GRUCell(4, 3), LSTMCell(4, 2))]),
    "RNN": lambda: RNN(IN, 5, 2, batch_first=True, dropout=0.4),
    "GRU": lambda: GRU(IN, 5, 2, batch_first=True, bidirectional=True),
    "LSTM": lambda: LSTM(IN, 5, 2, batch_first=True, bidirectional=True, proj_size=3),
}
# A layer that also runs backwards has seen the future of its first chunk.
CHAINABLE = [*(f"{kind} stack" for kind in CELLS), "RNN"]
RUNGS = (None, "reference")


def leaves(state):
    """Return the tensors of a state, however nested."""
    return [state] if isinstance(state, torch.Tensor) else [leaf for part in state for leaf in leaves(part)]


@pytest.fixture(params=RUNGS, ids=str)
def rung(request, monkeypatch):
    """Every test on the rung that the table gives, and on the reference."""
    monkeypatch.setenv("NURT_RUNG", request.param or "")


def made(name: str) -> torch.nn.Module:
    torch.manual_seed(31)
    return LAYERS[name]().double().eval()


def sequences() -> torch.Tensor:
    return torch.randn(B, T, IN, dtype=torch.float64, generator=torch.Generator().manual_seed(37))


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize("name", LAYERS)
def test_rows_of_a_batch_do_not_meet(name):
    layer, inputs = made(name), sequences()
    outputs, _ = layer(inputs)
    for row in range(B):
        alone, _ = layer(inputs[row : row + 1])
        assert_agree(outputs[row : row + 1], alone, OUTPUTS[torch.float64], f"row {row}")


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize("name", LAYERS)
def test_padding_reaches_neither_outputs_nor_states_nor_gradients(name):
    layer = made(name)
    past_end = torch.arange(T) >= torch.tensor(LENGTHS).unsqueeze(1)
    results = []
    for padding in (0.0, float("nan")):
        inputs = sequences().masked_fill(past_end.unsqueeze(2), padding).requires_grad_()
        outputs, state = layer(inputs, lengths=torch.tensor(LENGTHS))
        assert torch.equal(outputs[past_end], torch.zeros_like(outputs[past_end]))
        flat = torch.cat([outputs.flatten(), *(leaf.flatten() for leaf in leaves(state))])
        gradients = torch.autograd.grad(flat.square().sum(), [inputs, *layer.parameters()])
        results.append([outputs, *leaves(state), *gradients])
    for clean, poisoned in zip(*results, strict=True):
        assert_agree(poisoned, clean, SAME_BITS, "with NaN in the padding")


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize("name", LAYERS)
def test_a_row_with_a_length_is_the_row_cut_to_it(name):
    layer, inputs = made(name), sequences()
    outputs, _ = layer(inputs, lengths=list(LENGTHS))
    for row, length in enumerate(LENGTHS):
        cut, _ = layer(inputs[row : row + 1, :length])
        assert_agree(outputs[row : row + 1, :length], cut, OUTPUTS[torch.float64], f"row {row}")


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize("name", CHAINABLE)
def test_two_chunks_are_the_whole(name):
    layer, inputs = made(name), sequences()
    outputs, state = layer(inputs)
    first, between = layer(inputs[:, :3])
    second, last = layer(inputs[:, 3:], between)
    assert_agree(torch.cat([first, second], dim=1), outputs, OUTPUTS[torch.float64], "outputs")
    for mine, whole in zip(leaves(last), leaves(state), strict=True):
        assert_agree(mine, whole, OUTPUTS[torch.float64], "state")


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("batch", "steps"), [(1, 1), (1, 7), (3, 1)])
def test_one_row_and_one_step_are_no_special_case(name, batch, steps):
    layer, inputs = made(name), sequences()[:batch, :steps]
    outputs, state = layer(inputs)
    assert outputs.shape[:2] == (batch, steps)
    again, _ = layer(inputs, state)
    assert again.shape == outputs.shape
    assert not torch.equal(again, outputs)


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize("name", LAYERS)
def test_a_saved_and_loaded_layer_computes_the_same(name, tmp_path):
    layer, inputs = made(name), sequences()
    torch.save(layer.state_dict(), tmp_path / "weights")
    twin = LAYERS[name]().double().eval()
    twin.load_state_dict(torch.load(tmp_path / "weights", weights_only=True))
    assert torch.equal(twin(inputs)[0], layer(inputs)[0])


@pytest.mark.parametrize("name", LAYERS)
def test_huge_inputs_come_out_alike_on_both_rungs(name):
    layer, inputs = made(name), sequences() * 1e4
    expected, _ = layer(inputs)
    with use("reference"):
        outputs, _ = layer(inputs)
    assert_agree(outputs, expected, OUTPUTS[torch.float64], "saturated")
