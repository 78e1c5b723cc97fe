"""Loops that a person wrote: their states recorded, with the gradients that layers of the same weights would have."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nurt.diagnostics import (
    LayerRecord,
    StateRecord,
    cell_paths,
    examine,
    gate_statistics,
    gradient_by_lag,
    record,
    record_states,
    state_maps,
    state_pattern,
    step_contributions,
    unit_memory,
)
from nurt.errors import NurtError, NurtTypeError, NurtValueError, ShapeError
from nurt.nn import AbstractCell, ElmanCell, GRUCell, LinearState, LSTMCell, Recurrent

B, T, F, H = 3, 9, 2, 4


class SimpleRNN(nn.Module):
    """The network of a course, step by step; one line more than there: it keeps its states."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.Wxh = nn.Linear(input_size, hidden_size, bias=False)
        self.Whh = nn.Linear(hidden_size, hidden_size, bias=False)
        self.Why = nn.Linear(hidden_size, output_size, bias=False)

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        outputs, self.states = [], []
        for t in range(x.size(1)):
            hidden = torch.tanh(self.Wxh(x[:, t, :]) + self.Whh(hidden))
            self.states.append(hidden)
            outputs.append(self.Why(hidden))
        return torch.stack(outputs, dim=1), hidden


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def last(outputs: Tensor) -> Tensor:
    return outputs[:, -1].square().mean()


def first(outputs: Tensor) -> Tensor:
    return outputs[:, 0].square().sum()


def all_steps(outputs: Tensor) -> Tensor:
    weights = torch.arange(1.0, outputs.shape[1] + 1, dtype=outputs.dtype).view(1, -1, 1)
    return (weights * outputs.sin()).mean()


def assert_same_reach(mine: LayerRecord, theirs: LayerRecord) -> None:
    """Of a loss at the last step: the state before the first step is not among those of a loop, which is one lag."""
    one, other = gradient_by_lag(mine), gradient_by_lag(theirs)
    assert one.lags == other.lags - 1
    for name in ("norms", "state"):
        for statistic in ("low", "median", "high"):
            found, expected = (getattr(getattr(each, name), statistic) for each in (one, other))
            np.testing.assert_allclose(found, expected[: one.lags], rtol=1e-8, atol=1e-300)


def as_layer(net: SimpleRNN) -> Recurrent:
    """The cell of the loop, with its own weights, taken through time by the package."""
    cell = ElmanCell(net.Wxh.in_features, net.hidden_size, bias=False)
    cell.weight_ih, cell.weight_hh = net.Wxh.weight, net.Whh.weight
    return Recurrent(cell)


@pytest.mark.parametrize("loss", [last, all_steps])
def test_the_loop_of_the_course_is_recorded_as_the_layer_of_the_same_weights(loss: Any) -> None:
    net, x = SimpleRNN(F, H, 2).double(), torch.randn(B, T, F).double()
    value = loss(net(x, torch.zeros(B, H).double())[0])
    mine = record_states(net.states, value)
    with record(layer := as_layer(net)) as seen:
        loss(net.Why(layer(x)[0])).backward()
    theirs = seen.layer()
    for name in ("hidden", "direct", "total", "lengths", "within"):
        torch.testing.assert_close(getattr(mine, name), getattr(theirs, name), rtol=1e-9, atol=1e-14)
    if loss is last:
        assert_same_reach(mine, theirs)
    for name, values in state_maps(mine).values.items():
        np.testing.assert_allclose(values, state_maps(theirs).values[name], rtol=1e-8, atol=1e-14)
    # Where the loss reads the last step alone, nothing else arrives anywhere: not even rounding.
    assert bool(mine.direct[:, :-1].any()) == (loss is all_steps)
    # The backward pass of the loss is still to come, and unharmed.
    value.backward()
    assert net.Whh.weight.grad is not None


