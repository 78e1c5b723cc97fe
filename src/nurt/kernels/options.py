"""Options that change what a step does with the state: masks, zoneout, a bound on the gradient through time.

What can be done before the call of a kernel (dropping inputs or weights, a learned initial state) is not here.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from nurt.errors import NurtValueError

__all__ = ["PLAIN", "StepOptions", "require_constants"]


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
