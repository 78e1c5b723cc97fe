"""A rung: one way to run a recurrence, with the one signature that all of them share, and what a call may ask of it.

What can be done before the call of a kernel (dropping inputs or weights, a learned initial state) is no option here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from nurt.errors import NurtValueError
from nurt.kernels.recurrence import Recurrence, StateT, Weights

__all__ = [
    "OPTIONS",
    "PLAIN",
    "SCAN",
    "STEP_OPTIONS",
    "Kernel",
    "Request",
    "Rung",
    "ScanKernel",
    "StackKernel",
    "StepOptions",
    "dtype_name",
    "no_step_options",
    "require_constants",
]

STEP_OPTIONS = ("zoneout", "state_dropout", "gradient_clip")
OPTIONS = ("ragged", "reverse", "transformed", "traced", "recording", *STEP_OPTIONS)
# The name of the diagonal scan where the names of recurrences stand.
SCAN = "scan"


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name a person uses, for example ``float32``."""
    return str(dtype).removeprefix("torch.")


@dataclass(frozen=True)
class Request:
    """What a call needs from a rung.

    Args:
        recurrence: name of the recurrence; None for a cell whose step no kernel knows.
        device: device type, for example "cpu".
        dtype: of the inputs.
        options: of :data:`OPTIONS`: "ragged" (rows of different lengths), "reverse" (time runs backwards),
            "transformed" (inside a transform of ``torch.func`` or a forward-mode derivative), "traced" (while
            ``torch.jit.trace`` writes operators down), "recording" (inside a block of
            :func:`~nurt.kernels.recording`), and the names of
            :class:`~nurt.kernels.StepOptions`: "zoneout", "state_dropout", "gradient_clip".
    """

    recurrence: str | None
    device: str
    dtype: torch.dtype
    options: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        unknown = sorted(self.options.difference(OPTIONS))
        if unknown:
            raise NurtValueError(
                "nurt.kernels: unknown option of a recurrence.",
                expected=f"options among {', '.join(OPTIONS)}",
                got=", ".join(unknown),
            )

    def __str__(self) -> str:
        name = self.recurrence or "a step of its own"
        options = "".join(f", {option}" for option in sorted(self.options))
        return f"{name} on {self.device}, {dtype_name(self.dtype)}{options}"


@dataclass(frozen=True, eq=False)
class StepOptions:
    """What happens to the state on its way from step to step; time runs as the recurrence runs.

    Args:
        hidden_mask: m (B, ·), of the size of the hidden state, the same in every step: W_hh is multiplied by
            m ⊙ h_{t-1} in the place of h_{t-1}. Where a recurrence uses h_{t-1} in another way, as the GRU carries it
            on, m has no part. Dropout of the state, one mask per sequence [gal2016theoretically].
        keep_hidden: k in h_t = k ⊙ h_{t-1} + (1 - k) ⊙ (new h_t), zoneout [krueger2017zoneout]: zeros and ones
            (B, T, ·) while training, at the places of the inputs; the probability itself in evaluation.
        keep_cell: the same for the field ``cell``; the hidden state is made from the new cell state before zoneout.
        gradient_clip: δ > 0. Every element of the gradient that crosses from a step to the state before it, of every
            field, the initial state included, is clamped to [-δ, δ] before the gradient of that state's own output is
            added. The forward pass stays as it is. None for no bound.
    """

    hidden_mask: Tensor | None = None
    keep_hidden: Tensor | float | None = None
    keep_cell: Tensor | float | None = None
    gradient_clip: float | None = None

    @property
    def names(self) -> frozenset[str]:
        """What a rung must know of to serve them, words of :data:`nurt.kernels.rung.OPTIONS`."""
        present = {
            "state_dropout": self.hidden_mask is not None,
            "zoneout": self.keep_hidden is not None or self.keep_cell is not None,
            "gradient_clip": self.gradient_clip is not None,
        }
        return frozenset(name for name, there in present.items() if there)


PLAIN = StepOptions()


