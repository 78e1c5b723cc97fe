"""What a gradient may be at most: by its norm, which keeps its direction, or entry by entry, which does not."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from nurt.errors import NurtTypeError, NurtValueError

__all__ = ["ClipByNorm", "ClipByValue", "Clipping", "clipping_from_dict", "clipping_to_dict"]


@dataclass(frozen=True)
class ClipByNorm:
    r"""Shorten the gradient g of all parameters together to the length c: g ← g · min(1, c/(‖g‖ + ε)).

    With ε = 0 this is Algorithm 1 of [pascanu2013difficulty]. ``torch.nn.utils.clip_grad_norm_`` has ε = 1e-6.

    Args:
        limit: c, above 0.
        epsilon: ε, at least 0.

    Raises:
        NurtTypeError: one of them is no number.
        NurtValueError: one of them is out of range.
    """

    limit: float
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        _number("ClipByNorm", "limit", self.limit, above_zero=True)
        _number("ClipByNorm", "epsilon", self.epsilon, above_zero=False)

    def coefficient(self, norm: float) -> float:
        """Return what a gradient of the length ``norm`` is multiplied by, 0..1."""
        return 1.0 if norm + self.epsilon <= self.limit else self.limit / (norm + self.epsilon)

    def __str__(self) -> str:
        return f"norm {self.limit:g}"


@dataclass(frozen=True)
class ClipByValue:
    """Bound every entry of the gradient: g_i ← max(-c, min(c, g_i)), as ``torch.nn.utils.clip_grad_value_`` does.

    It turns the gradient: large entries are cut, small ones stay.

    Args:
        limit: c, above 0.

    Raises:
        NurtTypeError: it is no number.
        NurtValueError: it is out of range.
    """

    limit: float

    def __post_init__(self) -> None:
        _number("ClipByValue", "limit", self.limit, above_zero=True)

    def __str__(self) -> str:
        return f"value {self.limit:g}"


Clipping: TypeAlias = ClipByNorm | ClipByValue

_KINDS: dict[str, type[Clipping]] = {"ClipByNorm": ClipByNorm, "ClipByValue": ClipByValue}


def clipping_to_dict(clipping: Clipping | None) -> dict[str, Any] | None:
    """Return the clipping as plain JSON values with the name of its kind."""
    return None if clipping is None else {"kind": type(clipping).__name__, **asdict(clipping)}


def clipping_from_dict(values: dict[str, Any] | None) -> Clipping | None:
    """Return the clipping that :func:`clipping_to_dict` described."""
    if values is None:
        return None
    parts = dict(values)
    return _KINDS[parts.pop("kind")](**parts)


def _number(owner: str, name: str, value: object, *, above_zero: bool) -> None:
    expected = "a finite number above 0" if above_zero else "a finite number of at least 0"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NurtTypeError(f"{owner}: `{name}` is no number.", expected=expected, got=repr(value))
    if not 0.0 <= value < math.inf or (above_zero and value == 0.0):
        raise NurtValueError(f"{owner}: `{name}` is out of range.", expected=expected, got=repr(value))
