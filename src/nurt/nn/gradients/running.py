"""From a recurrence or a cell, and a gradient method, to outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._compile import _disable_dynamo
from torch.func import functional_call

from nurt import kernels
from nurt.errors import UnavailableError
from nurt.kernels import Recurrence, StepOptions, Weights
from nurt.kernels.following import traced, transformed
from nurt.kernels.recording import recording_wanted
from nurt.kernels.recurrence import StateT, remade
from nurt.nn.gradients.ambient import drawing_from, generator_states
from nurt.nn.gradients.method import AbstractGradientMethod, Exact, SequenceSizes
from nurt.nn.gradients.recomputing import Advance, Walk, recomputed, turned, with_masks

__all__ = ["Way", "run", "run_module"]

Way = Callable[[Tensor, StateT, Tensor | None, bool, StepOptions], tuple[Tensor, StateT]]
"""(inputs, state, lengths, reverse, options) → (outputs, state), as a module does it."""


def run(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    state: StateT,
    weights: Weights,
    *,
    lengths: Tensor | None,
    reverse: bool,
    options: StepOptions,
    gradient: AbstractGradientMethod,
) -> tuple[Tensor, StateT]:
    """Run a recurrence that kernels know; arguments and results as for :func:`nurt.kernels.run`."""
    if isinstance(gradient, Exact):
        return kernels.run(recurrence, inputs, state, weights, lengths=lengths, reverse=reverse, options=options)
    learned = {name: weight for name, weight in weights._asdict().items() if weight is not None}

    def advance(
        inputs: Tensor,
        state: StateT,
        learned_now: Sequence[Tensor],
        lengths: Tensor | None,
        reverse: bool,
        options: StepOptions,
    ) -> tuple[Tensor, StateT]:
        now = Weights(**dict(zip(learned, learned_now, strict=True)))
        return kernels.run(recurrence, inputs, state, now, lengths=lengths, reverse=reverse, options=options)

    result: tuple[Tensor, StateT] = _run(
        advance, False, inputs, state, tuple(learned.values()), lengths, reverse, options, gradient
    )
    return result


def run_module(
    way: Way[StateT],
    module: nn.Module,
    inputs: Tensor,
    state: StateT,
    *,
    lengths: Tensor | None,
    reverse: bool,
    options: StepOptions,
    gradient: AbstractGradientMethod,
) -> tuple[Tensor, StateT]:
    """Run a way through time that a module knows; what is learned are the module's parameters.

    Args:
        way: runs the module through time.
        module: whose parameters ``way`` uses.
        inputs: (B, T, I).
        state: before the first step.
        lengths: as for :func:`nurt.kernels.run`.
        reverse: likewise.
        options: likewise.
        gradient: the method.
    """
    if isinstance(gradient, Exact):
        return way(inputs, state, lengths, reverse, options)
    held = _Held(module, way)
    learned = dict(held.named_parameters())

    def advance(
        inputs: Tensor,
        state: StateT,
        learned_now: Sequence[Tensor],
        lengths: Tensor | None,
        reverse: bool,
        options: StepOptions,
    ) -> tuple[Tensor, StateT]:
        now = dict(zip(learned, learned_now, strict=True))
        made: tuple[Tensor, StateT] = functional_call(held, now, (inputs, state, lengths, reverse, options))
        return made

    result: tuple[Tensor, StateT] = _run(
        advance, True, inputs, state, tuple(learned.values()), lengths, reverse, options, gradient
    )
    return result


class _Held(nn.Module):
    """A module whose forward pass is its way through time, so that it can be called with other parameters."""

    def __init__(self, module: nn.Module, way: Way[Any]) -> None:
        super().__init__()
        self.module = module
        self.way = way

    def forward(self, *arguments: Any) -> Any:
        return self.way(*arguments)


# As torch's own modules do it: torch.compiler.disable would load the whole compiler with this module.
@_disable_dynamo
def _run(
    advance: Advance,
    draws: bool,
    inputs: Tensor,
    state: StateT,
    learned: tuple[Tensor, ...],
    lengths: Tensor | None,
    reverse: bool,
    options: StepOptions,
    gradient: AbstractGradientMethod,
) -> tuple[Tensor, StateT]:
    """Run as ``gradient`` says; where no gradient is asked for every method is the same."""
    tensors = (inputs, *state, *learned)
    own_options = with_masks(options, lambda mask: turned(mask, lengths)) if reverse else options
    walk = Walk(advance, type(state), lengths, own_options, draws)
    asked = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    _refuse_observers(gradient, asked=asked)
    cuts = gradient.cuts(_sizes(walk, inputs, state, learned)) if asked else None
    if cuts is None:
        return advance(inputs, state, learned, lengths, reverse, options)
    outputs, final = recomputed(walk, cuts, turned(inputs, lengths) if reverse else inputs, tuple(state), learned)
    return turned(outputs, lengths) if reverse else outputs, remade(state, final)


def _sizes(walk: Walk, inputs: Tensor, state: StateT, learned: Sequence[Tensor]) -> SequenceSizes:
    return SequenceSizes(
        steps=inputs.shape[1],
        state_bytes=sum(field.numel() * field.element_size() for field in state),
        step_bytes=lambda: _kept(walk, 2, inputs, state, learned) - _kept(walk, 1, inputs, state, learned),
    )


def _kept(walk: Walk, steps: int, inputs: Tensor, state: StateT, learned: Sequence[Tensor]) -> int:
    """Return how many bytes the first ``steps`` steps keep for a backward pass, apart from their arguments."""
    known = {tensor.untyped_storage().data_ptr() for tensor in (inputs, *state, *learned)}
    kept: dict[int, Tensor] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    watched = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
    with drawing_from(generator_states(inputs.device), inputs.device), torch.enable_grad(), watched:
        walk.between(0, steps, inputs[:, :steps], tuple(state), learned)
    return sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in known)


def _refuse_observers(gradient: AbstractGradientMethod, *, asked: bool) -> None:
    """Refuse what observes the steps while they run.

    Raises:
        UnavailableError: a recording, a transform of ``torch.func`` or a forward-mode derivative is at work; or a
            trace, when a gradient is ``asked`` for.
    """
    observers = (
        (recording_wanted(), "recording"),
        (transformed(), "a torch.func transform"),
        (asked and traced(), "torch.jit.trace with gradients"),
    )
    for at_work, what in observers:
        if at_work:
            raise UnavailableError(
                f"nurt.nn.{type(gradient).__name__}: steps that are run again cannot be looked into.",
                expected="a plain call",
                got=f"{what} at work",
                cure="Use gradient=Exact() here.",
            )
