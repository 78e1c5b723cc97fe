"""The leaky Elman cell: its constant reaches every rung, and at 1 it is Elman's cell."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import GRADIENTS, OUTPUTS, SAME_BITS, assert_agree

from nurt.errors import NurtValueError
from nurt.kernels import recording, use
from nurt.nn import ElmanCell, LeakyElmanCell, Recurrent, Regularisation, Stack, stream, unroll

IN, H = 3, 17


def inputs(dtype=torch.float64):
    return torch.randn(4, 7, IN, dtype=dtype, generator=torch.Generator().manual_seed(2))


def taken(layer, rung, x, **options):
    torch.manual_seed(5)
    with use(rung):
        outputs, state = layer(x, **options)
        found = torch.autograd.grad(outputs.sin().sum() + state.hidden.square().sum(), [*layer.parameters()])
    return outputs, found


@pytest.mark.parametrize("leak", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("rung", ["native", "adjoint"])
def test_any_leak_agrees_with_the_reference(rung, leak):
    cell = LeakyElmanCell(IN, H, leak=leak, dtype=torch.float64)
    for regularisation in (Regularisation(), Regularisation(0.3, state_dropout=0.2)):
        layer = Recurrent(cell, regularisation=regularisation, gradient_clip=0.5)
        outputs, found = taken(layer, rung, inputs(), lengths=[7, 0, 3, 5])
        expected, wanted = taken(layer, "reference", inputs(), lengths=[7, 0, 3, 5])
        assert_agree(outputs, expected, OUTPUTS[torch.float64], "outputs")
        for one, other in zip(found, wanted, strict=True):
            assert_agree(one, other, GRADIENTS[torch.float64], "gradients")


def test_with_a_leak_of_one_it_is_the_cell_of_elman():
    cell, elman = LeakyElmanCell(IN, H, leak=1), ElmanCell(IN, H)
    elman.load_state_dict(cell.state_dict())
    x = inputs(torch.float32)
    assert_agree(unroll(cell, x)[0], unroll(elman, x)[0], OUTPUTS[torch.float32], "outputs")


def test_the_leak_reaches_second_derivatives_a_compiler_a_stream_a_stack_and_a_recording():
    cell = LeakyElmanCell(IN, H, leak=0.2, dtype=torch.float64)
    x = inputs().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: unroll(cell, x)[0][:, -1, :2], (x[:1, :3].detach().requires_grad_(),))
    outputs = unroll(cell, x)[0]
    compiled = torch.compile(lambda x: unroll(cell, x)[0], backend="aot_eager")(x)
    assert_agree(compiled, outputs, SAME_BITS, "compiled")
    live = stream(Recurrent(cell), batch=4)
    assert torch.equal(torch.stack([live.step(x[:, t].detach()) for t in range(7)], dim=1), outputs)
    above = LeakyElmanCell(H, H, leak=0.2, dtype=torch.float64)
    stack = Stack([Recurrent(cell), Recurrent(above)])
    assert stack._fused_cells()
    assert torch.equal(stack(x)[0], unroll(above, outputs)[0])
    other = LeakyElmanCell(H, H, leak=0.3, dtype=torch.float64)
    assert not Stack([Recurrent(cell), Recurrent(other)])._fused_cells()
    with recording() as records:
        unroll(cell, x)
    assert records[0].constants == (0.2,)
    assert list(records[0].gates) == ["candidate"]


@pytest.mark.parametrize("leak", [0, -0.5, 1.01, float("nan"), True, "slow"])
def test_an_impossible_leak_is_refused(leak):
    with pytest.raises(NurtValueError, match="leak"):
        LeakyElmanCell(IN, H, leak=leak)
