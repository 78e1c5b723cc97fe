"""The contract between the training loop and a task: a loss, a source of batches, and words for error messages.

An objective gives the loss of a batch; a source says which batches an epoch has. Most objectives have numbered
examples and leave the source to the loop, which shuffles them. One that needs another order carries its own:
:class:`LengthBuckets` for sequences of unequal length, or a stream (:class:`nurt.training.StreamObjective`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, final, runtime_checkable

import torch
from torch import Tensor, nn

from nurt.errors import NurtValueError
from nurt.training.process_state import derived_seed
from nurt.training.settings import TrainingSettings

__all__ = [
    "BatchSource",
    "Description",
    "LengthBuckets",
    "Objective",
    "PrivateObjective",
    "ShuffledExamples",
    "SourcedObjective",
]

_ORDER = 0


@dataclass(frozen=True)
class Description:
    """Some examples in the words of their task, for error messages.

    Args:
        unit: what an example is called, in the plural: "windows", "sentences".
        where: where they are found; continues a sentence: "series load, 2001-02-03 to 2001-02-09".
        facts: the same as JSON-ready values; they join the record of the error.
        columns: names of the last axis of :meth:`Objective.inputs`; empty where the columns have none.
    """

    unit: str
    where: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    columns: Sequence[str] = ()


class Objective(Protocol):
    """Training examples, numbered from 0, and the losses of a model on them.

    The objective owns the data and the loss; the loop owns steps and stopping. Nothing here may depend on earlier
    calls, nor draw from generators other than torch's global ones: that makes a run repeatable. What has a state of
    its own is a :class:`nurt.training.StreamObjective`.
    """

    @property
    def examples(self) -> int:
        """Number of training examples."""
        ...

    @property
    def fingerprint(self) -> str:
        """A digest of data, windows and loss: two objectives with the same one give the same losses."""
        ...

    def loss(self, model: nn.Module, indices: Tensor) -> Tensor:
        """Return the mean loss of some examples, a scalar with a gradient.

        Args:
            model: the model in training mode.
            indices: (B,), int64, on the CPU; numbers of the examples.

        A batch in which nothing was observed must give 0 with a gradient of 0, not 0/0.
        """
        ...

    def validate(self, model: nn.Module) -> float | None:
        """Return the loss on the validation part, or None when there is none.

        It is called with the model in evaluation mode and gradients switched off, before the first epoch and after
        each.
        """
        ...

    def describe(self, indices: Tensor) -> Description:
        """Return words for these examples, at least one; called when something went wrong with them."""
        ...

    def inputs(self, indices: Tensor) -> Tensor | None:
        """Return the network's inputs for these examples, (B, T, I) or (B, T): scaled, missing values filled.

        None where they are not available; a non-finite input is then found in the first module that receives it.
        """
        ...


class BatchSource(Protocol):
    """Which batches an epoch has, and in which order: a pure function of its number and of the settings."""

    @property
    def repeats(self) -> bool:
        """Whether epochs visit the same examples again and a batch can be computed a second time."""
        ...

    @property
    def fingerprint(self) -> str:
        """What a resumed run must share besides the settings."""
        ...

    def batches(self, epoch: int, settings: TrainingSettings) -> Sequence[Tensor]:
        """Return the example numbers of each batch of ``epoch`` (from 1), (B,) int64; as many batches in every one."""
        ...

    def state(self) -> Mapping[str, Tensor]:
        """Return what decides the next batches besides the numbers, by name; empty for a source without a state."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what :meth:`state` returned."""
        ...


@runtime_checkable
class SourcedObjective(Protocol):
    """An objective that brings its own source of batches as ``source``."""

    @property
    def source(self) -> BatchSource:
        """Where the batches come from."""
        ...


@runtime_checkable
class PrivateObjective(Protocol):
    """An objective that says whether its losses draw from nurt's layers and from generators of their own alone.

    Trainings in several threads then compute side by side. Any other may draw from torch's global generators, as
    ``torch.nn.Dropout`` does: these carry the states of the training during each step, and other trainings wait for it.
    """

    @property
    def draws_privately(self) -> bool:
        """Whether nothing is drawn from torch's global generators."""
        ...