def test_lags_are_kept_apart_where_every_step_has_a_loss() -> None:
    net, x = SimpleRNN(F, H, 2).double(), torch.randn(B, T, F).double()
    value = all_steps(net(x, torch.zeros(B, H).double())[0])
    mine = record_states(net.states, value)
    by_lag: list[list[Tensor]] = [[] for _ in range(T - 1)]
    for t in range(1, T):
        # What the loss of step t alone sends back to the states before.
        sent = torch.autograd.grad(net.states[t], net.states[:t], mine.direct[:, t], retain_graph=True)
        for s, grad in enumerate(sent):
            by_lag[t - s - 1].append(grad.norm(dim=-1))
    expected = torch.stack([torch.stack(one).mean(0) for one in by_lag], dim=1).median(0).values
    np.testing.assert_allclose(gradient_by_lag(mine).state.median, expected, rtol=1e-9)


def by_cell(cell: AbstractCell[Any], x: Tensor, reverse: bool) -> list[Any]:
    state, states = cell.initial_state(len(x)), [None] * x.shape[1]
    for t in range(x.shape[1])[:: -1 if reverse else 1]:
        states[t] = state = cell.step(x[:, t], state)
    return states


@pytest.mark.parametrize("loss", [last, all_steps, first])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_state_of_two_parts_in_both_directions(loss: Any, reverse: bool) -> None:
    cell, x = LSTMCell(F, H).double(), torch.randn(B, T, F).double()
    states = by_cell(cell, x, reverse)
    hidden = [one.hidden for one in states]
    value = loss(torch.stack(hidden, dim=1))
    mine = record_states(hidden, value, cell=[one.cell for one in states], reverse=reverse)
    with record(layer := Recurrent(cell, reverse=reverse)) as seen:
        loss(layer(x)[0]).backward()
    theirs = seen.layer(direction="backward" if reverse else "forward")
    for name in ("hidden", "cell", "direct", "total", "total_cell"):
        torch.testing.assert_close(getattr(mine, name), getattr(theirs, name), rtol=1e-9, atol=1e-14)
    if loss is (first if reverse else last):
        assert_same_reach(mine, theirs)
    elif loss is not all_steps:
        with pytest.raises(NurtValueError, match="a loss of the first state alone"):
            gradient_by_lag(mine)


def test_a_loss_of_the_last_cell_state() -> None:
    cell, x = LSTMCell(F, H).double(), torch.randn(B, T, F).double()
    states = by_cell(cell, x, False)
    hidden, cells = [one.hidden for one in states], [one.cell for one in states]
    mine = record_states(hidden, cells[-1].sum() + hidden[2].sum(), cell=cells)
    assert torch.equal(mine.final_cell, torch.ones(B, H).double())
    mine = record_states(hidden, cells[-1].sum(), cell=cells)
    with record(layer := Recurrent(cell)) as seen:
        layer(x)[1].cell.sum().backward()
    assert_same_reach(mine, seen.layer())
    with pytest.raises(NurtValueError, match="before the last step"):
        record_states(hidden, cells[1].sum() + hidden[-1].sum(), cell=cells)


def test_gates_of_the_loop() -> None:
    cell, x = GRUCell(F, H), torch.randn(B, T, F)
    with record(layer := Recurrent(cell)) as seen:
        last(layer(x)[0]).backward()
    theirs, states = seen.layer(), by_cell(cell, x, False)
    hidden = [one.hidden for one in states]
    update = list(theirs.gates["update"].unbind(1))
    mine = record_states(hidden, last(torch.stack(hidden, 1)), gates={"update": update, "reset": theirs.gates["reset"]})
    ours, other = gate_statistics(mine), gate_statistics(theirs)
    assert set(ours.gates) == {"update", "reset"}
    np.testing.assert_allclose(ours.gates["update"].mean, other.gates["update"].mean, rtol=1e-6)
    assert {"update", "reset", "grad_hidden"} <= set(state_maps(mine).values)
    assert state_pattern(mine, 2, 4, state="update", threshold=0.0, around=0).units == tuple(range(H))


