"""Back-propagation through time, written out: one loop forwards that keeps the states, one backwards over the adjoint.

The gradient of a state is *total* when it counts every path to the loss. Going back in time, what reaches the state
after step t is the gradient of its own output plus what the later steps passed down; ``Recurrence.adjoint`` takes that
total through one step [werbos1990backpropagation]. The input projection depends on no state, so its gradients are
three products after the loop. Only inputs and states are kept; gates are recomputed.

Everything is plain torch. When the gradients are to be differentiated themselves, the states are recomputed with a
graph and the same loop runs on them, so derivatives of every order are exact. A bound on the gradient of the states
(``StepOptions.gradient_clip``) also bounds what such a second pass sends through them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.batched_gradients import one_by_one
from nurt.kernels.layer_norm import layer_norm_adjoint
from nurt.kernels.recurrence import (
    Recurrence,
    StateT,
    StepGradients,
    Weights,
    alive_steps,
    project,
    remade,
    where_alive,
    without_padding,
    zero_unless,
)
from nurt.kernels.reference import RECURRENCES
from nurt.kernels.reference.carry import crossing, crossing_adjoint, partly_kept, partly_kept_adjoint
from nurt.kernels.rung import PLAIN, Request, Rung, StepOptions, dtype_name, require_constants

__all__ = ["RUNG", "refuse", "run"]

_DTYPES = (torch.float32, torch.float64)


def run(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    state: StateT,
    weights: Weights,
    *,
    lengths: Tensor | None,
    reverse: bool,
    options: StepOptions = PLAIN,
) -> tuple[Tensor, StateT]:
    """Run a recurrence that has an adjoint; arguments and results as for :class:`~nurt.kernels.rung.Kernel`.

    Raises:
        NurtValueError: a mask or a zoneout share asks for a gradient; they are constants here.
    """
    require_constants(options, "adjoint")
    walk = _TimeLoop(recurrence, alive_steps(inputs, lengths), reverse, options)
    outputs, *final = _ThroughTime.apply(walk, inputs, *state, *weights)  # type: ignore[no-untyped-call]
    return outputs, remade(state, final)


@dataclass(frozen=True)
class _TimeLoop(Generic[StateT]):
    """A way through time: everything a pass needs besides the tensors that have gradients.

    Args:
        recurrence: which one.
        alive: whether step t of row b lies before its end, bool (B, T); None when all do.
        reverse: from each row's own last step to its first.
        options: what happens to the state from step to step.
    """

    recurrence: Recurrence[StateT]
    alive: Tensor | None
    reverse: bool
    options: StepOptions

    def steps(self, inputs: Tensor) -> range:
        """Return the places of the steps in ``inputs`` (B, T, I), in the order in which they are taken."""
        time = inputs.shape[1]
        return range(time - 1, -1, -1) if self.reverse else range(time)

    def states(self, inputs: Tensor, start: StateT, weights: Weights) -> list[StateT]:
        """Return the state that every step saw and, last, the final one."""
        moments = project(without_padding(inputs, self.alive), weights).unbind(1)
        states, state = [], start
        for t in self.steps(inputs):
            before = crossing(state, self.options.gradient_clip)
            new = self.recurrence.advance(moments[t], before, weights, self.options.hidden_mask)
            new = partly_kept(before, new, self.options, t)
            states.append(before)
            state = new if self.alive is None else where_alive(self.alive[:, t], new, state)
        return [*states, state]

    def one_step_back(
        self, t: int, projected: Tensor, before: StateT, weights: Weights, total: StateT
    ) -> StepGradients[StateT]:
        """Return the gradients of the arguments of step ``t`` from ``total``, that of the state it made."""
        assert self.recurrence.adjoint is not None, "refused beforehand"
        new, kept = partly_kept_adjoint(total, self.options, t)
        step = self.recurrence.adjoint(projected, before, weights, new, self.options.hidden_mask)
        through_both = _plus(step.state, kept)
        return replace(step, state=crossing_adjoint(through_both, self.options.gradient_clip))

    def outputs(self, states: Sequence[StateT]) -> Tensor:
        """Return the outputs (B, T, ·) of the steps that made ``states``, each at the place of its input."""
        made = [state.hidden for state in states[1:]]
        outputs = torch.stack(made[::-1] if self.reverse else made, dim=1)
        return without_padding(outputs, self.alive)


class _ThroughTime(torch.autograd.Function):
    """The two passes as one function of inputs, state fields and weights."""

    @staticmethod
    def forward(ctx: Any, walk: _TimeLoop[Any], *tensors: Tensor | None) -> tuple[Tensor, ...]:
        inputs, start, weights = _unpacked(walk, tensors)
        states = walk.states(inputs, start, weights)
        ctx.walk, ctx.arguments = walk, len(tensors)
        ctx.set_materialize_grads(False)
        # The initial state is among the arguments already.
        ctx.save_for_backward(*tensors, *(field for state in states[1:] for field in state))
        return walk.outputs(states), *states[-1]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        # Read once: torch.utils.checkpoint recomputes what is saved and returns each tensor a single time.
        walk, saved = ctx.walk, ctx.saved_tensors
        tensors, kept = saved[: ctx.arguments], saved[ctx.arguments :]
        inputs, start, weights = _unpacked(walk, tensors)
        # Autograd records the backward pass exactly when its own gradient may be asked for.
        if torch.is_grad_enabled():
            states = walk.states(inputs, start, weights)
        else:
            states = [start, *(remade(start, kept[at : at + len(start)]) for at in range(0, len(kept), len(start)))]
        found = one_by_one(grads, lambda grads: _gradients(walk, inputs, states, weights, grads))
        return None, *(grad if want else None for grad, want in zip(found, ctx.needs_input_grad[1:], strict=True))


def _unpacked(walk: _TimeLoop[StateT], tensors: Sequence[Any]) -> tuple[Tensor, StateT, Weights]:
    inputs, rest = tensors[0], tensors[1:]
    fields = len(rest) - len(Weights._fields)
    return inputs, walk.recurrence.state(*rest[:fields]), Weights(*rest[fields:])


def _gradients(
    walk: _TimeLoop[StateT],
    inputs: Tensor,
    states: Sequence[StateT],
    weights: Weights,
    grads: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Return the gradients of inputs, initial state and weights, in the order in which they were given.

    Args:
        walk: the way the forward pass took.
        inputs: (B, T, I).
        states: the state that every step saw and, last, the final one.
        weights: of the recurrence.
        grads: of the outputs (B, T, ·) and of each field of the final state, None for zero.
    """
    fed = without_padding(inputs, walk.alive)
    da, start, recurrent = _backwards_in_time(walk, project(fed, weights), states, weights, grads)
    d_inputs, learned = _projection_backwards(fed, weights, da)
    learned |= recurrent
    return [d_inputs, *start, *(learned.get(name) for name in Weights._fields)]