class Kernel(Protocol):
    """One layer in one direction; every rung has this signature."""

    def __call__(
        self,
        recurrence: Recurrence[StateT],
        inputs: Tensor,
        state: StateT,
        weights: Weights,
        *,
        lengths: Tensor | None,
        reverse: bool,
        options: StepOptions = PLAIN,
    ) -> tuple[Tensor, StateT]:
        """Run over time.

        Args:
            recurrence: which one.
            inputs: (B, T, I), T at least 1. What lies past the end of a row is never used, not even if it is NaN.
            state: before the first step, fields (B, ·).
            weights: of the recurrence.
            lengths: steps of each row, int64 (B,), 0..T; None when every row has T steps. Past its end a row's
                state is frozen and its output zero.
            reverse: run from each row's own last step to its first.
            options: what happens to the state from step to step; a rung that refuses them never receives any.

        Returns:
            The outputs (B, T, ·), each at the place of its input, and the state after the last step taken.
        """
        ...


class StackKernel(Protocol):
    """Layers and directions in one call, for a rung that has them fused."""

    def __call__(
        self,
        recurrence: Recurrence[StateT],
        inputs: Tensor,
        states: tuple[Tensor, ...] | None,
        weights: Sequence[Sequence[Weights]],
        *,
        lengths: Tensor | None,
        batch_sizes: Tensor | None,
        dropout: float,
        training: bool,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run L layers of D directions over time.

        Args:
            recurrence: which one, the same in every layer.
            inputs: padded (B, T, I); or the data (sum of lengths, I) of a packed sequence with ``batch_sizes``.
            states: before the first step, each field (L·D, B, ·), directions of a layer side by side;
                None for zeros.
            weights: per layer, per direction.
            lengths: as for :class:`Kernel`; not together with ``batch_sizes``.
            batch_sizes: rows alive at each step of packed data, int64 (T,), on the CPU.
            dropout: probability of zeroing between layers, while ``training``.
            training: whether dropout is at work.

        Returns:
            The outputs of the last layer, laid out as ``inputs`` with D·H features, and the states after the last
            steps, laid out as ``states``.
        """
        ...


class ScanKernel(Protocol):
    """The diagonal scan h_t = a_t ⊙ h_{t-1} + b_t, for a rung that has one."""

    def __call__(
        self, a: Tensor, b: Tensor, initial: Tensor | None, *, lengths: Tensor | None, reverse: bool
    ) -> tuple[Tensor, Tensor]:
        """Run over time.

        Args:
            a: (B or 1, T or 1, D); a size of 1 is shared by all rows or steps.
            b: (B, T, D).
            initial: (B, D); None for zero.
            lengths: as for :class:`Kernel`.
            reverse: as for :class:`Kernel`.

        Returns:
            The outputs (B, T, D) and the state after the last step taken, (B, D).
        """
        ...


@dataclass(frozen=True)
class Rung:
    """A row of the dispatch table.

    Args:
        name: what a person writes to force it.
        summary: what it is, a few words.
        refuse: why it cannot serve a request, one clause without a full stop; None when it can.
        run: the kernel.
        run_stack: the fused kernel of a whole stack; None when the rung works layer by layer.
        scan: the kernel of the diagonal scan; None when the rung has none and refuses it.
    """

    name: str
    summary: str
    refuse: Callable[[Request], str | None]
    run: Kernel
    run_stack: StackKernel | None = None
    scan: ScanKernel | None = None


def no_step_options(request: Request, who: str) -> str | None:
    """Return why ``who``, which has no :class:`~nurt.kernels.StepOptions`, cannot serve ``request``, or None."""
    asked = [option for option in STEP_OPTIONS if option in request.options]
    return f"{who} has no {' or '.join(asked)}" if asked else None


def require_constants(options: StepOptions, rung: str) -> None:
    """Refuse masks and shares that ask for a gradient, which a rung of adjoints by hand does not have.

    Raises:
        NurtValueError: one of them asks.
    """
    for name in ("hidden_mask", "keep_hidden", "keep_cell"):
        value = getattr(options, name)
        if isinstance(value, Tensor) and value.requires_grad:
            raise NurtValueError(
                f"nurt.kernels: the rung {rung!r} has no gradient for {name}.",
                expected="a constant",
                got="a tensor that requires a gradient",
                cure=f'Detach it, or force the rung "reference", which differentiates by {name} too.',
            )