def test_gradients_that_the_tensors_kept() -> None:
    net, x = SimpleRNN(F, H, 2), torch.randn(B, T, F)
    value = last(net(x, torch.zeros(B, H))[0])
    before = record_states(net.states, value)
    for one in net.states:
        one.retain_grad()
    value.backward()
    after = record_states(net.states)
    torch.testing.assert_close(after.total, before.total)
    assert after.direct is None
    assert "total gradient at 9 of 9 steps" in str(after)
    assert "grad_hidden" in state_maps(after).values
    with pytest.raises(NurtValueError, match=r"record_states\(states, loss\)"):
        gradient_by_lag(after)
    # The graph is gone: what needs it says so.
    with pytest.raises(NurtValueError, match="backward"):
        gradient_by_lag(before)
    with pytest.raises(NurtValueError, match="a graph that is gone"):
        record_states(net.states, value)


def test_states_alone() -> None:
    hidden = torch.randn(B, T, H)
    seen = record_states(hidden, cell=hidden + 1)
    assert torch.equal(seen.hidden, hidden) and torch.equal(seen.cell, hidden + 1)
    assert (seen.direct, seen.total, seen.total_cell) == (None, None, None)
    assert "no gradient yet" in str(seen) and list(state_maps(seen).values) == ["hidden", "cell"]
    assert seen.plot().data and not seen.gates and not seen.pre_activations
    json.dumps(seen.to_dict(), allow_nan=False)
    with torch.no_grad():
        net = SimpleRNN(F, H, 1)
        net(torch.randn(B, T, F), torch.zeros(B, H))
    assert record_states(net.states).total is None


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("shape", [(H,), (1, H), (1, 1, H), (1, B, H)])
def test_the_shapes_of_one_step(shape: tuple[int, ...], steps: int) -> None:
    weight, state, states = torch.randn(H, H, requires_grad=True), torch.zeros(shape), []
    for step in range(steps):
        state = torch.tanh(state @ weight + step + 1)
        states.append(state)
    seen = record_states(states, states[-1].square().sum())
    rows = shape[-2] if len(shape) > 1 else 1
    assert seen.hidden.shape == seen.total.shape == (rows, steps, H)
    if steps > 1:
        assert gradient_by_lag(seen).lags == steps - 1


def test_the_first_rows_of_a_loop() -> None:
    net, x = SimpleRNN(F, H, 2).double(), torch.randn(B, T, F).double()
    value = all_steps(net(x, torch.zeros(B, H).double())[0])
    few = record_states(net.states, value).first(2)
    assert few.hidden.shape == (2, T, H) and isinstance(few, StateRecord)
    alone = SimpleRNN(F, H, 2).double()
    alone.load_state_dict(net.state_dict())
    other = all_steps(alone(x[:2], torch.zeros(2, H).double())[0]) * 2 / B
    np.testing.assert_allclose(
        gradient_by_lag(few).norms.median, gradient_by_lag(record_states(alone.states, other)).norms.median, rtol=1e-9
    )


def test_a_loop_cut_every_few_steps_has_gradients_up_to_the_cut() -> None:
    step, state, states = nn.RNNCell(F, H), torch.zeros(B, H), []
    for t, x in enumerate(torch.randn(T, B, F)):
        state = step(x, state.detach() if t == 6 else state)
        states.append(state)
    seen = record_states(states, states[-1].sum())
    assert not seen.total[:, :6].any() and bool(seen.total[:, 6:].any(-1).all())


def loop(change: Callable[[Tensor], Tensor]) -> tuple[list[Tensor], Tensor]:
    step, state, states = nn.RNNCell(F, H), torch.zeros(B, H), []
    for x in torch.randn(T, B, F):
        state = step(x, state)
        states.append(change(state))
    return states, state.square().sum() + sum(one.sum() for one in states)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.clone(), "no state depends on the one before"),
        (lambda state: state[:, :2], "no state depends on the one before"),
        (lambda state: state.detach(), "a state has none"),
    ],
)
def test_what_is_not_fed_back_is_no_state(change: Any, words: str) -> None:
    with pytest.raises(NurtValueError, match=words):
        record_states(*loop(change))
    states, loss = loop(lambda state: state)
    record_states(states, loss)
    with pytest.raises(NurtValueError, match="reverse=True"):
        record_states(states[::-1], loss)
    with pytest.raises(NurtValueError, match="does not depend on these states"):
        record_states(states, nn.Linear(2, 1)(torch.zeros(2)).sum())


