"""The base of the drop-in layers: torch's parameters, torch's layouts, one call of a kernel.

Layout is dealt with here, at the edge, and nowhere below: a kernel sees (B, T, I) or packed data.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from nurt import kernels
from nurt.errors import NurtTypeError
from nurt.kernels import Recurrence, Weights
from nurt.kernels.recurrence import zero_states
from nurt.kernels.stack import each_side, on_padded
from nurt.kernels.torch_ops import flatten_weights
from nurt.nn.checking import (
    Lengths,
    check_constructor,
    check_hx,
    check_hx_kind,
    check_lengths,
    check_packed,
    check_padded,
)
from nurt.nn.gradients import EXACT, AbstractGradientMethod, check_method, run
from nurt.nn.init import uniform_by_hidden_size
from nurt.nn.regularisation import (
    NONE,
    Regularisation,
    check_gradient_clip,
    check_regularisation,
    described,
    drop,
    drop_inputs,
    drop_weights,
    step_options,
)
from nurt.nn.symbolic import WholeInGraphs

__all__ = ["AbstractDropIn"]

_SUFFIXES = ("", "_reverse")


class AbstractDropIn(WholeInGraphs, nn.RNNBase, ABC):
    """A stack of one recurrence with the parameters, layouts and numbers of ``torch.nn``.

    The arguments are torch's; see :class:`~nurt.nn.LSTM`. Weights are looked up by name in every call, so
    parametrisations, ``functional_call`` and assigned parameters are seen.

    Derived from ``torch.nn.RNNBase``, so that code which looks for recurrent layers finds this one; nothing of torch's
    own is run. Not from ``torch.nn.LSTM`` and the like: ``torch.compile`` breaks its graph at every layer that is one.
    """

    weight_ih_l0: nn.Parameter
    # From a warning in this constructor to the line of the person who builds the layer.
    _frames_to_caller: ClassVar[int] = 3

    # Torch keeps a list of the weights beside the parameters and updates it in these; here there is no second list.
    __setattr__ = nn.Module.__setattr__  # type: ignore[assignment]  # torch types the two differently
    __setstate__ = nn.Module.__setstate__
    _replicate_for_data_parallel = nn.Module._replicate_for_data_parallel

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        proj_size: int,
        device: torch.device | str | int | None,
        dtype: torch.dtype | None,
        regularisation: Regularisation,
        gradient_clip: float | None,
    ) -> None:
        nn.Module.__init__(self)
        check_constructor(
            self._where,
            input_size=input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            proj_size=proj_size,
        )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                f"{self._where}: dropout={dropout} has no effect, because it acts between layers and num_layers=1.",
                stacklevel=self._frames_to_caller,
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.regularisation = regularisation
        self.gradient_clip = check_gradient_clip(self._where, gradient_clip)
        check_regularisation(self._where, regularisation, self.recurrence.fields)
        self._names = _weight_names(self._fields, num_layers, self._directions)
        # Torch's names for them, which people's programs read.
        self._all_weights = [[name for _, name in side] for layer in self._names for side in layer]
        self._flat_weights_names = [name for side in self._all_weights for name in side]
        self._create_parameters(device, dtype)
        self.flatten_parameters()
        self.reset_parameters()

    @property
    @abstractmethod
    def recurrence(self) -> Recurrence[Any]:
        """The equation of every layer."""

    @property
    def _flat_weights(self) -> list[Tensor | None]:  # type: ignore[override]  # never stored
        """The weights as torch's own code lists them."""
        return [getattr(self, name) for name in self._flat_weights_names]

    def reset_parameters(self) -> None:
        """Draw all weights anew from U(-1/√H, 1/√H): under the same seed the same numbers as torch."""
        uniform_by_hidden_size(self.parameters(), self.hidden_size)

    @property
    def all_weights(self) -> list[list[nn.Parameter]]:
        """The parameters, one list per layer and direction, in torch's order."""
        return [
            [getattr(self, f"{field}_l{layer}{suffix}") for field in self._fields]
            for layer in range(self.num_layers)
            for suffix in self._directions
        ]

    def flatten_parameters(self) -> None:
        """Bring the weights into one block of memory where cuDNN runs them; elsewhere do nothing."""
        flatten_weights(self.recurrence, self._weights())

    def extra_repr(self) -> str:
        """Return the arguments that differ from their defaults, as torch prints them."""
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        given = {name: getattr(self, name) for name in defaults}
        changed = "".join(f", {name}={value}" for name, value in given.items() if value != defaults[name])
        options = "".join(f", {option}" for option in described(self.regularisation, self.gradient_clip))
        return f"{self.input_size}, {self.hidden_size}{changed}{options}"

    def _run(
        self,
        input: Tensor | PackedSequence,
        hx: tuple[Tensor, ...] | None,
        lengths: Lengths | None,
        gradient: AbstractGradientMethod,
    ) -> tuple[Any, tuple[Tensor, ...]]:
        """Return the outputs, laid out as ``input``, and the final states."""
        plain = gradient is EXACT and self.regularisation is NONE and self.gradient_clip is None
        options = None if plain else self._options(check_method(self._where, gradient))
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise NurtTypeError(
                    f"{self._where}: `lengths` given together with a packed `input`.",
                    expected="one of them",
                    got="both",
                    cure="A PackedSequence knows its lengths; leave `lengths` out.",
                )
            return self._run_packed(input, hx, options)
        if not self._fits(input):
            input = check_padded(
                self._where, input, self.input_size, batch_first=self.batch_first, like=self.weight_ih_l0
            )
        if input.dim() == 2:
            return self._run_single(input, hx, lengths, options)
        inputs = input if self.batch_first else input.transpose(0, 1)
        outputs, finals = self._run_batch(inputs, self._initial(inputs, inputs.shape[0], hx), lengths, options)
        return outputs if self.batch_first else outputs.transpose(0, 1), finals

    def _run_single(
        self, input: Tensor, hx: tuple[Tensor, ...] | None, lengths: Lengths | None, options: StackOptions | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run one sequence (T, I) without a batch axis."""
        if lengths is not None:
            raise NurtTypeError(
                f"{self._where}: `lengths` given for a single sequence.",
                expected="lengths=None for an input (T, I)",
                got="lengths",
                cure="Cut the sequence instead: input[:length].",
            )
        states = self._initial(input, None, hx)
        if states is not None:
            states = tuple(state.unsqueeze(1) for state in states)
        outputs, finals = self._run_batch(input.unsqueeze(0), states, None, options)
        return outputs.squeeze(0), tuple(final.squeeze(1) for final in finals)

    def _run_batch(
        self,
        inputs: Tensor,
        states: tuple[Tensor, ...] | None,
        lengths: Lengths | None,
        options: StackOptions | None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run padded sequences (B, T, I)."""
        ends = None if lengths is None else check_lengths(self._where, lengths, *inputs.shape[:2])
        if options is not None:
            weights = self._weights()
            if states is None:
                states = zero_states(self.recurrence, weights, inputs, inputs.shape[0])
            return options.run(self.recurrence, inputs, states, weights, ends)
        return kernels.run_stack(
            self.recurrence,
            inputs,
            states,
            self._weights(),
            lengths=ends,
            dropout=self.dropout,
            training=self.training,
        )

    def _run_packed(
        self, packed: PackedSequence, hx: tuple[Tensor, ...] | None, options: StackOptions | None
    ) -> tuple[PackedSequence, tuple[Tensor, ...]]:
        """Run packed sequences; states are given and returned in the order before packing."""
        data, batch_sizes, order, back = packed
        check_packed(self._where, packed, self.input_size, like=self.weight_ih_l0)
        states = self._initial(data, int(batch_sizes[0]), hx)
        if states is not None and order is not None:
            states = tuple(state.index_select(1, order) for state in states)
        if options is not None:
            weights = self._weights()
            if states is None:
                states = zero_states(self.recurrence, weights, data, int(batch_sizes[0]))
            run = partial(options.run, self.recurrence, states=states, weights=weights)
            outputs, finals = on_padded(data, batch_sizes, lambda padded, ends: run(padded, lengths=ends))
        else:
            outputs, finals = kernels.run_stack(
                self.recurrence,
                data,
                states,
                self._weights(),
                batch_sizes=batch_sizes,
                dropout=self.dropout,
                training=self.training,
            )
        if back is not None:
            finals = tuple(final.index_select(1, back) for final in finals)
        return PackedSequence(outputs, batch_sizes, order, back), finals

    def _options(self, gradient: AbstractGradientMethod) -> StackOptions | None:
        """Return what a fused stack has no place for, or None when there is nothing of the kind."""
        if self.regularisation == NONE and self.gradient_clip is None and gradient == EXACT:
            return None
        return StackOptions(self.regularisation, self.gradient_clip, self.dropout, self.training, gradient)

    def _fits(self, input: Tensor | PackedSequence) -> bool:
        """Return whether ``input`` passes :func:`check_padded`, in few comparisons: a small step is as short."""
        like = self.weight_ih_l0
        return (
            type(input) is Tensor
            and input.layout is torch.strided
            and not input.is_nested
            and input.dim() == 3
            and input.shape[2] == self.input_size
            and input.shape[1 if self.batch_first else 0] > 0
            and input.dtype is like.dtype
            and input.device == like.device
        )

    def _initial(self, inputs: Tensor, batch: int | None, hx: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
        """Return ``hx`` checked, (L·D, B, ·) each, (L·D, ·) when ``batch`` is None; None, which is zeros, for none."""
        if hx is None:
            return None
        rows = self.num_layers * len(self._directions)
        sizes = self._state_sizes()
        shapes = [(rows, size) if batch is None else (rows, batch, size) for size in sizes.values()]
        check_hx(self._where, tuple(sizes), hx, shapes)
        check_hx_kind(self._where, tuple(sizes), hx, inputs)
        return hx

    def _state_sizes(self) -> dict[str, int]:
        """Return the features of each state under torch's name for it."""
        return {"h_0": self.hidden_size}

    @property
    def _where(self) -> str:
        return f"nurt.nn.{type(self).__name__}"

    @property
    def _directions(self) -> tuple[str, ...]:
        return _SUFFIXES if self.bidirectional else _SUFFIXES[:1]

    @property
    def _fields(self) -> tuple[str, ...]:
        """The fields of :class:`Weights` that this layer has, in torch's order of creation."""
        biases = ("bias_ih", "bias_hh") if self.bias else ()
        projection = ("weight_hr",) if self.proj_size else ()
        return ("weight_ih", "weight_hh", *biases, *projection)

    def _create_parameters(self, device: torch.device | str | int | None, dtype: torch.dtype | None) -> None:
        rows = self.recurrence.gates * self.hidden_size
        fed_back = self.proj_size or self.hidden_size
        shapes = {
            "weight_hh": (rows, fed_back),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
            "weight_hr": (self.proj_size, self.hidden_size),
        }
        for layer in range(self.num_layers):
            shapes["weight_ih"] = (rows, fed_back * len(self._directions) if layer else self.input_size)
            for suffix in self._directions:
                for field in self._fields:
                    values = torch.empty(shapes[field], device=device, dtype=dtype)
                    self.register_parameter(f"{field}_l{layer}{suffix}", nn.Parameter(values))

    def _weights(self) -> list[list[Weights]]:
        """Return the weights per layer, per direction."""
        return [
            [Weights(**{field: self._weight(name) for field, name in side}) for side in layer] for layer in self._names
        ]

    def _weight(self, name: str) -> Tensor:
        """Return a weight by name; one that is no parameter, as where it is parametrised, is an attribute."""
        parameter = self._parameters.get(name)
        return getattr(self, name) if parameter is None else parameter

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        nn.Module._apply(self, fn, recurse)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.flatten_parameters()
        return self

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()


@dataclass(frozen=True)
class StackOptions:
    """Options for which a fused stack has no place: it is run layer by layer.

    Args:
        regularisation: every layer and direction draws its own masks.
        gradient_clip: bound on the gradient between steps; None for none.
        dropout: probability of zeroing between layers.
        training: whether anything is dropped.
        gradient: how the gradient goes back through time.
    """

    regularisation: Regularisation
    gradient_clip: float | None
    dropout: float
    training: bool
    gradient: AbstractGradientMethod

    def run(
        self,
        recurrence: Recurrence[Any],
        inputs: Tensor,
        states: tuple[Tensor, ...],
        weights: Sequence[Sequence[Weights]],
        lengths: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run over (B, T, I); arguments and results as for :class:`~nurt.kernels.rung.StackKernel`."""
        chosen = self.regularisation

        def side(below: Tensor, state: Any, own: Weights, reverse: bool) -> tuple[Tensor, Any]:
            if self.training:
                below, own = drop_inputs(below, chosen.input_dropout), drop_weights(own, chosen.weight_dropout)
            options = step_options(chosen, self.gradient_clip, state, below.shape[1], training=self.training)
            return run(
                recurrence, below, state, own, lengths=lengths, reverse=reverse, options=options, gradient=self.gradient
            )

        def between(below: Tensor, _: int) -> Tensor:
            return drop(below, self.dropout) if self.training else below

        return each_side(recurrence, weights, inputs, states, side, between)


def _weight_names(
    fields: tuple[str, ...], layers: int, directions: tuple[str, ...]
) -> list[list[list[tuple[str, str]]]]:
    """Return, per layer and direction, the fields of :class:`Weights` and the names of their parameters."""
    return [
        [[(field, f"{field}_l{layer}{suffix}") for field in fields] for suffix in directions] for layer in range(layers)
    ]
