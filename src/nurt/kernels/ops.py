"""The calls of this floor: choose a rung and run it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.jit._trace import TracerWarning

from nurt.errors import UnavailableError
from nurt.kernels import dispatch
from nurt.kernels.following import traced, transformed
from nurt.kernels.randomness import lending
from nurt.kernels.recording import BLOCK
from nurt.kernels.recurrence import Recurrence, StateT, Weights, zero_states
from nurt.kernels.reference import loop
from nurt.kernels.rung import PLAIN, Request, StepOptions
from nurt.kernels.stack import each_side, on_padded
from nurt.kernels.torch_ops import rows_of

__all__ = ["fuses", "run", "run_own_step", "run_stack"]

_OPTIONS = ("ragged", "reverse", "transformed", "traced", "recording")
_NO_OPTIONS: frozenset[str] = frozenset()


def run(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    state: StateT,
    weights: Weights,
    *,
    lengths: Tensor | None = None,
    reverse: bool = False,
    options: StepOptions = PLAIN,
) -> tuple[Tensor, StateT]:
    """Run one layer in one direction on the rung that the table gives.

    Arguments and results as for :class:`~nurt.kernels.rung.Kernel`; sizes are checked one floor up.

    Raises:
        UnavailableError: a forced rung cannot serve the call.
    """
    options = _traceable(options)
    rung = dispatch.choose(_request(recurrence.name, inputs, lengths is not None, reverse, options))
    return rung.run(recurrence, inputs, state, weights, lengths=lengths, reverse=reverse, options=options)


def fuses(recurrence: Recurrence[Any], inputs: Tensor, *, ragged: bool) -> bool:
    """Return whether :func:`run_stack` would run a stack in one native call, with the numbers of its layers one by one.

    Raises:
        UnavailableError: a forced rung cannot serve the call.
    """
    return dispatch.choose(_request(recurrence.name, inputs, ragged, False)) is dispatch.NATIVE


def run_own_step(
    step: Callable[[Tensor, StateT], StateT],
    inputs: Tensor,
    state: StateT,
    *,
    lengths: Tensor | None = None,
    reverse: bool = False,
    options: StepOptions = PLAIN,
) -> tuple[Tensor, StateT]:
    """Run a step that no kernel knows, ``(x (B, I), state) -> state``, by the reference loop.

    Raises:
        UnavailableError: another rung than the reference is forced, or a mask of the fed-back state is asked for.
    """
    if options.hidden_mask is not None:
        raise UnavailableError(
            "nurt.kernels.run_own_step: state dropout acts before W_hh, which is unknown here.",
            expected="hidden_mask=None for a step of its own",
            got="a mask",
            cure="Drop the state inside the step itself.",
        )
    options = _traceable(options)
    dispatch.choose(_request(None, inputs, lengths is not None, reverse, options))
    return loop.run_own_step(step, inputs, state, lengths=lengths, reverse=reverse, options=options)


def run_stack(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    states: tuple[Tensor, ...] | None,
    weights: Sequence[Sequence[Weights]],
    *,
    lengths: Tensor | None = None,
    batch_sizes: Tensor | None = None,
    dropout: float = 0.0,
    training: bool = False,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run layers and directions on the rung that the table gives, fused where that rung fuses.

    Arguments and results as for :class:`~nurt.kernels.rung.StackKernel`.

    Raises:
        UnavailableError: a forced rung cannot serve the call.
    """
    ragged = lengths is not None or batch_sizes is not None
    rung = dispatch.choose(_request(recurrence.name, inputs, ragged, len(weights[0]) == 2))
    if rung.run_stack is not None:
        return rung.run_stack(
            recurrence,
            inputs,
            states,
            weights,
            lengths=lengths,
            batch_sizes=batch_sizes,
            dropout=dropout,
            training=training,
        )
    if states is None:
        states = zero_states(recurrence, weights, inputs, rows_of(inputs, batch_sizes))

    def run_layers(inputs: Tensor, lengths: Tensor | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        def side(below: Tensor, state: StateT, own: Weights, reverse: bool) -> tuple[Tensor, StateT]:
            return rung.run(recurrence, below, state, own, lengths=lengths, reverse=reverse)

        def between(below: Tensor, _: int) -> Tensor:
            with lending():
                return F.dropout(below, dropout, training)

        return each_side(recurrence, weights, inputs, states, side, between)

    if batch_sizes is None:
        return run_layers(inputs, lengths)
    return on_padded(inputs, batch_sizes, run_layers)


def _request(
    name: str | None, inputs: Tensor, ragged: bool, reverse: bool, step_options: StepOptions = PLAIN
) -> Request:
    device = inputs.device.type
    autocast = (device == "cpu" or torch.amp.is_autocast_available(device)) and torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if autocast else inputs.dtype
    compiling = torch.compiler.is_compiling()
    # A compiler has none of the three.
    following = (False, False, False) if compiling else (transformed(), traced(), BLOCK.get() is not None)
    here = (ragged, reverse, *following)
    # A compiler warns of every cache that it sees.
    make = _made if compiling else _remembered
    return make(name, device, dtype, here, _NO_OPTIONS if step_options is PLAIN else step_options.names)


def _made(
    name: str | None, device: str, dtype: torch.dtype, here: tuple[bool, ...], step_options: frozenset[str]
) -> Request:
    """Return the request; ``here`` says for each option of the call, in the order of ``_OPTIONS``, whether it is on."""
    options = step_options.union(option for option, present in zip(_OPTIONS, here, strict=True) if present)
    return Request(name, device, dtype, options)


# To make a request takes as long as a step of a tiny network.
_remembered = lru_cache(maxsize=1024)(_made)


def _traceable(options: StepOptions) -> StepOptions:
    """Return what of ``options`` a trace can keep: a bound on gradients is no operator of torch."""
    if options.gradient_clip is None or not traced():
        return options
    if torch.is_grad_enabled():
        warnings.warn(
            "nurt.kernels: the trace has the right outputs, but gradients taken through it are not bounded by "
            f"gradient_clip={options.gradient_clip}. Trace inside torch.no_grad() where none are taken.",
            TracerWarning,
            stacklevel=3,
        )
    return replace(options, gradient_clip=None)