TENSORS = [torch.randn(B, H) for _ in range(T)]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (([],), NurtValueError, "is empty"),
        (([TENSORS[0]] * 3,), NurtValueError, "one tensor several times"),
        (([one.numpy() for one in TENSORS],), NurtTypeError, "torch.from_numpy"),
        ((None,), NurtTypeError, "NoneType"),
        (([torch.randn(B, H), torch.randn(B, H + 1)],), ShapeError, r"\(3, 4\), \(3, 5\)"),
        (([torch.randn(2, B, H)],), ShapeError, "layer by layer"),
        ((torch.randn(B, H),), ShapeError, "2 axes"),
        ((torch.randn(B, T, H), torch.zeros((), requires_grad=True)), NurtTypeError, "leaves out the paths"),
        ((TENSORS, torch.zeros(2)), ShapeError, r"\(2,\)"),
        ((TENSORS, 1.0), ShapeError, "float"),
        ((TENSORS, torch.zeros(())), NurtValueError, "need a graph"),
    ],
)
def test_what_cannot_be_recorded(given: Any, error: type[NurtError], words: str) -> None:
    with pytest.raises(error, match=words):
        record_states(*given)
    with pytest.raises(ShapeError, match="hidden 3 x 9, cell 3 x 8"):
        record_states(TENSORS, cell=TENSORS[1:])
    with pytest.raises(NurtTypeError, match="attention"):
        record_states(TENSORS, gates={"attention": TENSORS})


def test_what_needs_a_cell_says_how_to_get_one() -> None:
    states, loss = loop(lambda state: state)
    seen = record_states(states, loss)
    assert isinstance(seen, LayerRecord)
    for diagnostic in (step_contributions, lambda one: one.passage(), unit_memory, cell_paths):
        with pytest.raises(NurtValueError):
            diagnostic(seen)
    for diagnostic in (step_contributions, lambda one: one.passage()):
        with pytest.raises(NurtValueError, match=r"nurt\.nn\.Recurrent\(cell\)"):
            diagnostic(seen)


def test_a_model_without_layers_is_told_both_ways() -> None:
    net, x = SimpleRNN(F, H, 1), torch.randn(B, T, F)
    for call in (lambda: examine(net, (x, torch.zeros(B, H))), lambda: record(net).__enter__()):
        with pytest.raises(NurtTypeError, match=r"(?s)no recurrent layer.*Recurrent\(cell\).*record_states"):
            call()
    with pytest.raises(NurtTypeError, match=r"(?s)Recurrent\(cell\).*record_states"):
        record(nn.Sequential(nn.RNNCell(F, H))).__enter__()


class CourseCell(AbstractCell[LinearState]):
    """The step of the course's network as a cell: the other way to look into it."""

    def __init__(self, net: SimpleRNN) -> None:
        super().__init__(net.Wxh.in_features, net.hidden_size)
        self.net = net

    def initial_state(self, batch: int) -> LinearState:
        return LinearState(self.net.Whh.weight.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: LinearState) -> LinearState:
        return LinearState(torch.tanh(self.net.Wxh(x) + self.net.Whh(state.hidden)))


def test_the_cell_of_the_loop_in_a_layer_is_examined_in_whole() -> None:
    net, x = SimpleRNN(F, H, 1), torch.randn(B, T, F)
    own, known = Recurrent(CourseCell(net)), as_layer(net)
    torch.testing.assert_close(own(x)[0], known(x)[0])
    one, other = examine(own, x), examine(known, x)
    assert one.top.gradient.norms.median == pytest.approx(other.top.gradient.norms.median, rel=1e-4)
    assert one.top.lyapunov.largest == pytest.approx(other.top.lyapunov.largest, abs=1e-4)
    assert one.top.maps.values["hidden"] == pytest.approx(other.top.maps.values["hidden"], abs=1e-6)
    assert one.loss == pytest.approx(other.loss)
