"""What training needs to know about a task: examples with a loss, and words for them when something goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor, nn

__all__ = ["Objective"]


class Objective(Protocol):
    """Training examples, numbered from 0, and what makes a model good at them.

    The objective owns the data and the loss; the loop owns order, steps and stopping. Nothing here may depend on
    earlier calls, nor draw from generators other than torch's global ones: that is what makes a run repeatable.
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

    def describe(self, indices: Tensor) -> Sequence[Mapping[str, object]]:
        """Return one mapping per example for error messages.

        Keys: ``series`` (name), ``first`` and ``last`` (labels of its first and last time), and where the columns of
        :meth:`inputs` have names, ``columns`` (their names in order). Values are JSON-ready.
        """
        ...

    def inputs(self, indices: Tensor) -> Tensor:
        """Return what the network is fed for these examples, (B, T, I) or (B, T): scaled, missing values filled."""
        ...
