"""Clipping: gradients of all parameters together that are too long are shortened, and it is recorded.

By norm all are multiplied by the same factor (Algorithm 1 of [pascanu2013difficulty]) and the direction is kept; by
value every entry is bounded for itself and the direction turns. A step below the limit is not touched, not even by a
rounding. It bounds the harm of an exploding gradient and does nothing for a vanishing one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from nurt.training.ledger import BadKind, ClippedStep, ClippingLedger, LedgerBuilder
from nurt.training.settings import ClipByValue, Clipping

__all__ = ["ClippingRecorder", "NamedParameters", "clip_gradients"]


NamedParameters: TypeAlias = Iterable[nn.Parameter] | Iterable[tuple[str, nn.Parameter]]


def clip_gradients(
    parameters: NamedParameters, clipping: Clipping | None, loss: Tensor | None = None
) -> tuple[ClippedStep, float]:
    """Clip all gradients in place and report what that did; where one is not finite, all are left as they are.

    Args:
        parameters: parameters, or pairs of name and parameter; without names they are numbered from 0.
        clipping: the limit; None measures alone.
        loss: a scalar, transferred from the device together with the norms.

    Returns:
        What clipping did, and the loss as a number, NaN without one.
    """
    named = {name: parameter.grad for name, parameter in _named(parameters) if parameter.grad is not None}
    gradients = list(named.values())
    if not gradients:
        value = math.nan if loss is None else float(loss.detach())
        return ClippedStep(0.0, 0.0, clipped=False, cosine=math.nan, removed=0.0, shares={}), value
    norms = [torch.linalg.vector_norm(gradient) for gradient in gradients]
    total = torch.linalg.vector_norm(torch.stack([norm.to(gradients[0].device) for norm in norms]))
    value, norm, *lengths = _numbers([loss.detach() if loss is not None else total * math.nan, total, *norms])
    if not math.isfinite(norm):
        lengths = [_norm_beyond_range([gradient]) for gradient in gradients]
        norm = _norm_beyond_range(gradients)
    if not math.isfinite(norm):
        return _bad_step(named, norm), value
    shares = _shares(named, lengths) if norm else dict.fromkeys(named, 0.0)
    if isinstance(clipping, ClipByValue):
        return _clip_by_value(gradients, clipping, norm, shares), value
    coefficient = 1.0 if clipping is None else clipping.coefficient(norm)
    clipped = _scale(gradients, coefficient)
    after = norm * coefficient
    cosine = 1.0 if norm else math.nan
    return ClippedStep(norm, after, clipped, cosine, (1.0 - coefficient) * norm, shares), value


class ClippingRecorder:
    """Clips the gradients of every update and keeps the ledger; for any optimiser.

    Args:
        clipping: ``ClipByNorm(limit)``, ``ClipByValue(limit)``, or None, which changes nothing and only records.

    Example:
        >>> from nurt.training import ClipByNorm
        >>> layer = torch.nn.Linear(2, 1, bias=False)
        >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        >>> recorder = ClippingRecorder(ClipByNorm(1.0))
        >>> for _ in range(3):
        ...     optimizer.zero_grad()
        ...     (layer(torch.tensor([3.0, 4.0])) - 100.0).backward()
        ...     if recorder.step(layer.named_parameters(), learning_rate=0.1).is_finite:
        ...         optimizer.step()
        >>> ledger = recorder.ledger()
        >>> ledger.clipped_share, ledger.longest_run
        (1.0, 3)
    """

    def __init__(self, clipping: Clipping | None) -> None:
        self.clipping = clipping
        self._builder = LedgerBuilder()

    def step(self, parameters: NamedParameters, learning_rate: float = 1.0) -> ClippedStep:
        """Clip the gradients in place and enter the update; to be called between ``backward`` and ``optimizer.step``.

        A gradient that is not finite is entered by its kind and left as it is: skip the update where ``is_finite`` of
        what is returned is False.

        Args:
            parameters: ``model.parameters()``, or ``model.named_parameters()`` for a ledger with names.
            learning_rate: η of the update, for ``removed_length``; 1 gives the length of the gradients themselves.
        """
        found, _ = clip_gradients(parameters, self.clipping)
        self._builder.note(found, learning_rate)
        return found

    def ledger(self) -> ClippingLedger:
        """Return what was entered so far."""
        return self._builder.ledger(self.clipping)


def _scale(gradients: Sequence[Tensor], coefficient: float) -> bool:
    if coefficient == 1.0:
        return False
    for gradient in gradients:
        gradient.mul_(coefficient)
    return True


def _clip_by_value(
    gradients: Sequence[Tensor], clipping: ClipByValue, norm: float, shares: Mapping[str, float]
) -> ClippedStep:
    """Bound every entry; lengths and angle in units of ``norm`` and in float64, so that no square overflows."""
    unchanged = ClippedStep(norm, norm, clipped=False, cosine=1.0 if norm else math.nan, removed=0.0, shares=shares)
    if norm <= clipping.limit:
        return unchanged
    largest, sums = [], []
    for gradient in gradients:
        if gradient.numel():
            before = gradient.double() / norm
            after = gradient.clamp(-clipping.limit, clipping.limit).double() / norm
            largest.append(gradient.abs().amax())
            sums += [
                before.square().sum(),
                after.square().sum(),
                (before * after).sum(),
                (before - after).square().sum(),
            ]
    numbers = _numbers([*largest, *sums])
    if max(numbers[: len(largest)]) <= clipping.limit:
        return unchanged
    for gradient in gradients:
        gradient.clamp_(-clipping.limit, clipping.limit)
    whole, kept, product, removed = (math.fsum(numbers[len(largest) + part :: 4]) for part in range(4))
    return ClippedStep(
        norm=norm,
        norm_after=norm * math.sqrt(kept),
        clipped=True,
        cosine=min(1.0, product / math.sqrt(whole * kept)),
        removed=norm * math.sqrt(removed),
        shares=shares,
    )


def _bad_step(named: Mapping[str, Tensor], norm: float) -> ClippedStep:
    """Return the step of gradients that are not finite: which kind, and where it is met first."""
    kinds = {name: _kind(gradient) for name, gradient in named.items()}
    kind: BadKind = "nan" if "nan" in kinds.values() else "inf"
    return ClippedStep(
        norm=norm,
        norm_after=norm,
        clipped=False,
        cosine=math.nan,
        removed=0.0,
        shares=dict.fromkeys(named, 0.0),
        kind=kind,
        parameter=next((name for name, found in kinds.items() if found is not None), None),
    )


def _kind(gradient: Tensor) -> BadKind | None:
    if bool(gradient.isnan().any()):
        return "nan"
    return "inf" if bool(gradient.isinf().any()) else None


def _shares(named: Mapping[str, Tensor], lengths: Sequence[float]) -> dict[str, float]:
    """Return the share of each parameter in the squared norm; divided by the largest first, so nothing overflows."""
    largest = max(lengths)
    squares = [(length / largest) ** 2 for length in lengths]
    total = math.fsum(squares)
    return {name: square / total for name, square in zip(named, squares, strict=True)}


def _norm_beyond_range(tensors: Sequence[Tensor]) -> float:
    """Return the norm by way of the largest entry, m·‖g/m‖: not finite only if a gradient is not."""
    gradients = [tensor.double() for tensor in tensors]
    largest = max((float(gradient.abs().amax()) for gradient in gradients if gradient.numel()), default=0.0)
    if largest == 0.0 or not all(bool(torch.isfinite(gradient).all()) for gradient in gradients):
        return float(torch.nn.utils.get_total_norm(gradients))
    return largest * float(torch.nn.utils.get_total_norm([gradient / largest for gradient in gradients]))


def _numbers(scalars: Sequence[Tensor]) -> list[float]:
    """Return all as floats, by one transfer from the device."""
    precise = torch.float32
    for scalar in scalars:
        precise = torch.promote_types(precise, scalar.dtype)
    found: list[float] = torch.stack([scalar.to(scalars[0].device, precise) for scalar in scalars]).tolist()
    return found


def _named(parameters: NamedParameters) -> Iterable[tuple[str, nn.Parameter]]:
    for number, found in enumerate(parameters):
        yield found if isinstance(found, tuple) else (str(number), found)
