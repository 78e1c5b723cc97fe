"""What an examination calls a model with, the loss that it takes where none is given, and the rows it looks at.

Rows are cut after the run, from what each layer recorded in its own layout: no axis of an argument is guessed, whether
time or rows come first, whether the model transposes, packs or carries lengths and states beside its inputs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils.data import DataLoader, Dataset

from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.errors import NurtError, NurtTypeError, NurtValueError
from nurt.wording import Text

__all__ = ["Call", "first_rows", "half_mean_square", "loss_of"]

_TARGETS = (
    "A batch holds what the model is called with, without the targets: examine(model, x, lambda said: loss(said, y))."
)
_CUT = Text("The first {rows} of {most} rows were looked at.", "Zbadano {rows} pierwszych wierszy z {most}.")


@dataclass(frozen=True)
class Call:
    """The arguments of one call of a model.

    Args:
        positional: in order.
        named: by keyword.
    """

    positional: tuple[Any, ...]
    named: Mapping[str, Any]

    @classmethod
    def of(cls, model: nn.Module, batch: Any) -> Call:
        """Return a batch as the arguments of ``model``.

        Args:
            model: called with it.
            batch: a tensor or a packed sequence, a tuple of arguments, or a mapping of arguments by name. Anything else
                that a model takes, such as a list, goes into a tuple.

        Raises:
            NurtTypeError: no module, another kind of batch, or arguments that ``forward`` does not take.
        """
        if not isinstance(model, nn.Module):
            raise NurtTypeError(
                "examine: this is no module.",
                expected="a torch.nn.Module",
                got=type(model).__name__,
                cure="An estimator of nurt.tasks has a method examine(...) of its own.",
            )
        call = cls._sorted(batch)
        for one in (*call.positional, *call.named.values()):
            if isinstance(one, np.ndarray):
                raise _no_batch(one, "Pass torch.from_numpy(array), in the precision of the weights.")
        try:
            inspect.signature(model.forward).bind(*call.positional, **call.named)
        except ValueError:
            # A forward without a signature, as of compiled modules, is tried as it is.
            return call
        except TypeError as error:
            raise NurtTypeError(
                f"examine: the model cannot be called with this batch: {error}.",
                expected=f"arguments of forward{inspect.signature(model.forward)}",
                got=call.described(),
                cure=_TARGETS if len(call.positional) > 1 else None,
            ) from error
        return call

    @classmethod
    def _sorted(cls, batch: Any) -> Call:
        if isinstance(batch, Tensor | PackedSequence | np.ndarray):
            return cls((batch,), {})
        if isinstance(batch, tuple):
            return cls(batch, {})
        if isinstance(batch, Mapping) and all(isinstance(name, str) for name in batch):
            return cls((), dict(batch))
        match batch:
            case DataLoader():
                cure = f"Pass one of its batches: x, y = next(iter(loader)). {_TARGETS}"
            case Dataset():
                cure = f"Pass a few of its examples: torch.stack([data[i][0] for i in range(8)]). {_TARGETS}"
            case _:
                cure = f"{_TARGETS} An argument that is a list or dict itself goes into a tuple: (batch,)."
        raise _no_batch(batch, cure)

    def run(self, model: nn.Module) -> Any:
        """Return what ``model`` returns.

        Raises:
            NurtValueError: it does not run; errors of nurt's own layers keep their kind.
        """
        try:
            return model(*self.positional, **self.named)
        except NurtError as error:
            if len(self.positional) > 1 and isinstance(error, NurtTypeError | NurtValueError):
                cure = error.cure or ""
                raise type(error)(
                    error.what, expected=error.expected, got=error.got, cure=f"{cure} {_TARGETS}".strip()
                ) from error
            raise
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, KeyError) as error:
            raise NurtValueError(
                f"examine: the model does not run on this batch: {error}",
                expected="what the model is called with",
                got=self.described(),
                cure=self._cure(model),
            ) from error

    def described(self) -> str:
        """Return the arguments in words."""
        named = [f"{name}={_told(one)}" for name, one in self.named.items()]
        return ", ".join([*map(_told, self.positional), *named]) or "nothing"

    def _cure(self, model: nn.Module) -> str | None:
        weight = next((one for one in model.parameters() if one.is_floating_point()), None)
        for one in (*self.positional, *self.named.values()):
            if isinstance(one, Tensor) and one.is_floating_point() and weight is not None and one.dtype != weight.dtype:
                return f"The weights are {weight.dtype}: pass the inputs as x.to({weight.dtype})."
        return _TARGETS if len(self.positional) > 1 else None


def loss_of(said: Any, loss: Callable[[Any], Tensor]) -> Tensor:
    """Return a loss of what a model said, as a scalar.

    Raises:
        NurtTypeError: ``loss`` is no function of one argument.
        NurtValueError: it fails, or gives no finite number.
    """
    if not callable(loss):
        raise NurtTypeError(
            "examine: `loss` is no function.",
            expected="a function from what the model returns to one number",
            got=_told(loss),
            cure="With targets y it is: loss=lambda said: torch.nn.functional.mse_loss(said, y).",
        )
    try:
        value = loss(said)
    except NurtError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, KeyError) as error:
        raise NurtValueError(
            f"examine: the loss does not run on what the model returns: {error}",
            expected="a function of one argument, what the model returns",
            got=f"{_told(said)} returned",
            cure="With targets y it is: loss=lambda said: criterion(said, y).",
        ) from error
    if not isinstance(value, Tensor) or value.numel() != 1 or not bool(torch.isfinite(value)):
        raise NurtValueError(
            "examine: the loss is no finite number.", expected="a finite tensor with one element", got=_told(value)
        )
    return value.reshape(())


def half_mean_square(said: Any, records: Sequence[LayerRecord]) -> Tensor:
    """Return half the mean square of what a model returned; of sequences beside a state, at the last step of each row.

    Args:
        said: a tensor, or a tuple that begins with one, as recurrent layers return.
        records: of the call, the layer that was called last at the end.

    Raises:
        NurtTypeError: the model returned neither.
        NurtValueError: rows and steps of the sequences cannot be told apart.
    """
    outputs = said[0] if isinstance(said, tuple) and said else said
    if not isinstance(outputs, Tensor) or isinstance(said, PackedSequence):
        raise NurtTypeError(
            "examine: what the model returns has no loss of its own.",
            expected="a tensor, or a tuple that begins with one",
            got=type(outputs).__name__,
            cure="Pass `loss`, from what the model returns to one number.",
        )
    if isinstance(said, tuple) and records:
        outputs = _last_steps(outputs, records[-1])
    return outputs.square().mean() / 2


def first_rows(records: Sequence[LayerRecord], rows: int) -> tuple[tuple[LayerRecord, ...], list[Text]]:
    """Return the first ``rows`` rows of each record, and a remark where there are more."""
    most = max((len(one.lengths) for one in records), default=0)
    if most <= rows:
        return tuple(records), []
    return tuple(one.first(rows) for one in records), [_CUT.filled(rows=rows, most=most)]


def _last_steps(outputs: Tensor, record: LayerRecord) -> Tensor:
    """Return the outputs (B, ·) at the last step of each row; all of them where they are no sequences of the layer."""
    lengths = record.lengths.to(outputs.device)
    rows, steps = record.hidden.shape[:2]
    if outputs.dim() == 2 and rows == 1 and outputs.shape[0] == steps:
        return outputs[-1:]
    rows_first, time_first = outputs.shape[:2] == (rows, steps), outputs.shape[:2] == (steps, rows)
    if outputs.dim() != 3 or not (rows_first or time_first):
        return outputs
    module = record.found.module
    by_layer = not getattr(module, "batch_first", True)
    if rows_first and time_first and rows > 1 and by_layer and record.found.path:
        raise NurtValueError(
            f"examine: rows and steps of what the model returns cannot be told apart, there are {rows} of both.",
            expected="another number of rows, or a loss",
            got=str(tuple(outputs.shape)),
            cure="Pass `loss`, from what the model returns to one number.",
        )
    if time_first and (by_layer or not rows_first):
        outputs = outputs.transpose(0, 1)
    there = lengths > 0
    return outputs[torch.arange(rows, device=outputs.device)[there], lengths[there] - 1]


def _no_batch(given: Any, cure: str) -> NurtTypeError:
    return NurtTypeError(
        "examine: this is no batch.",
        expected="a tensor or packed sequence, a tuple of arguments, or a dict of arguments by name",
        got=_told(given),
        cure=cure,
    )


def _told(value: Any) -> str:
    if isinstance(value, Tensor):
        return str(value.item()) if value.numel() == 1 else f"a tensor {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"an array of NumPy {value.shape}"
    return f"a list of {len(value)}" if isinstance(value, list) else type(value).__name__