class _Stateless:
    """A source whose batches follow from epoch and settings alone."""

    repeats = True

    def state(self) -> Mapping[str, Tensor]:
        """Return nothing: there is no state."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Do nothing: there is no state."""
        del state


@final
class ShuffledExamples(_Stateless):
    """Every example once per epoch, ``batch_size`` at a time, in an order that depends on seed and epoch alone.

    Args:
        examples: how many there are.
    """

    fingerprint = "shuffled examples"

    def __init__(self, examples: int) -> None:
        self._examples = examples

    def batches(self, epoch: int, settings: TrainingSettings) -> Sequence[Tensor]:
        """Return the batches of ``epoch``; the last takes what is left."""
        return torch.split(_order(epoch, settings, self._examples), settings.batch_size)


@final
class LengthBuckets(_Stateless):
    """Every example once per epoch, in batches of similar length, so that little is spent on padding.

    Examples are sorted by length, those of equal length in an order of the epoch's own, and cut into batches of at
    most ``batch_size`` examples and ``tokens`` steps. The steps of a batch are its examples times its longest. A
    sequence longer than that is a batch of its own. Then the batches are shuffled. Their number and shapes are the
    same in every epoch; without ``shuffle`` they go from short to long.

    Args:
        lengths: steps of each example, at least 1 each.
        tokens: the most steps of a batch, padding included.

    Raises:
        NurtValueError: a length or ``tokens`` is below 1.

    Example:
        >>> source = LengthBuckets([3, 1, 2, 9, 2], tokens=6)
        >>> settings = nurt.training.TrainingSettings(shuffle=False)
        >>> [batch.tolist() for batch in source.batches(1, settings)]
        [[1, 2, 4], [0], [3]]
    """

    def __init__(self, lengths: Sequence[int] | Tensor, tokens: int) -> None:
        self._lengths = torch.as_tensor(lengths, dtype=torch.int64)
        self._tokens = tokens
        shortest = int(self._lengths.min()) if len(self._lengths) else 1
        if tokens < 1 or shortest < 1:
            name, value = ("tokens", tokens) if tokens < 1 else ("lengths", shortest)
            raise NurtValueError(
                f"LengthBuckets: `{name}` is out of range.", expected="at least 1 step", got=repr(value)
            )
        digest = hashlib.sha256(self._lengths.numpy().tobytes()).hexdigest()
        self.fingerprint = f"length buckets of {tokens} steps, {digest}"

    def batches(self, epoch: int, settings: TrainingSettings) -> Sequence[Tensor]:
        """Return the batches of ``epoch``."""
        order = _order(epoch, settings, len(self._lengths))
        # A stable sort keeps the shuffled order among equals.
        order = order[torch.argsort(self._lengths[order], stable=True)]
        cut = torch.split(order, self._sizes(self._lengths[order].tolist(), settings.batch_size))
        if not settings.shuffle:
            return cut
        generator = torch.Generator().manual_seed(derived_seed(settings.seed, _ORDER, epoch, 1))
        return [cut[number] for number in torch.randperm(len(cut), generator=generator).tolist()]

    def _sizes(self, ascending: Sequence[int], most: int) -> list[int]:
        """Return how many examples each batch takes; the last of an ascending batch is its longest."""
        sizes: list[int] = []
        for length in ascending:
            if sizes and sizes[-1] < most and (sizes[-1] + 1) * length <= self._tokens:
                sizes[-1] += 1
            else:
                sizes.append(1)
        return sizes


def _order(epoch: int, settings: TrainingSettings, examples: int) -> Tensor:
    """Return the order in which ``epoch`` visits the examples, a permutation of 0 .. ``examples`` - 1, int64."""
    if not settings.shuffle:
        return torch.arange(examples)
    generator = torch.Generator().manual_seed(derived_seed(settings.seed, _ORDER, epoch))
    return torch.randperm(examples, generator=generator)
