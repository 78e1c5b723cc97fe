"""The model file: one safetensors file that holds a trained model and everything needed to use it again.

The weights are tensors; architecture, settings, scaling, the fingerprint of the data, the training record and the
metrics are JSON in the header. Loading runs no code from the file. A digest over all of it tells a damaged file from a
sound one, so that what loads is what was saved, to the last bit.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator
from torch import Tensor, nn

from nurt.errors import ModelFileError, NurtValueError
from nurt.training.tensorfile import UnreadableError, read_tensor_file, write_tensor_file

__all__ = ["FORMAT", "FORMAT_VERSION", "ModelMetadata", "load_model", "load_weights", "save_model"]

FORMAT: Final = "nurt-model"
FORMAT_VERSION: Final = 1

# Kinds of the package, each with the module that holds its estimator.
HOMES: Final = {"forecaster": "nurt.tasks.forecasting.forecaster"}
KINDS: Final[dict[str, Any]] = {}
"""Kind → the class of estimator that is built from such a file; a class registers itself when it is made."""

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
    nurt_version: str = Field(default_factory=lambda: importlib.metadata.version("nurt"))
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
    if found not in (*HOMES, *KINDS) or kind not in (None, found):
        raise ModelFileError(
            f"The model in {name} is of another kind.",
            expected=f"a model of kind {_names(kind)}",
            got=repr(found),
            cure=_ANOTHER_FILE,
        )
    try:
        metadata = ModelMetadata.model_validate(document)
    except ValidationError as error:
        raise ModelFileError(
            f"The description in {name} is not that of a nurt model: {_first_fault(error)}.", cure=_FRESH_COPY
        ) from error
    return tensors, metadata


def kind_of(name: str) -> Any:
    """Return the class of estimator that is built from a file of kind ``name``."""
    if name not in KINDS:
        importlib.import_module(HOMES[name])
    return KINDS[name]


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: str | os.PathLike[str]) -> None:
    """Load the tensors of a model file into ``model``.

    Args:
        model: a network built from the architecture in the file.
        tensors: name → tensor, from :func:`load_model`.
        path: the file, for the error.

    Raises:
        ModelFileError: a tensor is missing, left over, or of another shape; the model is unchanged.
    """
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    faults = [f"`{name}` is missing" for name in wanted.keys() - given.keys()]
    faults += [f"`{name}` has no place in it" for name in given.keys() - wanted.keys()]
    faults += [
        f"`{name}` should be {wanted[name]} and is {given[name]}"
        for name in wanted.keys() & given.keys()
        if wanted[name] != given[name]
    ]
    if faults:
        raise ModelFileError(
            f"The tensors in {os.fspath(path)} do not fit the network: {'; '.join(sorted(faults))}.", cure=_FRESH_COPY
        )
    model.load_state_dict(dict(tensors))


def _names(kind: str | None) -> str:
    return " or ".join(map(repr, dict.fromkeys((*HOMES, *KINDS)) if kind is None else (kind,)))


def _first_fault(error: ValidationError) -> str:
    fault: Any = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
