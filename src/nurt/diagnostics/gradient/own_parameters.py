"""Parameters and gradients as a person holds them: arrays of NumPy or torch by name, in a row, or a single one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from nurt.diagnostics.surface.visiting import scalar
from nurt.errors import NurtTypeError, NurtValueError, ShapeError

__all__ = ["Arrays", "Holder", "ParameterForm", "gradients_given", "scalar_of"]

Arrays: TypeAlias = Mapping[str, Any] | Sequence[Any] | np.ndarray | Tensor
"""Parameters that are no module."""


@dataclass(frozen=True)
class ParameterForm:
    """How a person holds parameters: their names, whether as a dict, a row or a single one, and of which library."""

    kind: type[Any]
    names: tuple[str, ...]
    values: tuple[np.ndarray | Tensor, ...]

    @classmethod
    def of(cls, parameters: Arrays) -> ParameterForm:
        """Return the form of some parameters.

        Raises:
            NurtTypeError: they are no arrays in float64, or none at all.
        """
        if isinstance(parameters, Mapping):
            kind: type[Any] = dict
            names, values = [str(name) for name in parameters], list(parameters.values())
        elif isinstance(parameters, list | tuple):
            kind = type(parameters)
            names, values = [str(at) for at in range(len(parameters))], list(parameters)
        else:
            kind = np.ndarray
            names, values = ["parameters"], [parameters]
        for name, one in zip(names, values, strict=True):
            known = isinstance(one, np.ndarray | np.floating | float | Tensor)
            kept = str(getattr(one, "dtype", "float64")).removeprefix("torch.")
            if not known or kept != "float64":
                raise NurtTypeError(
                    f"check_gradient: `{name}` cannot be moved by differences.",
                    expected="a torch.nn.Module, or arrays of NumPy or torch in float64",
                    got=kept if known else type(one).__name__,
                    cure="Convert it: array.astype(np.float64), tensor.double()." if known else None,
                )
        if not values:
            raise NurtTypeError("check_gradient: there are no parameters.", expected="at least one array", got="none")
        return cls(kind, tuple(names), tuple(one if isinstance(one, Tensor) else np.asarray(one) for one in values))

    def filled(self, values: Sequence[np.ndarray | Tensor]) -> Any:
        """Return ``values`` in this form."""
        if self.kind is dict:
            return dict(zip(self.names, values, strict=True))
        if self.kind is np.ndarray:
            return values[0]
        # A named tuple takes its fields one by one.
        return self.kind(*values) if hasattr(self.kind, "_fields") else self.kind(values)

    def named(self, given: Any) -> Any:
        """Return gradients that a person gave in this form, by name."""
        if self.kind is np.ndarray:
            return {self.names[0]: given}
        if self.kind is not dict and isinstance(given, list | tuple):
            if len(given) != len(self.names):
                raise NurtValueError(
                    "check_gradient: there is not one gradient for each parameter.",
                    expected=f"{len(self.names)} arrays",
                    got=str(len(given)),
                )
            return dict(zip(self.names, given, strict=True))
        return given


class Holder(nn.Module):
    """Copies of the parameters that a person holds, moved in their place."""

    def __init__(self, form: ParameterForm) -> None:
        super().__init__()
        self.of_numpy = [isinstance(one, np.ndarray) for one in form.values]
        copies = [
            torch.from_numpy(np.array(one)) if isinstance(one, np.ndarray) else one.detach().clone()
            for one in form.values
        ]
        self.weights = nn.ParameterList([nn.Parameter(one) for one in copies])

    def values(self) -> list[np.ndarray | Tensor]:
        """Return copies of the weights, of the library that they came from."""
        pairs = zip(self.weights, self.of_numpy, strict=True)
        return [one.detach().numpy().copy() if numpy else one.detach().clone() for one, numpy in pairs]


def scalar_of(value: Any) -> Tensor:
    """Return what a loss of a person returned as a scalar of torch."""
    if isinstance(value, Tensor):
        return scalar(value)
    if isinstance(value, bool) or not isinstance(value, int | float | np.number | np.ndarray):
        raise NurtTypeError("check_gradient: the loss is no number.", expected="one number", got=type(value).__name__)
    return scalar(torch.as_tensor(np.asarray(value, dtype=np.float64)))


def gradients_given(given: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return the gradients of a person as tensors, one for each parameter and of its shape."""
    if not isinstance(given, Mapping) or set(map(str, given)) != set(shapes):
        raise NurtValueError(
            "check_gradient: the gradient is not that of these parameters.",
            expected=f"one array for each of {', '.join(shapes)}",
            got=", ".join(map(str, given)) if isinstance(given, Mapping) else type(given).__name__,
        )
    found = {}
    for name, value in ((str(name), value) for name, value in given.items()):
        array = value.detach().double() if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value, np.float64))
        if tuple(array.shape) != shapes[name]:
            turned = tuple(array.shape[::-1]) == shapes[name]
            raise ShapeError(
                f"check_gradient: the gradient of `{name}` has not its shape.",
                expected=str(shapes[name]),
                got=str(tuple(array.shape)),
                cure="It is transposed." if turned else "Sum it over the batch and over time.",
            )
        found[name] = array
    return {name: found[name] for name in shapes}
