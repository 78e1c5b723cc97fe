"""The drop-in cells: torch's numbers, names, states and refusals, on every rung and in a trace."""

from __future__ import annotations

import inspect

import pytest
import torch
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch import nn

import nurt.nn
from nurt.errors import NurtError, UnavailableError
from nurt.kernels import use
from nurt.nn import DropInGRUCell, DropInLSTMCell, DropInRNNCell

PAIRS = {nn.RNNCell: DropInRNNCell, nn.GRUCell: DropInGRUCell, nn.LSTMCell: DropInLSTMCell}


def pair(theirs, *arguments, **options):
    torch.manual_seed(5)
    one = theirs(*arguments, **options)
    torch.manual_seed(5)
    return PAIRS[theirs](*arguments, **options), one


def flat(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("theirs", PAIRS)
def test_constructor_call_weights_and_names_are_torchs(theirs):
    mine, other = pair(theirs, 3, 5)
    for function in ("__init__", "forward"):
        one, wanted = (inspect.signature(getattr(kind, function)).parameters for kind in (type(mine), theirs))
        assert [(each.name, each.default) for each in one.values()] == [
            (each.name, each.default) for each in wanted.values()
        ]
    assert list(mine.state_dict()) == list(other.state_dict())
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in mine.state_dict().items())
    assert isinstance(mine, theirs)


@pytest.mark.parametrize("rung", ["native", "torch", "adjoint", "reference"])
@pytest.mark.parametrize("shape", [(3,), (1, 3), (4, 3), (0, 3)])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("theirs", PAIRS)
def test_steps_and_gradients_are_torchs(theirs, given, shape, rung):
    mine, other = pair(theirs, 3, 5, bias=given, dtype=torch.float64)
    found = []
    for cell in (mine, other):
        x = torch.arange(float(torch.Size(shape).numel()), dtype=torch.float64).reshape(shape).cos().requires_grad_()
        hidden = torch.full((*shape[:-1], 5), 0.3, dtype=torch.float64, requires_grad=True)
        hx = None if not given else (hidden, hidden * 2) if theirs is nn.LSTMCell else hidden
        with use(rung):
            state = cell(x, hx)
            again = cell(x, state)
        total = sum(one.square().sum() for one in flat(again))
        asked = [x, *cell.parameters(), *([hidden] if given else [])]
        found.append([*flat(state), *flat(again), *torch.autograd.grad(total, asked)])
    for index, (one, wanted) in enumerate(zip(*found, strict=True)):
        assert one.shape == wanted.shape
        assert_agree(one, wanted, (OUTPUTS if index < 2 else GRADIENTS)[torch.float64], f"{theirs.__name__} {index}")


def states(theirs, *shape, **options):
    state = torch.zeros(*shape, **options)
    return (state, state) if theirs is nn.LSTMCell else state


X = torch.ones(4, 3)
REFUSED = {
    "three axes": lambda _: (torch.ones(1, 4, 3),),
    "no axis": lambda _: (torch.tensor(1.0),),
    "features": lambda _: (torch.ones(4, 7),),
    "double": lambda _: (X.double(),),
    "elsewhere": lambda _: (X.to("meta"),),
    "no tensor": lambda _: ([1.0],),
    "hx batch": lambda kind: (X, states(kind, 3, 5)),
    "hx features": lambda kind: (X, states(kind, 4, 6)),
    "hx axes": lambda kind: (X, states(kind, 1, 1, 4, 5)),
    "hx double": lambda kind: (X, states(kind, 4, 5, dtype=torch.float64)),
    "hx of a batch for one row": lambda kind: (X[0], states(kind, 1, 5)),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("theirs", PAIRS)
def test_what_torch_refuses_is_refused_with_its_types_in_words(theirs, case):
    mine, other = pair(theirs, 3, 5)
    with pytest.raises(Exception) as expected:
        other(*REFUSED[case](theirs))
    with pytest.raises(NurtError, match=rf"nurt.nn.{type(mine).__name__}: ") as caught:
        mine(*REFUSED[case](theirs))
    assert isinstance(caught.value, expected.type)


def test_sizes_and_nonlinearities_are_checked_when_the_cell_is_made():
    for arguments in ((0, 5), (3, -1), (3.5, 5)):
        with pytest.raises(NurtError, match="_size"):
            DropInGRUCell(*arguments)
    with pytest.raises(ValueError, match="nonlinearity"):
        DropInRNNCell(3, 5, nonlinearity="sigmoid")
    with pytest.raises(TypeError, match="not a pair"):
        DropInLSTMCell(3, 5)(X, torch.zeros(4, 5))
    with pytest.raises(TypeError, match="wrong number"):
        DropInLSTMCell(3, 5)(X, (torch.zeros(4, 5),))


def test_explain_names_them_and_a_forced_rung_that_cannot_serve_is_an_error():
    assert nurt.nn.explain(nn.Sequential(DropInGRUCell(3, 5))).parts["0"].rung == "native"
    with use("native"), pytest.raises(UnavailableError, match="bfloat16"):
        DropInGRUCell(3, 5, dtype=torch.bfloat16)(X.bfloat16())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("theirs", PAIRS)
def test_a_traced_cell_takes_other_batches(theirs):
    mine, other = pair(theirs, 3, 5)
    traced = torch.jit.trace(mine, (X, states(theirs, 4, 5)))
    x, state = torch.randn(7, 3), states(theirs, 7, 5)
    for one, wanted in zip(flat(traced(x, state)), flat(other(x, state)), strict=True):
        assert_agree(one, wanted, OUTPUTS[torch.float32], theirs.__name__)


@pytest.mark.parametrize("theirs", PAIRS)
def test_from_and_to_torch(theirs):
    mine, _ = pair(theirs, 3, 5)
    back = nurt.nn.to_torch(mine)
    assert type(back) is theirs
    assert torch.equal(back.weight_hh, mine.weight_hh)
    assert back.weight_hh is not mine.weight_hh
