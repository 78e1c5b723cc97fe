"""The model file: one safetensors file that holds a trained model and everything needed to use it again.

The weights are tensors; architecture, settings, scaling, the fingerprint of the data, the training record and the
metrics are JSON in the header. Loading runs no code from the file. A digest over all of it tells a damaged file from a
sound one, so that what loads is what was saved, to the last bit.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any, Final, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator
from torch import Tensor, nn

from nurt.environment import versions
from nurt.errors import ModelFileError, NurtValueError
from nurt.training.run import all_finite
from nurt.training.tensorfile import UnreadableError, read_tensor_file, write_tensor_file
from nurt.wording import name_in_words

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "ModelMetadata",
    "check_tensors",
    "first_fault",
    "floating_dtype",
    "load_model",
    "load_weights",
    "save_model",
]

FORMAT: Final = "nurt-model"
FORMAT_VERSION: Final = 1

# Kinds of the package, each with the module that holds its estimator.
HOMES: Final = {"forecaster": "nurt.tasks.forecasting.forecaster"}
KINDS: Final[dict[str, Any]] = {}
"""Kind → the class of estimator that is built from such a file; a class registers itself when it is made."""

# Types of weights that every part of the package computes in.
_COMPUTED = (torch.float32, torch.float64)
_SHOWN = 5
_ANOTHER_FILE = "Name a file that `save` of a nurt model has written."
_FRESH_COPY = "Fetch or copy the file again, or train and save the model anew."
_CURES = {
    "other": _ANOTHER_FILE,
    "damaged": _FRESH_COPY,
    "newer": "Update nurt, or save the model with the version you have.",
}


class ModelMetadata(BaseModel):
    """Metadata of a model file; all values are JSON.

    Args:
        format: the name of the format, always "nurt-model".
        format_version: the version of the format the file was written in.
        kind: of model, such as "forecaster".
        nurt_version: the version of nurt that wrote the file.
        architecture: what is needed to build the network that the weights fit.
        settings: how it was trained.
        scaling: how windows are scaled on the way in and out.
        data: what the model was trained on: target, columns, units, …
        data_fingerprint: digest of the data it was trained on.
        training: the training record.
        metrics: how good it was, name → number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["nurt-model"] = FORMAT
    format_version: int = Field(default=FORMAT_VERSION, ge=1)
    kind: str
    nurt_version: str = Field(default_factory=lambda: versions()["nurt"])
    architecture: dict[str, JsonValue]
    settings: dict[str, JsonValue]
    scaling: dict[str, JsonValue]
    data: dict[str, JsonValue] = Field(default_factory=dict)
    data_fingerprint: str
    training: dict[str, JsonValue]
    metrics: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in (*HOMES, *KINDS):
            raise NurtValueError("ModelMetadata: unknown kind of model.", expected=_names(None), got=repr(kind))
        return kind


def save_model(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], metadata: ModelMetadata) -> None:
    """Write a model file; a concurrent reader sees the former file or the whole new one.

    Args:
        path: where to, by custom ``….safetensors``; folders on the way are made.
        tensors: name → tensor, the state of the network.
        metadata: everything else.

    Raises:
        NurtTypeError: something among ``tensors`` is no dense tensor.
        NurtValueError: there is no tensor, or the metadata hold NaN or an infinity.
        OutputError: the place cannot be written; what stood there before is unchanged.
    """
    if not tensors:
        raise NurtValueError("save_model: there is nothing to save.", expected="at least one tensor", got="none")
    write_tensor_file(path, tensors, metadata.model_dump(mode="json"))


def load_model(
    path: str | os.PathLike[str], *, kind: str | None = "forecaster"
) -> tuple[dict[str, Tensor], ModelMetadata]:
    """Read a model file and check it to the last bit.

    Args:
        path: the file.
        kind: of model that is wanted; None takes every kind.

    Returns:
        The tensors, on the CPU, and everything else.

    Raises:
        ModelFileError: the file is absent, unreadable, damaged, foreign, of a newer format or of another kind.
    """
    name = os.fspath(path)
    try:
        tensors, document = read_tensor_file(path, kind=FORMAT, version=FORMAT_VERSION)
    except UnreadableError as error:
        raise ModelFileError(f"The file {name} {error.reason}.", cure=_CURES[error.fault]) from error
    found = document.get("kind")
    if not isinstance(found, str) or found not in (*HOMES, *KINDS) or kind not in (None, found):
        raise ModelFileError(
            f"The model in {name} is of another kind.",
            expected=f"a model of kind {_names(kind)}",
            got=name_in_words(repr(found)),
            cure=_ANOTHER_FILE,
        )
    try:
        metadata = ModelMetadata.model_validate(document)
    except ValidationError as error:
        raise ModelFileError(
            f"The description in {name} is not that of a nurt model: {first_fault(error)}.", cure=_FRESH_COPY
        ) from error
    return tensors, metadata


def kind_of(name: str) -> Any:
    """Return the class of estimator that is built from a file of kind ``name``."""
    if name not in KINDS:
        importlib.import_module(HOMES[name])
    return KINDS[name]


def check_tensors(model: nn.Module, tensors: Mapping[str, Tensor], path: str | os.PathLike[str]) -> None:
    """Check that tensors of a file are the state of ``model``, which may lie on the meta device and take no memory.

    Raises:
        ModelFileError: a tensor is missing, left over, of another shape or type, or holds NaN or an infinity.
    """
    wanted = {name: (tuple(value.shape), value.dtype) for name, value in model.state_dict().items()}
    given = {name: (tuple(value.shape), value.dtype) for name, value in tensors.items()}
    faults = [f"`{name}` is missing" for name in wanted.keys() - given.keys()]
    faults += [f"`{name_in_words(name)}` has no place in it" for name in given.keys() - wanted.keys()]
    for name in wanted.keys() & given.keys():
        for want, found in zip(wanted[name], given[name], strict=True):
            if want != found:
                faults.append(f"`{name}` should be {_in_words(want)} and is {_in_words(found)}")
    if not faults:
        faults = [f"`{name}` holds NaN or an infinity" for name, value in tensors.items() if not all_finite([value])]
    if faults:
        shown = sorted(faults)[:_SHOWN]
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise ModelFileError(
            f"The tensors in {os.fspath(path)} do not fit the network: {'; '.join(shown)}{more}.", cure=_FRESH_COPY
        )


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: str | os.PathLike[str]) -> None:
    """Load the tensors of a model file into ``model``.

    Args:
        model: a network built from the architecture in the file.
        tensors: name → tensor, from :func:`load_model`.
        path: the file, for the error.

    Raises:
        ModelFileError: a tensor is missing, left over, of another shape or type, or holds NaN or an infinity; the
            model is unchanged.
    """
    check_tensors(model, tensors, path)
    model.load_state_dict(dict(tensors))


def floating_dtype(tensors: Mapping[str, Tensor]) -> torch.dtype:
    """Return the type of the first weight that is no whole number, as the network computes in it; float32 for none."""
    return next((one.dtype for one in tensors.values() if one.dtype in _COMPUTED), torch.float32)


def _in_words(found: object) -> str:
    return str(found).removeprefix("torch.")


def _names(kind: str | None) -> str:
    return " or ".join(map(repr, dict.fromkeys((*HOMES, *KINDS)) if kind is None else (kind,)))


def first_fault(error: ValidationError) -> str:
    """Return place and reason of the first fault that pydantic found, in bounded words."""
    fault: Any = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return name_in_words(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}", 200)
