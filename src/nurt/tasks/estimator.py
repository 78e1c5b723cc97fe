"""Base of the estimators: parameters by name, the fitted network, its model file, and a look into it."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from nurt.data.scaling import MinMaxScaling, StandardScaling, WindowScaling
from nurt.diagnostics.examination.examining import Examination, examine
from nurt.diagnostics.examination.layer_findings import Scope
from nurt.errors import ModelFileError, NotFittedError, NurtValueError
from nurt.nn import ModuleExplanation, explain
from nurt.results import plain
from nurt.tasks.building import seeded
from nurt.tasks.modelfile import (
    KINDS,
    ModelMetadata,
    check_tensors,
    first_fault,
    floating_dtype,
    kind_of,
    load_model,
    load_weights,
    save_model,
)
from nurt.tasks.parameters import documented, parameters_of
from nurt.training.declared import mistyped
from nurt.training.events import STOPPED_BY, EpochEnded, TrainingRecord
from nurt.training.ledger import ClippingLedger
from nurt.training.run import all_finite
from nurt.training.settings import CosineDecay, ReduceOnPlateau, TrainingSettings, clipping_to_dict
from nurt.wording import name_in_words

__all__ = ["Estimator", "FileContents"]

NETWORK = "network."
# Values of parameters that are objects; a model file holds the name of their class beside their fields.
OBJECTS = {
    kind.__name__: kind for kind in (WindowScaling, MinMaxScaling, StandardScaling, ReduceOnPlateau, CosineDecay)
}
# What building from values that fit no network raises, in Python, NumPy and torch.
_ABSURD = (TypeError, KeyError, AttributeError, IndexError, ValueError, ArithmeticError, RuntimeError)


@dataclass(frozen=True)
class FileContents:
    """What a model file holds beside parameters, weights and training record; JSON values apart from tensors.

    Args:
        architecture: what is needed to build the network that the weights fit.
        scaling: how inputs are scaled.
        data: what the model was trained on.
        data_fingerprint: digest of the data.
        metrics: how good the model was.
        tensors: further tensors by name.
    """

    architecture: Mapping[str, Any]
    scaling: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    data_fingerprint: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


class Estimator(ABC):
    """An estimator in the manner of scikit-learn: a dataclass of parameters that ``fit`` turns into a network.

    The constructor only stores the parameters of :mod:`nurt.tasks.parameters`. ``fit`` calls
    :meth:`check_parameters`, sets ``network_`` and ``training_record_`` and returns the estimator; what it learns ends
    in an underscore. A subclass names the kind of its model file and implements three methods: the contents of the
    file, the way back from them, and the rows to examine.
    """

    kind: ClassVar[str | None] = None
    network_: nn.Module
    training_record_: TrainingRecord

    def __init_subclass__(cls, *, kind: str | None = None) -> None:
        if kind is not None:
            cls.kind = kind
            KINDS[kind] = cls
        if dataclasses.is_dataclass(cls):
            cls.__doc__ = documented(cls.__doc__, parameters_of(cls))

    # ------------------------------------------------------------ parameters

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Return the names of the constructor arguments, in order."""
        return [one.name for one in parameters_of(cls)]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - scikit-learn's signature; no nested estimators
        """Return the constructor arguments by name."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    def set_params(self, **parameters: Any) -> Self:
        """Set constructor arguments by name and return self."""
        names = self.parameter_names()
        for name, given in parameters.items():
            if name not in names:
                raise NurtValueError(
                    f"{type(self).__name__} has no parameter {name!r}.", expected=", ".join(names), got=repr(name)
                )
            setattr(self, name, given)
        return self

    def check_parameters(self) -> None:
        """Check all constructor arguments, before any work.

        Raises:
            NurtValueError: one cannot be used; the message names it, its range and what was given.
        """
        for one in parameters_of(type(self)):
            one.check(type(self).__name__, getattr(self, one.name))

    def __repr__(self) -> str:
        given = [
            f"{one.name}={getattr(self, one.name)!r}"
            for one in parameters_of(type(self))
            if getattr(self, one.name) != one.default
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn, which is imported only by those who use it."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(one_d_array=True, two_d_array=True, allow_nan=True),
        )

    # ------------------------------------------------------- the fitted network

    def fitted_network(self) -> Any:
        """Return the network; raises NotFittedError before ``fit``."""
        if not hasattr(self, "network_"):
            raise NotFittedError(
                f"This {type(self).__name__} has not learnt anything yet.",
                cure=f"Call fit(y) first, or {type(self).__name__}.load(path).",
            )
        return self.network_

    @property
    def parameter_count(self) -> int:
        """Number of trained parameters."""
        return sum(parameter.numel() for parameter in self.fitted_network().parameters())

    def explain(self) -> ModuleExplanation:
        """Return which code runs each recurrence of the network; see :func:`nurt.nn.explain`."""
        return explain(self.fitted_network())

    def examine(self, *data: Any, scope: Scope | None = None, **columns: Any) -> Examination:
        """Examine the network on rows of data, with the loss it was trained on; see :func:`nurt.diagnostics.examine`.

        Args:
            *data: in any form that ``fit`` takes.
            scope: which parts, and how many rows.
            **columns: as ``fit`` takes them.
        """
        scope = scope or Scope()
        inputs, loss = self.sample(*data, rows=scope.rows, **columns)
        return examine(self.examined_network(), inputs, loss, scope=scope)

    def examined_network(self) -> nn.Module:
        """Return the network that is looked into; one of them where there are several."""
        network: nn.Module = self.fitted_network()
        return network

    # ------------------------------------------------------------- model file

    def save(self, path: str | Path) -> None:
        """Write the model file; see :mod:`nurt.tasks.modelfile`.

        Raises:
            NotFittedError: the estimator has not learnt anything yet.
            NurtValueError: a weight is NaN or infinite, or parameters were changed since; nobody could use the file.
            OutputError: the place cannot be written; what stood there before is unchanged.
        """
        network = self.fitted_network()
        broken = [name for name, one in network.state_dict().items() if not all_finite([one])]
        if broken:
            raise NurtValueError(
                f"{type(self).__name__}.save: `{broken[0]}` holds NaN or an infinity.",
                cure="Train the network anew; what it holds cannot forecast.",
            )
        contents = self.file_contents()
        assert self.kind is not None
        metadata = ModelMetadata(
            kind=self.kind,
            architecture=plain(contents.architecture),
            settings={name: _to_json(one) for name, one in self.get_params().items()},
            scaling=plain(contents.scaling),
            data=plain(contents.data),
            data_fingerprint=contents.data_fingerprint,
            training=plain(self.training_record_),
            metrics=plain(contents.metrics),
        )
        weights = {NETWORK + name: one for name, one in network.state_dict().items()}
        save_model(path, weights | dict(contents.tensors), metadata)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model file; runs no code from it. ``Estimator.load`` reads any kind.

        Raises:
            ModelFileError: the file is damaged, foreign, of another kind or of a newer format.
        """
        tensors, metadata = load_model(path, kind=cls.kind)
        kind: type[Self] = kind_of(metadata.kind) if cls.kind is None else cls
        try:
            return kind._restored(tensors, metadata, path)
        except ModelFileError:
            raise
        except ValidationError as error:
            reason = first_fault(error)
        except _ABSURD as error:
            reason = name_in_words(str(error).replace("\n", " ") or type(error).__name__, 300)
        raise ModelFileError(
            f"The description in {path} is not that of a nurt {metadata.kind}: {reason.rstrip('.')}.",
            cure="Train and save the model anew.",
        )

    @classmethod
    def _restored(cls, tensors: Mapping[str, Tensor], metadata: ModelMetadata, path: str | Path) -> Self:
        """Return the estimator of a file; its parts are checked against each other before the network takes memory."""
        names = cls.parameter_names()
        if sorted(metadata.settings) != sorted(names):
            raise NurtValueError(
                "The settings are not those of the estimator.",
                expected=", ".join(names),
                got=", ".join(metadata.settings),
            )
        estimator = cls(**{name: _from_json(one) for name, one in metadata.settings.items()})
        estimator.check_parameters()
        further = {name: one for name, one in tensors.items() if not name.startswith(NETWORK)}
        weights = {name.removeprefix(NETWORK): one for name, one in tensors.items() if name not in further}
        contents = FileContents(
            metadata.architecture, metadata.scaling, metadata.data, metadata.data_fingerprint, metadata.metrics, further
        )
        estimator.training_record_ = _record_from_json(dict(metadata.training))
        dtype = floating_dtype(weights)
        with torch.device("meta"):
            check_tensors(estimator.restore(contents).to(dtype), weights, path)
        # Once more in memory, which is now known to be that of the tensors: what a network holds besides them.
        network = seeded(lambda: estimator.restore(contents), 0).to(dtype)
        load_weights(network, weights, path)
        estimator.network_ = network.eval()
        return estimator

    # ----------------------------------------------------- what a task supplies

    @abstractmethod
    def file_contents(self) -> FileContents:
        """Return what the model file holds beside parameters, weights and training record."""

    @abstractmethod
    def restore(self, contents: FileContents) -> nn.Module:
        """Take in the contents of a model file, and return the network that its weights fit."""

    @abstractmethod
    def sample(self, *data: Any, rows: int, **columns: Any) -> tuple[Any, Any]:
        """Return inputs of the network for some rows of data, and the loss as a function of its output."""


