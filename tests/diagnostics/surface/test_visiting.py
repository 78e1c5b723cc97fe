"""Whoever looks at the loss elsewhere finds the model as it was: weights, buffers, modes, flags, bit for bit."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from nurt.diagnostics import Adaptive, Grid, check_gradient, loss_surface, random_plane, trajectories, weight_plane
from nurt.diagnostics.surface.visiting import Counter
from nurt.errors import NurtTypeError, NurtValueError, ShapeError


class Worn(nn.Module):
    """A model with all that could be disturbed: modes of its own, a buffer it writes to, weights without gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(2, 3, dtype=torch.float64)
        self.norm = nn.BatchNorm1d(3, dtype=torch.float64)
        self.dropout = nn.Dropout(0.5)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.rnn.bias_hh_l0.requires_grad_(False)
        with torch.no_grad():
            self.rnn.bias_ih_l0[0] = -0.0
            self.norm.running_mean[0] = float("nan")
        self.train()
        self.norm.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        outputs, _ = self.rnn(inputs)
        return self.dropout(outputs).square().mean()


INPUTS = torch.randn(5, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


class Trouble:
    """A loss that fails at a call."""

    def __init__(self, at: int, error: BaseException) -> None:
        self.left, self.error = at, error

    def __call__(self, model: nn.Module) -> Tensor:
        self.left -= 1
        if self.left == 0:
            raise self.error
        return model(INPUTS)


@pytest.fixture
def model() -> Iterator[Worn]:
    """Give a model, and look at it afterwards."""
    one = Worn()
    before = copy.deepcopy(one)
    yield one
    for (name, now), then in zip(one.state_dict().items(), before.state_dict().values(), strict=True):
        assert torch.equal(now.reshape(-1).view(torch.int64), then.reshape(-1).view(torch.int64)), name
    assert [m.training for m in one.modules()] == [m.training for m in before.modules()]
    assert [p.requires_grad for p in one.parameters()] == [p.requires_grad for p in before.parameters()]
    assert all(p.grad is None and p.is_leaf for p in one.parameters())


LOOKS: dict[str, Callable] = {
    "grid": lambda loss, model: loss_surface(loss, random_plane(model), sampling=Grid(4), gradients=True),
    "adaptive": lambda loss, model: loss_surface(loss, random_plane(model), sampling=Adaptive(40, 1e-6, 3)),
    "walk": lambda loss, model: trajectories(loss, random_plane(model), (0.5, 0.5), 4),
    "gradient check": lambda loss, model: check_gradient(model, loss),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_model_comes_back_as_it_was(model: Worn, look: str) -> None:
    LOOKS[look](lambda m: m(INPUTS), model)


@pytest.mark.parametrize("error", [RuntimeError("in the loss"), KeyboardInterrupt(), SystemExit()])
@pytest.mark.parametrize("look", LOOKS)
def test_a_model_comes_back_as_it_was_after_an_exception(model: Worn, look: str, error: BaseException) -> None:
    for at in (1, 3, 9):
        with pytest.raises(type(error)):
            LOOKS[look](Trouble(at, error), model)


def test_a_model_comes_back_as_it_was_when_the_progress_raises(model: Worn) -> None:
    def progress(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loss_surface(lambda m: m(INPUTS), random_plane(model), progress=progress)


def test_nothing_is_dropped_while_it_lasts(model: Worn) -> None:
    seen = []

    def loss(m: Worn) -> Tensor:
        seen.append(m.training or any(part.training for part in m.modules()))
        return m(INPUTS)

    loss_surface(loss, random_plane(model), sampling=Grid(2))
    assert seen and not any(seen)


def test_weights_without_gradient_have_a_slope_too() -> None:
    model = nn.Linear(1, 1)
    model.requires_grad_(False)
    plane = weight_plane(model, "weight", "bias")
    surface = loss_surface(lambda m: (m.weight * m.bias).sum(), plane, (2, 3), (5, 7), Grid(2), gradients=True)
    assert surface.gradients.tolist() == [[5, 2], [5, 3], [7, 2], [7, 3]]


def test_no_graph_is_kept_where_no_gradient_is_asked_for(model: Worn) -> None:
    enabled = []

    def loss(m: Worn) -> Tensor:
        enabled.append(torch.is_grad_enabled())
        return m(INPUTS)

    loss_surface(loss, random_plane(model), sampling=Grid(2))
    assert not any(enabled)


def test_a_loss_that_does_not_depend_on_the_weights_is_flat() -> None:
    model = nn.Linear(1, 1)
    plane = weight_plane(model, "weight", "bias")
    surface = loss_surface(lambda _m: torch.tensor(2.0), plane, sampling=Grid(2), gradients=True)
    assert (surface.losses == 2).all() and not surface.gradients.any()


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (lambda _m: torch.rand(()), NurtValueError, "not the same twice"),
        (lambda _m: 1.0, NurtTypeError, "no tensor"),
        (lambda _m: torch.zeros(3), ShapeError, "no single number"),
    ],
)
def test_what_is_no_loss_is_refused(loss: Callable, error: type[Exception], message: str) -> None:
    model = nn.Linear(1, 1).double()
    with pytest.raises(error, match=message):
        loss_surface(loss, weight_plane(model, "weight", "bias"), sampling=Grid(2))
    with pytest.raises(error, match=message):
        check_gradient(model, loss)


def test_only_false_stops() -> None:
    for answer, going in ((None, True), (True, True), (0, True), (False, False)):
        counter = Counter(lambda _done, _total, answer=answer: answer, 3)
        assert counter.count() is going and counter.stopped is not going


def test_nobody_needs_to_listen() -> None:
    counter = Counter(None, 2)
    assert counter.count() and counter.count() and counter.done == 2
