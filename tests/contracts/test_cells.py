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
    LinearCell,
    LinearState,
    LSTMCell,
    PeepholeLSTMCell,
    ProjectedLSTMCell,
    ResetBeforeGRUCell,
    check_cell,
)
from nurt.nn.cell_contract import CHECKS
from nurt.nn.cells.dense import DenseCell

# Every cell of the package has a row; sizes are odd, one, and unequal on purpose.
FACTORIES = {
    "linear": lambda: LinearCell(3, 5),
    "linear, no bias": lambda: LinearCell(3, 5, bias=False),
    "elman tanh": lambda: ElmanCell(3, 5),
    "elman relu": lambda: ElmanCell(3, 5, nonlinearity="relu"),
    "lstm": lambda: LSTMCell(3, 5),
    "lstm, no bias": lambda: LSTMCell(3, 5, bias=False),
    "lstm of one unit": lambda: LSTMCell(1, 1),
    "projected lstm": lambda: ProjectedLSTMCell(3, 5, 2),
    "elman sigmoid": lambda: ElmanCell(3, 5, nonlinearity="sigmoid"),
    "elman that learns its start": lambda: ElmanCell(3, 5).learn_initial_state(),
    "lstm that learns its start": lambda: LSTMCell(3, 5).learn_initial_state(),
    "peephole lstm": lambda: PeepholeLSTMCell(3, 5),
    "peephole lstm, no bias": lambda: PeepholeLSTMCell(3, 5, bias=False),
    "cifg lstm": lambda: CIFGLSTMCell(3, 5),
    "cifg lstm of one unit": lambda: CIFGLSTMCell(1, 1),
    "layer norm lstm": lambda: LayerNormLSTMCell(3, 5),
    "layer norm lstm, no bias": lambda: LayerNormLSTMCell(3, 5, bias=False),
    "layer norm lstm of one unit": lambda: LayerNormLSTMCell(2, 1),
    "gru": lambda: GRUCell(3, 5),
    "gru, no bias": lambda: GRUCell(3, 5, bias=False),
    "gru, wide": lambda: GRUCell(2, 17),
    "reset-before gru": lambda: ResetBeforeGRUCell(3, 5),
    "reset-before gru, no bias": lambda: ResetBeforeGRUCell(3, 5, bias=False),
}


def test_every_cell_of_the_registry_has_a_row():
    dense = {kind for kind in CELLS.values() if issubclass(kind, DenseCell)}
    assert dense == {type(factory()) for factory in FACTORIES.values()}


@pytest.mark.parametrize("rung", ["native", "torch", "adjoint", "reference"])
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("cell", FACTORIES)
def test_every_cell_obeys_the_contract(cell, check, rung):
    torch.manual_seed(23)
    with use(rung):
        if cell.startswith(LACKING.get(rung, ())) and check not in STEP_ALONE:
            with pytest.raises(UnavailableError):
                CHECKS[check](FACTORIES[cell])
        else:
            CHECKS[check](FACTORIES[cell])


VARIANTS = ("peephole", "cifg", "layer norm", "reset-before")
LACKING = {"torch": ("linear", "elman sigmoid", *VARIANTS)}
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
