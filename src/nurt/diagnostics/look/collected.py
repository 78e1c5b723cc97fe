r"""Record the states of a loop that a person wrote: the tensors collected on the way, and the gradients at them.

The total gradient of a state is what autograd finds at its tensor: the tensor feeds the loss and the next step. The
direct gradient is what is left of it where nothing comes back from later steps; a second backward pass finds it with
hooks that let no gradient past a state. A step back through the loop is a step through its graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nurt.diagnostics.look.finding import FoundModule, LayerId
from nurt.diagnostics.look.layer_record import GATES, LayerRecord
from nurt.diagnostics.look.passage import Passage
from nurt.diagnostics.look.steps import StepBack, Steps
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.kernels import StepOptions

__all__ = ["StateRecord", "record_states"]

LOOP = "the loop"
_CELL = "Take the cell of the loop through time with nurt.nn.Recurrent(cell), and record that."


class _Hidden(NamedTuple):
    hidden: Tensor


class _HiddenAndCell(NamedTuple):
    hidden: Tensor
    cell: Tensor


@dataclass(frozen=True, eq=False)
class StateRecord(LayerRecord):
    """What a loop that a person wrote did: a record with states and gradients, but without the cell that made them.

    Diagnostics that need nothing else take it as any other record; those that take steps again with the weights of a
    cell refuse it. Its fields are those of :class:`LayerRecord`.
    """

    @property
    def cell_type(self) -> None:
        """None: the cell of the loop is not known."""
        return None

    def passage(self) -> Passage:
        """Refuse: there is no cell to take the steps again.

        Raises:
            NurtValueError: always.
        """
        raise _no_cell("passage")


def record_states(
    hidden: Sequence[Tensor] | Tensor,
    loss: Tensor | None = None,
    *,
    cell: Sequence[Tensor] | Tensor | None = None,
    gates: Mapping[str, Sequence[Tensor] | Tensor] | None = None,
    reverse: bool = False,
) -> StateRecord:
    """Record a hand-written loop by the states that it collected.

    Call it after the loss was computed and before its ``backward``, which may follow. Diagnostics that go back through
    the steps use the graph, and have to run before the ``backward`` that frees it. The inputs and the state before the
    first step are not known: gradients are followed back to the first state that was collected.

    Args:
        hidden: h_t of every step in the order of the inputs, T tensors (B, H) or (H,), the very ones that the loop
            feeds back: not copies, views or detached tensors. One tensor (B, T, H) will do where no loss is given.
        loss: a scalar that depends on them; None where states alone are looked at, or where every state has its
            gradient already, by ``retain_grad()`` before ``backward()``.
        cell: c_t, likewise, of a loop that carries it on.
        gates: activated gates, likewise, by the names "input", "forget", "output", "reset", "update", "candidate".
        reverse: the loop ran from the last input to the first; tensors are in the order of the inputs all the same.

    Raises:
        NurtTypeError: no tensors, or gates of other names.
        ShapeError: shapes that differ, or a loss that is no scalar.
        NurtValueError: no step, one tensor several times, a loss that does not depend on the states, or states that do
            not depend on one another.

    Example:
        >>> step, states = torch.nn.RNNCell(3, 5), [torch.zeros(2, 5)]
        >>> for x in torch.randn(7, 2, 3):
        ...     states.append(step(x, states[-1]))
        >>> seen = record_states(states[1:], states[-1].square().mean())
        >>> print(seen)
        the loop, layer 0, forward: a step of its own, 2 x 7 steps, 5 units; direct gradient at 1 of 7 steps, total at 7
        >>> nurt.diagnostics.gradient_by_lag(seen).lags
        6
    """
    fields = {"hidden": hidden} | ({} if cell is None else {"cell": cell})
    kept = {name: _values(name, _listed(name, one)) for name, one in _checked_gates(gates).items()}
    states = {name: _listed(name, one) for name, one in fields.items()}
    values = {name: _values(name, tensors) for name, tensors in states.items()}
    _check_sizes({**values, **kept})
    rows, time = values["hidden"].shape[:2]
    alone = [name for name, one in fields.items() if isinstance(one, Tensor)]
    if loss is not None and alone:
        raise NurtTypeError(
            f"record_states: `{alone[0]}` is one tensor: its gradient leaves out the paths through later steps.",
            expected="the list of the tensors that the loop feeds back",
            got=f"a tensor {tuple(values[alone[0]].shape)}",
            cure="Append every state to a list in the loop, and pass the list.",
        )
    gradients = _retained(states) if loss is None else _by_graph(states, loss, reverse)
    kind = _Hidden if cell is None else _HiddenAndCell
    steps = CollectedSteps(
        _refuse_step,
        {},
        StepOptions(),
        values["hidden"].new_zeros(rows, time, 0),
        torch.full((rows,), time, device=values["hidden"].device),
        reverse,
        kind(*(one.new_zeros(rows, one.shape[-1]) for one in values.values())),
        values,
        {} if loss is None else states,
    )
    address = LayerId(LOOP, 0, "backward" if reverse else "forward")
    return StateRecord(
        id=address,
        call=0,
        found=FoundModule(LOOP, (LOOP,), nn.Identity(), ((address,),)),
        recurrence="",
        lengths=torch.full((rows,), time),
        hidden=values["hidden"],
        cell=values.get("cell"),
        direct=gradients.direct,
        total=gradients.total.get("hidden"),
        total_cell=gradients.total.get("cell"),
        final_cell=gradients.final_cell,
        steps=steps,
        kept_gates=kept,
    )


@dataclass(frozen=True, eq=False)
class CollectedSteps(Steps):
    """The steps of a hand-written loop: a step back goes through its graph.

    Attributes:
        states: the tensors that the loop fed back, by field; nothing where only their values are known.
    """

    states: Mapping[str, Sequence[Tensor]] = field(default_factory=dict)

    def back(self, *_: Any, **__: Any) -> Iterator[StepBack]:
        """Refuse: the weights of the loop are not known."""
        raise _no_cell("the gradient of the weights, step by step,")

    def knows_state_before(self, places: Tensor) -> Tensor:
        """Return whether the step at each place is not the first: what a loop starts from is not collected."""
        return places != (self.steps - 1 if self.reverse else 0)

    def at(self, rows: Tensor, places: Tensor, state: Any, weights: Mapping[str, Tensor]) -> Any:
        """Return the recorded states after the steps of ``rows`` at ``places``; gradients go back through the loop."""
        if weights or not self.states:
            raise _no_cell("a step with other weights" if weights else "a step without its loss")
        # torch leaves this untyped.
        made = _LoopStep.apply(self, rows, places, *state)  # type: ignore[no-untyped-call]
        return type(state)(*made)

    def gradients_before(self, rows: Tensor, places: Tensor, grad: Sequence[Tensor]) -> list[Tensor]:
        """Return the gradients of the states before some steps (N, ·) from those after; zero before the first step."""
        found = [torch.zeros_like(one) for one in grad]
        back = 1 if self.reverse else -1
        # A row may be asked for twice at one place, with two gradients: each is taken back by itself.
        times = _occurrences(rows * self.steps + places)
        for again in range(int(times.max()) + 1 if len(times) else 0):
            for place in sorted(set(places[times == again].tolist())):
                if not 0 <= place + back < self.steps:
                    continue
                chosen = ((places == place) & (times == again)).nonzero().squeeze(1)
                for one, made in zip(found, self._before(rows[chosen], place, place + back, grad, chosen), strict=True):
                    one[chosen] = made
        return found

    def _before(self, rows: Tensor, place: int, before: int, grad: Sequence[Tensor], chosen: Tensor) -> list[Tensor]:
        after = [tensors[place] for tensors in self.states.values()]
        given = [
            torch.zeros_like(one).reshape(-1, one.shape[-1]).index_copy(0, rows, part[chosen].to(one)).view_as(one)
            for one, part in zip(after, grad, strict=True)
        ]
        inputs = [tensors[before] for tensors in self.states.values()]
        pairs = zip(_met(after, inputs, given), inputs, strict=True)
        found = [torch.zeros_like(one) if made is None else made for made, one in pairs]
        return [one.reshape(-1, one.shape[-1])[rows] for one in found]


class _LoopStep(torch.autograd.Function):
    """A step of a loop as a function of the state before it, whose adjoint is that of the loop's own graph."""

    @staticmethod
    def forward(ctx: Any, steps: CollectedSteps, rows: Tensor, places: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
        """Return the states after the steps as they were recorded."""
        ctx.steps, ctx.rows, ctx.places = steps, rows, places
        return tuple(values[rows, places] for values in steps.recorded.values())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the states before the steps."""
        return None, None, None, *ctx.steps.gradients_before(ctx.rows, ctx.places, grads)


class _Gradients(NamedTuple):
    total: dict[str, Tensor]
    direct: Tensor | None
    final_cell: Tensor | None


def _retained(states: Mapping[str, Sequence[Tensor]]) -> _Gradients:
    """Return the gradients that the tensors hold by themselves, where all of them hold one."""
    found = {}
    for name, tensors in states.items():
        # Looking at .grad of a tensor that keeps none warns.
        grads = [one.grad if one.is_leaf or one.retains_grad else None for one in tensors]
        if any(one is not None for one in grads):
            pairs = zip(grads, tensors, strict=True)
            found[name] = _values(name, [torch.zeros_like(one) if grad is None else grad for grad, one in pairs])
    return _Gradients(found, None, None)


def _by_graph(states: Mapping[str, Sequence[Tensor]], loss: Tensor, reverse: bool) -> _Gradients:
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        given = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise ShapeError("record_states: the loss is no single number.", expected="a scalar tensor", got=str(given))
    every = [one for tensors in states.values() for one in tensors]
    total = _arriving(loss, every)
    if not any(one is not None and bool(one.any()) for one in total):
        raise NurtValueError(
            "record_states: the loss does not depend on these states.",
            expected="a loss with a graph, of the tensors that the loop fed back",
            got="no gradient at any of them",
            cure="Append the states themselves, not .detach() or .clone() of them, outside of torch.no_grad().",
        )
    _check_chain(states, reverse)
    met = _met([loss], every, [None])
    count = len(states["hidden"])
    split = {name: slice(at * count, (at + 1) * count) for at, name in enumerate(states)}
    made = {name: _filled(name, total[split[name]], tensors) for name, tensors in states.items()}
    direct = {name: _filled(name, met[split[name]], tensors) for name, tensors in states.items()}
    final = None
    if "cell" in direct:
        last = 0 if reverse else count - 1
        final = direct["cell"][:, last]
        others = [place for place in range(count) if place != last]
        if bool(direct["cell"][:, others].any()):
            raise NurtValueError(
                "record_states: the loss reads cell states before the last step by itself.",
                expected="a loss of the hidden states and the last cell state",
                got="gradients at other cell states",
            )
    return _Gradients(made, direct["hidden"], final)


def _arriving(loss: Tensor, states: Sequence[Tensor]) -> Sequence[Tensor | None]:
    if not loss.requires_grad or not all(one.requires_grad for one in states):
        without = "the loss has none" if not loss.requires_grad else "a state has none"
        raise NurtValueError(
            "record_states: gradients need a graph.",
            expected="a loss and states computed with gradients",
            got=without,
            cure="Run the loop outside of torch.no_grad(), and append the states themselves, not .detach() of them.",
        )
    try:
        return torch.autograd.grad(loss, states, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        raise _freed(error) from error


def _met(outputs: Sequence[Tensor], states: Sequence[Tensor], given: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Return what reaches each state from ``outputs`` where no state hands on what reached it.

    The cell state of a step reaches its hidden state too: without the stop that path would count twice.
    """
    met: list[Tensor | None] = [None] * len(states)

    def stopping(place: int) -> Any:
        def stop(grad: Tensor) -> Tensor:
            met[place] = grad.clone()
            return torch.zeros_like(grad)

        return stop

    # torch leaves this untyped.
    handles = [one.register_hook(stopping(place)) for place, one in enumerate(states)]  # type: ignore[no-untyped-call]
    try:
        torch.autograd.grad(outputs, states, given, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        raise _freed(error) from error
    finally:
        for handle in handles:
            handle.remove()
    return met


def _check_chain(states: Mapping[str, Sequence[Tensor]], reverse: bool) -> None:
    """Refuse tensors of which none is made from the one before: gradients at copies are no gradients of states."""
    count = len(states["hidden"])
    order = range(count - 1, -1, -1) if reverse else range(count)
    for before, after in pairwise(order):
        given = [tensors[after] for tensors in states.values()]
        ones = [torch.ones_like(one) for one in given]
        found = torch.autograd.grad(
            given, [tensors[before] for tensors in states.values()], ones, retain_graph=True, allow_unused=True
        )
        if any(one is not None for one in found):
            return
    if count > 1:
        raise NurtValueError(
            "record_states: no state depends on the one before it.",
            expected="the tensors that the loop feeds back, in the order of the inputs",
            got="copies, views or another order",
            cure="Append the state itself in the loop: states.append(hidden). A loop from the last input to the first "
            "takes reverse=True.",
        )


def _occurrences(keys: Tensor) -> Tensor:
    """Return for each key how many equal ones stand before it."""
    order = keys.argsort(stable=True)
    ordered = keys[order]
    places = torch.arange(len(keys), device=keys.device)
    first = torch.ones_like(ordered, dtype=torch.bool)
    first[1:] = ordered[1:] != ordered[:-1]
    starts = torch.where(first, places, 0).cummax(0).values if len(keys) else places
    return torch.empty_like(places).index_copy(0, order, places - starts)


def _listed(name: str, given: Sequence[Tensor] | Tensor) -> list[Tensor]:
    """Return states step by step, each (B, ·), (·,) or as it was collected."""
    if isinstance(given, Tensor):
        if given.dim() != 3:
            raise ShapeError(
                f"record_states: `{name}` has {given.dim()} axes.", expected="(B, T, ·)", got=str(tuple(given.shape))
            )
        return list(given.detach().unbind(1))
    tensors = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else None
    if tensors is None or not all(isinstance(one, Tensor) and one.is_floating_point() for one in tensors):
        raise NurtTypeError(
            f"record_states: `{name}` holds no states.",
            expected="a list of tensors, one per step",
            got=type(given).__name__ if tensors is None else ", ".join(sorted({type(one).__name__ for one in tensors})),
            cure="Of arrays make tensors first: torch.from_numpy(array).",
        )
    if not tensors:
        raise NurtValueError(f"record_states: `{name}` is empty.", expected="at least one step", got="none")
    if len({id(one) for one in tensors}) < len(tensors):
        raise NurtValueError(
            f"record_states: `{name}` holds one tensor several times.",
            expected="a tensor of its own for every step",
            got=f"{len({id(one) for one in tensors})} tensors for {len(tensors)} steps",
            cure="A loop that changes its state in place has to make a new tensor in every step.",
        )
    return tensors


def _values(name: str, tensors: Sequence[Tensor]) -> Tensor:
    """Return the values of (B, ·), (·,) or (1, B, ·) per step as (B, T, ·)."""
    shapes = {tuple(one.shape) for one in tensors}
    shape = next(iter(shapes))
    if len(shapes) > 1 or len(shape) not in (1, 2, 3) or (len(shape) == 3 and shape[0] != 1):
        raise ShapeError(
            f"record_states: the steps of `{name}` do not fit.",
            expected="one shape, (B, H) or (H,), of one layer",
            got=", ".join(map(str, sorted(shapes))),
            cure="States of several layers are collected layer by layer, in lists of their own.",
        )
    return torch.stack([one.detach().reshape(-1, one.shape[-1]) for one in tensors], dim=1)


def _filled(name: str, grads: Sequence[Tensor | None], tensors: Sequence[Tensor]) -> Tensor:
    pairs = zip(grads, tensors, strict=True)
    return _values(name, [torch.zeros_like(one) if grad is None else grad for grad, one in pairs])


def _check_sizes(values: Mapping[str, Tensor]) -> None:
    sizes = {name: tuple(one.shape[:2]) for name, one in values.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {rows} x {steps}" for name, (rows, steps) in sizes.items())
        raise ShapeError("record_states: rows and steps differ.", expected="the same for all", got=told)


def _checked_gates(gates: Mapping[str, Sequence[Tensor] | Tensor] | None) -> Mapping[str, Sequence[Tensor] | Tensor]:
    unknown = sorted(set(gates or {}) - set(GATES))
    if unknown:
        raise NurtTypeError(
            "record_states: gates of unknown names.", expected=f"some of {', '.join(GATES)}", got=", ".join(unknown)
        )
    return gates or {}


def _refuse_step(*_: Any) -> Any:
    raise _no_cell("a step")


def _no_cell(what: str) -> NurtValueError:
    return NurtValueError(
        f"nurt.diagnostics: {what} needs a cell, and these states were collected from a loop.",
        expected="a record of a layer",
        got="a record of states",
        cure=_CELL,
    )


def _freed(error: RuntimeError) -> NurtValueError:
    return NurtValueError(
        f"record_states: the graph of the loop cannot be gone through: {str(error).splitlines()[0]}",
        expected="a loop whose backward() has not run yet",
        got="a graph that is gone",
        cure="Record and look before loss.backward(), or call it with retain_graph=True.",
    )