def _to_json(given: Any) -> Any:
    if isinstance(given, TrainingSettings):
        return plain(given.to_dict())
    if type(given).__name__ in OBJECTS:
        return plain({"kind": type(given).__name__, **vars(given)})
    return plain(given)


def _from_json(saved: Any) -> Any:
    if isinstance(saved, list):
        return tuple(saved)
    if not isinstance(saved, dict):
        return saved
    parts = {name: _from_json(one) for name, one in saved.items()}
    if "kind" in parts:
        value = OBJECTS[parts.pop("kind")](**parts)
        # Here too a default would stand for what is left out.
        if vars(value).keys() != parts.keys():
            raise NurtValueError(f"A {type(value).__name__} is described in part.", got=", ".join(parts))
        return value
    # A value that is left out would be replaced by a default; files from before clipping by value lack it rightly.
    missing = {one.name for one in dataclasses.fields(TrainingSettings)} - {*parts, "clip_value"}
    if missing:
        raise NurtValueError("Training settings are missing.", got=", ".join(sorted(missing)))
    return TrainingSettings(**parts)


def _record_from_json(saved: dict[str, Any]) -> TrainingRecord:
    if not isinstance(saved["history"], list):
        raise NurtValueError("The history of the training is no list.")
    history = tuple(EpochEnded(**one) for one in saved["history"])
    clipping = saved.get("clipping")
    ledger = None if clipping is None else ClippingLedger.from_dict(clipping)
    record = TrainingRecord(**saved | {"history": history, "clipping": ledger})
    if ledger is not None and clipping_to_dict(ledger.clipping) != saved["clipping"]["clipping"]:
        raise NurtValueError("The clipping of the training is described in part.")
    wrong = mistyped(record)
    if wrong is not None:
        raise NurtValueError(f"The training record holds something else than a number or a word at {wrong}.")
    if min(record.epochs, record.best_epoch, record.seconds) < 0 or record.stopped_by not in STOPPED_BY:
        raise NurtValueError("The training record is of no training.", got=f"stopped by {record.stopped_by!r}")
    return record
