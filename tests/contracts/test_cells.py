"""One battery over every cell and rung, and proof that each check can fail."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from nurt.errors import UnavailableError
from nurt.kernels import use
from nurt.nn import (
    CELLS,
    AbstractCell,
    CIFGLSTMCell,
    ContractError,
    ElmanCell,
    GRUCell,
    LayerNormLSTMCell,
    LinearState,
    LSTMCell,
    check_cell,
)
from nurt.nn.cell_contract import CHECKS
from nurt.nn.cells.base import DenseCell

# Every dense cell of the registry, whole and without biases; sizes are odd, one, and unequal on purpose.
DENSE = {name: kind for name, kind in CELLS.items() if issubclass(kind, DenseCell)}
FACTORIES = {
    **{name: lambda kind=kind: kind(3, 5) for name, kind in DENSE.items()},
    **{f"{name}, no bias": lambda kind=kind: kind(3, 5, bias=False) for name, kind in DENSE.items()},
    "elman, relu": lambda: ElmanCell(3, 5, nonlinearity="relu"),
    "elman, sigmoid": lambda: ElmanCell(3, 5, nonlinearity="sigmoid"),
    "elman, learned start": lambda: ElmanCell(3, 5).learn_initial_state(),
    "lstm, learned start": lambda: LSTMCell(3, 5).learn_initial_state(),
    "lstm, one unit": lambda: LSTMCell(1, 1),
    "cifg_lstm, one unit": lambda: CIFGLSTMCell(1, 1),
    "layer_norm_lstm, one unit": lambda: LayerNormLSTMCell(2, 1),
    "gru, wide": lambda: GRUCell(2, 17),
}


@pytest.mark.parametrize("rung", ["native", "torch", "adjoint", "reference"])
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("cell", FACTORIES)
def test_every_cell_obeys_the_contract(cell, check, rung):
    torch.manual_seed(23)
    with use(rung):
        if lacks(rung, FACTORIES[cell]().recurrence.name) and check not in STEP_ALONE:
            with pytest.raises(UnavailableError):
                CHECKS[check](FACTORIES[cell])
        else:
            CHECKS[check](FACTORIES[cell])


def lacks(rung: str, recurrence: str) -> bool:
    """Return whether the rung has no such recurrence: torch's operators are five, the others have all."""
    known = ("elman_tanh", "elman_relu", "lstm", "projected_lstm", "gru")
    return rung == "torch" and recurrence not in known


# These look at step() alone, which no rung has a say in.
STEP_ALONE = ("the state is closed under step()", "arguments are left alone")


def test_the_report_names_the_cell_and_is_json():
    report = check_cell(FACTORIES["gru"])
    assert str(report).startswith("GRUCell obeys the contract of a cell:\n")
    assert json.loads(json.dumps(report.to_dict())) == {"cell": "GRUCell", "checks": list(CHECKS)}


class Mean(AbstractCell[LinearState]):
    """A right cell, to be broken below."""

    def __init__(self) -> None:
        super().__init__(3, 3)
        self.weight = torch.nn.Parameter(torch.tensor(0.4))

    def initial_state(self, batch: int) -> LinearState:
        return LinearState(self.weight.new_zeros(batch, 3))

    def step(self, x: Tensor, state: LinearState) -> LinearState:
        return LinearState(self.weight * torch.tanh(x) + 0.5 * state.hidden)


class ForgetsDtype(Mean):
    def initial_state(self, batch):
        return LinearState(torch.zeros(batch, 3))


class StaysSingle(Mean):
    def initial_state(self, batch):
        return LinearState(torch.zeros(batch, 3))

    def step(self, x, state):
        return LinearState(super().step(x, state).hidden.float())


class IgnoresTheBatch(Mean):
    def initial_state(self, batch):
        return LinearState(super().initial_state(batch).hidden.new_zeros(2, 3))

    def step(self, x, state):
        return LinearState(super().step(x.mean(0), state).hidden)


class Grows(Mean):
    def step(self, x, state):
        return LinearState(torch.cat([super().step(x, state).hidden, x], dim=1))


class ReturnsATuple(Mean):
    def step(self, x, state):
        return tuple(super().step(x, state))


class WritesIntoItsState(Mean):
    def step(self, x, state):
        with torch.no_grad():
            state.hidden.mul_(0.9)
        return super().step(x, state)


class CentresTheBatch(Mean):
    def step(self, x, state):
        return super().step(x - x.mean(0), state)


class CountsCalls(Mean):
    calls = 0

    def step(self, x, state):
        self.calls += 1
        return super().step(x + self.calls, state)


class HidesAWeight(Mean):
    def __init__(self):
        super().__init__()
        self.hidden_weight = torch.randn(())

    def step(self, x, state):
        return super().step(x * self.hidden_weight, state)


class WrongGradient(Mean):
    def step(self, x, state):
        class Halved(torch.autograd.Function):
            @staticmethod
            def forward(_, value):
                return value.clone()

            @staticmethod
            def backward(_, gradient):
                return gradient / 2

        return super().step(Halved.apply(x), state)


BROKEN = {
    ForgetsDtype: "the state is closed under step()",
    StaysSingle: "the state is closed under step()",
    IgnoresTheBatch: "the state is closed under step()",
    Grows: "the state is closed under step()",
    ReturnsATuple: "the state is closed under step()",
    WritesIntoItsState: "arguments are left alone",
    CountsCalls: "arguments are left alone",
    CentresTheBatch: "rows of a batch do not meet",
    HidesAWeight: "the state_dict holds all weights",
    WrongGradient: "gradients agree with finite differences",
}


def test_the_right_cell_passes():
    check_cell(Mean)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_cell_is_caught_by_the_check_made_for_it(broken):
    with pytest.raises(ContractError, match=broken.__name__) as caught:
        CHECKS[BROKEN[broken]](broken)
    assert isinstance(caught.value, AssertionError)
    with pytest.raises(ContractError):
        check_cell(broken)


UNROLL_CHECKS = {
    "unrolling is step() repeated": "skips the first step",
    "two chunks are the whole": "starts anew",
    "backwards is forwards mirrored": "ignores reverse",
    "rows end where they end": "ignores lengths",
    "padding is never read": "reads the padding",
}


@pytest.mark.parametrize("check", UNROLL_CHECKS)
def test_a_broken_unroll_is_caught_by_the_check_made_for_it(check, monkeypatch):
    from nurt.nn import cell_contract

    right = cell_contract.unroll

    def broken(cell, inputs, state=None, lengths=None, reverse=False):
        match UNROLL_CHECKS[check]:
            case "skips the first step":
                outputs, final = right(cell, inputs, state, lengths, reverse)
                return outputs.roll(1, dims=1), final
            case "starts anew":
                return right(cell, inputs, None, lengths, reverse)
            case "ignores reverse":
                return right(cell, inputs, state, lengths, False)
            case "ignores lengths":
                return right(cell, inputs, state, None, reverse)
            case "reads the padding":
                outputs, final = right(cell, inputs, state, lengths, reverse)
                return outputs + 0 * inputs.sum(), final

    monkeypatch.setattr(cell_contract, "unroll", broken)
    with pytest.raises(ContractError):
        CHECKS[check](Mean)
