"""Regularisation of a recurrence: what is left out at random while training, as one value passed to layers.

Masks come from torch's generator of the tensors' device, so ``torch.manual_seed`` repeats them; inside a training of
:mod:`nurt.training`, from the generator of that training.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from nurt.errors import NurtTypeError, NurtValueError
from nurt.kernels import PLAIN, State, StepOptions, Weights
from nurt.kernels.following import traced, transformed
from nurt.kernels.native.dropout import bernoulli_mask, scale
from nurt.kernels.randomness import lending, own_generator

__all__ = [
    "NONE",
    "Dropout",
    "Regularisation",
    "check_gradient_clip",
    "check_regularisation",
    "described",
    "drop",
    "drop_inputs",
    "drop_weights",
    "request_options",
    "scales_as_the_engine",
    "step_options",
]


@dataclass(frozen=True)
class Regularisation:
    r"""What is left out of a recurrence at random; every field is a probability, 0 for none.

    With d a mask of zeros and ones drawn anew in every call of a layer in training mode:

        zoneout          h_t = d_t ⊙ h_{t-1} + (1 - d_t) ⊙ h̃_t,  d_t = 1 with probability p, anew in every step
        input dropout    x_t ⊙ d / (1 - p)                        d = 0 with probability p, one d for all steps
        state dropout    W_hh (h_{t-1} ⊙ d / (1 - p))             likewise
        weight dropout   W_hh ⊙ d / (1 - p)                       d per weight, the same for all rows and steps

    h̃_t is the state the step gives; zoneout of the cell state likewise, and h̃_t is made from c̃_t, before zoneout.
    In evaluation zoneout takes the mean, h_t = p h_{t-1} + (1 - p) h̃_t, as its paper says; the others do nothing.
    State dropout leaves alone what a recurrence carries past W_hh, for example z_t ⊙ h_{t-1} of the GRU.

    Args:
        zoneout_hidden: of the hidden state [krueger2017zoneout].
        zoneout_cell: of the cell state, for cells that have one.
        input_dropout: of the inputs, one mask per sequence [gal2016theoretically].
        state_dropout: of the hidden state where it is fed back, one mask per sequence.
        weight_dropout: DropConnect [wan2013regularization] on W_hh, as [merity2018regularizing] use it.

    Raises:
        NurtTypeError, NurtValueError: a field is not a number, or outside 0 ≤ p < 1.

    Example:
        >>> calm = Regularisation(zoneout_hidden=0.05, zoneout_cell=0.5)
        >>> layer = Recurrent(LSTMCell(3, 5), regularisation=calm)
        >>> layer(torch.randn(2, 7, 3))[0].shape
        torch.Size([2, 7, 5])

    References:
        [krueger2017zoneout], equations 2 to 5; [gal2016theoretically], section 4; [merity2018regularizing], section 2.

    Notes:
        A sequence passed in chunks gets a mask per chunk.
    """

    zoneout_hidden: float = 0.0
    zoneout_cell: float = 0.0
    input_dropout: float = 0.0
    state_dropout: float = 0.0
    weight_dropout: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, numbers.Real):
                raise NurtTypeError(
                    f"Regularisation: `{field.name}` is not a number.", expected="a probability", got=repr(value)
                )
            if not 0 <= float(value) < 1:
                raise NurtValueError(
                    f"Regularisation: `{field.name}` is no probability below 1.",
                    expected="0 ≤ p < 1",
                    got=repr(value),
                )

    def __str__(self) -> str:
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        return f"Regularisation({', '.join(f'{name}={value}' for name, value in chosen.items() if value)})"


NONE = Regularisation()


def check_regularisation(
    where: str, regularisation: object, fields: Iterable[str], *, knows_weights: bool = True
) -> Regularisation:
    """Return ``regularisation`` if a cell has a place for it.

    Args:
        where: for the message.
        regularisation: as given.
        fields: names of the fields of the cell's state.
        knows_weights: whether the cell's step is a recurrence of :mod:`nurt.kernels`, with a W_hh to act on.

    Raises:
        NurtTypeError: not a :class:`Regularisation`.
        NurtValueError: zoneout of a cell state that does not exist, dropout at a W_hh that is unknown.
    """
    if not isinstance(regularisation, Regularisation):
        raise NurtTypeError(
            f"{where}: `regularisation` is of the wrong type.",
            expected="a nurt.nn.Regularisation",
            got=type(regularisation).__name__,
        )
    if regularisation.zoneout_cell and "cell" not in fields:
        raise NurtValueError(
            f"{where}: `zoneout_cell` without a cell state.",
            expected="zoneout_cell=0 for a state without the field `cell`",
            got=str(regularisation.zoneout_cell),
            cure="Use zoneout_hidden.",
        )
    for name in ("state_dropout", "weight_dropout"):
        if getattr(regularisation, name) and not knows_weights:
            raise NurtValueError(
                f"{where}: `{name}` acts at W_hh, which a cell with a step of its own does not show.",
                expected=f"{name}=0",
                got=str(getattr(regularisation, name)),
                cure="Drop inside the step itself.",
            )
    return regularisation


def check_gradient_clip(where: str, bound: object) -> float | None:
    """Return ``bound`` if it is None or a number above zero.

    Raises:
        NurtTypeError: not a number.
        NurtValueError: zero, below, or NaN.
    """
    if bound is None:
        return None
    if isinstance(bound, bool) or not isinstance(bound, numbers.Real):
        raise NurtTypeError(
            f"{where}: `gradient_clip` is not a number.", expected="a number above 0, or None", got=repr(bound)
        )
    if not float(bound) > 0:
        raise NurtValueError(
            f"{where}: `gradient_clip` bounds nothing.",
            expected="a number above 0, or None",
            got=repr(bound),
            cure="To stop all gradient between steps, detach the state instead.",
        )
    return None if math.isinf(bound) else float(bound)


def described(regularisation: Regularisation, gradient_clip: float | None) -> list[str]:
    """Return the options that are not their defaults, as they are written in a call."""
    given = [] if regularisation == NONE else [f"regularisation={regularisation}"]
    return given if gradient_clip is None else [*given, f"gradient_clip={gradient_clip}"]


def request_options(regularisation: Regularisation, gradient_clip: float | None, *, training: bool) -> set[str]:
    """Return what a rung must know of to run with these options, words of :class:`~nurt.kernels.Request`."""
    at_work = {
        "zoneout": regularisation.zoneout_hidden or regularisation.zoneout_cell,
        "state_dropout": training and regularisation.state_dropout,
        "gradient_clip": gradient_clip is not None,
    }
    return {name for name, there in at_work.items() if there}


def drop_inputs(inputs: Tensor, probability: float) -> Tensor:
    """Return ``inputs`` (B, T, I) with the same features of a row zeroed in every step, the others scaled up."""
    if not probability:
        return inputs
    return inputs * drop(inputs.new_ones(inputs.shape[0], 1, inputs.shape[2]), probability)


def drop_weights(weights: Weights, probability: float) -> Weights:
    """Return ``weights`` with elements of W_hh zeroed, the others scaled up."""
    if not probability:
        return weights
    return weights._replace(weight_hh=drop(weights.weight_hh, probability))


def step_options(
    regularisation: Regularisation, gradient_clip: float | None, state: State, steps: int, *, training: bool
) -> StepOptions:
    """Return what a kernel needs to know, masks drawn.

    Args:
        regularisation: as the person gave it.
        gradient_clip: see :class:`~nurt.kernels.StepOptions`.
        state: before the first step, for the shapes of the masks.
        steps: T.
        training: whether masks are drawn; else zoneout takes its mean and nothing is dropped.
    """
    if regularisation == NONE:
        return PLAIN if gradient_clip is None else StepOptions(gradient_clip=gradient_clip)
    keep: dict[str, Tensor | float | None] = {}
    for name in ("hidden", "cell"):
        probability = getattr(regularisation, f"zoneout_{name}")
        field = getattr(state, name, None)
        if not probability or field is None:
            keep[name] = None
        elif training:
            drawn = field.new_empty(field.shape[0], steps, *field.shape[1:])
            keep[name] = drawn.bernoulli_(probability, generator=own_generator() if drawn.is_cpu else None)
        else:
            keep[name] = probability
    dropping = training and regularisation.state_dropout
    mask = drop(state.hidden.new_ones(state.hidden.shape), regularisation.state_dropout) if dropping else None
    return StepOptions(mask, keep["hidden"], keep["cell"], gradient_clip)


def drop(inputs: Tensor, probability: float) -> Tensor:
    """Return what ``torch.nn.functional.dropout`` gives under the same seed.

    Args:
        inputs: any shape.
        probability: of zeroing an element, 0..1; the others are divided by what is left of 1.
    """
    here = inputs.device.type == "cpu" and inputs.is_floating_point() and not (transformed() or traced())
    if not here or probability in (0.0, 1.0) or not inputs.numel():
        with lending():
            return functional.dropout(inputs, probability)
    keep = 1.0 - probability
    noise = torch.empty_like(inputs)
    # Torch draws in the order of memory, which need not be that of the axes.
    noise.as_strided((noise.numel(),), (1,)).copy_(bernoulli_mask((noise.numel(),), keep))
    return inputs * noise.div_(keep)


@lru_cache(maxsize=64)
def scales_as_the_engine(probability: float, dtype: torch.dtype) -> bool:
    """Return whether :func:`drop` scales by the very number by which the engine scales between fused layers.

    One divides by 1 - p in ``dtype``, the other multiplies by a quotient rounded once: the last bit may differ.
    """
    return bool(torch.ones((), dtype=dtype).div_(1.0 - probability) == torch.tensor(scale(probability), dtype=dtype))


class Dropout(nn.Dropout):
    """``torch.nn.Dropout`` by :func:`drop`."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return ``inputs`` with elements zeroed in training mode, as they are otherwise."""
        return drop(inputs, self.p) if self.training else inputs
