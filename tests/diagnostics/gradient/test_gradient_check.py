"""The check passes what is right, names what is wrong, and does not blame rounding on anybody."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nurt.diagnostics import check_gradient
from nurt.errors import NurtTypeError
from nurt.nn import GRU, LSTM, RNN


class Product(torch.autograd.Function):
    """x·w with an adjoint that can be broken: ``fault`` is added to the derivative by w[1, 2]."""

    @staticmethod
    def forward(ctx: object, x: Tensor, w: Tensor, fault: float) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.fault = fault
        return x @ w

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, w = ctx.saved_tensors
        by_w = x.T @ grad
        by_w[1, 2] *= 1 + ctx.fault
        return grad @ w.T, by_w, None


class Broken(nn.Module):
    def __init__(self, fault: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(4, 3).double()
        self.w = nn.Parameter(torch.randn(3, 4, dtype=torch.float64))
        self.fault = fault

    def forward(self, x: Tensor) -> Tensor:
        return Product.apply(self.first(x).tanh(), self.w, self.fault)


INPUTS = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("layer", [LSTM, GRU, RNN, nn.LSTM])
def test_the_gradients_of_the_layers_pass(layer: type[nn.Module]) -> None:
    torch.manual_seed(1)
    model = layer(4, 5).double()
    inputs = INPUTS.unsqueeze(1)
    check = check_gradient(model, lambda m: m(inputs)[0].square().mean())
    assert check.passed and len(check.weights) == check.parameters == sum(p.numel() for p in model.parameters())
    assert check.worst.error <= 1e-6
    assert "agrees with differences" in str(check)


@pytest.mark.parametrize("fault", [1e-4, -1.0, -2.0, float("nan")])
def test_a_broken_adjoint_fails_and_is_named(fault: float) -> None:
    check = check_gradient(Broken(fault), lambda m: m(INPUTS).square().sum())
    assert not check.passed
    assert [(one.name, one.index) for one in check.failed] == [("w", (1, 2))]
    assert check.worst == check.failed[0]
    assert "does NOT agree" in str(check) and "w[1, 2]" in str(check)


def test_the_same_adjoint_passes_when_it_is_whole() -> None:
    assert check_gradient(Broken(0.0), lambda m: m(INPUTS).square().sum()).passed


def test_a_derivative_below_the_rounding_of_the_loss_is_not_blamed() -> None:
    class Faint(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor([0.3, 0.7], dtype=torch.float64))

    check = check_gradient(Faint(), lambda m: 1.0 + 1e-9 * m.w[0].sin() + m.w[1] ** 2)
    assert check.passed
    assert [one.index for one in check.unresolved] == [(0,)]
    assert check.worst.index == (1,)
    assert "1 derivatives are too small" in str(check)


def test_many_weights_are_sampled_with_every_parameter_among_them() -> None:
    model = nn.Sequential(nn.Linear(60, 40), nn.Tanh(), nn.Linear(40, 1)).double()
    inputs = torch.randn(3, 60, dtype=torch.float64)

    def check(seed: int) -> set[tuple[str, tuple[int, ...]]]:
        found = check_gradient(model, lambda m: m(inputs).square().sum(), seed=seed)
        assert found.passed and len(found.weights) == 1000 and found.parameters == 2481
        assert {one.name for one in found.weights} == {"0.weight", "0.bias", "2.weight", "2.bias"}
        return {(one.name, one.index) for one in found.weights}

    one, same, other = check(0), check(0), check(1)
    assert one == same != other and len(one) == 1000


def test_a_check_can_be_stopped() -> None:
    check = check_gradient(Broken(0.0), lambda m: m(INPUTS).sum(), progress=lambda done, _total: done < 5)
    assert len(check.weights) == 5 and not check.complete and "stopped" in str(check)


def test_it_is_plain_json_and_draws_itself() -> None:
    check = check_gradient(Broken(1e-3), lambda m: m(INPUTS).square().sum())
    assert json.loads(json.dumps(check.to_dict(), allow_nan=False))["parameters"] == 27
    assert {trace.name for trace in check.plot().data} >= {"agrees", "wrong"}


@pytest.mark.parametrize(
    ("model", "got"),
    [
        (nn.Linear(2, 1), "weight in torch.float32"),
        (nn.Linear(2, 1).double().requires_grad_(False), "none that learns"),
        (nn.Tanh(), "Tanh"),
    ],
)
def test_what_cannot_be_checked_is_refused(model: nn.Module, got: str) -> None:
    with pytest.raises(NurtTypeError, match=got):
        check_gradient(model, lambda _m: torch.zeros(()))


def test_weights_that_do_not_learn_are_passed_over() -> None:
    model = Broken(1.0)
    model.w.requires_grad_(False)
    loss: Callable[[nn.Module], Tensor] = lambda m: m(INPUTS).square().sum()  # noqa: E731 - one line to read
    check = check_gradient(model, loss)
    assert check.passed and {one.name for one in check.weights} == {"first.weight", "first.bias"}