def _projection_backwards(inputs: Tensor, weights: Weights, da: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the gradients of the arguments of :func:`project` from ``da`` (B, T, G·H), learned ones by name."""
    learned = {"bias_ih": da.sum((0, 1))}
    if weights.norm_ih is not None:
        # The bias stands outside the norm.
        da, learned["norm_ih"] = layer_norm_adjoint(F.linear(inputs, weights.weight_ih), weights.norm_ih, da)
    learned["weight_ih"] = da.flatten(0, 1).T @ inputs.flatten(0, 1)
    return da @ weights.weight_ih, learned


def _backwards_in_time(
    walk: _TimeLoop[StateT],
    projected: Tensor,
    states: Sequence[StateT],
    weights: Weights,
    grads: Sequence[Tensor | None],
) -> tuple[Tensor, StateT, dict[str, Tensor]]:
    """Return the gradients of ``projected`` (B, T, G·H), of the initial state, and of the recurrent weights by name."""
    d_outputs, *d_final = grads
    moments, d_moments = projected.unbind(1), list(projected.unbind(1))
    pairs = zip(states[-1], d_final, strict=True)
    total = remade(states[-1], (torch.zeros_like(field) if grad is None else grad for field, grad in pairs))
    sums: dict[str, Tensor] = {}
    for t, before in reversed(list(zip(walk.steps(projected), states, strict=False))):
        alive = None if walk.alive is None else walk.alive[:, t]
        # A row past its end gave a constant zero and passed its state on unchanged.
        made = total if d_outputs is None else _plus(total, {"hidden": d_outputs[:, t]})
        made = made if alive is None else remade(made, (zero_unless(alive, field) for field in made))
        step = walk.one_step_back(t, moments[t], before, weights, made)
        total = step.state if alive is None else where_alive(alive, step.state, total)
        d_moments[t] = step.projected
        sums = {name: sums[name] + grad if name in sums else grad for name, grad in step.weights.items()}
    return torch.stack(d_moments, dim=1), total, sums


def _plus(state: StateT, more: Mapping[str, Tensor]) -> StateT:
    """Return ``state`` with ``more`` added to the fields of those names."""
    # Every state is a NamedTuple, which no protocol can say.
    fields: Any = state
    summed: StateT = fields._replace(**{name: getattr(state, name) + value for name, value in more.items()})
    return summed


def refuse(request: Request) -> str | None:
    """Return why the adjoint cannot serve ``request``, or None."""
    known = RECURRENCES.get(request.recurrence or "")
    if known is None or known.adjoint is None:
        return f"there is no adjoint of {request.recurrence or 'a step of its own'}"
    if request.dtype not in _DTYPES:
        return f"the adjoint is proved in float32 and float64, not in {dtype_name(request.dtype)}"
    if "recording" in request.options:
        return "the adjoint records nothing"
    if "transformed" in request.options:
        return "torch.func transforms and forward-mode derivatives go through operations, not through adjoints"
    if "traced" in request.options:
        return "torch.jit.trace keeps operations, not adjoints"
    return None


RUNG = Rung(name="adjoint", summary="the hand-written adjoint in plain torch", refuse=refuse, run=run)
