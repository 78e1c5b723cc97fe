"""Layers: cells taken through time, in one direction or two, one above the other.

Every layer is called as ``layer(inputs (B, T, I), state=None, lengths=None) -> (outputs (B, T, ·), state)``, and with
``gradient=`` for another gradient method than the exact one. Batch comes first; there are no layout flags. The drop-in
layers of :mod:`nurt.nn.compat` have torch's conventions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple, cast, final

import torch
from torch import Tensor, nn

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.kernels.recording import recording_wanted
from nurt.kernels.stack import each_layer
from nurt.nn.cells.base import AbstractCell, DenseCell
from nurt.nn.checking import Lengths, field_names
from nurt.nn.gradients import EXACT, AbstractGradientMethod
from nurt.nn.regularisation import NONE, Dropout, Regularisation, check_gradient_clip, check_regularisation, described
from nurt.nn.symbolic import WholeInGraphs
from nurt.nn.unrolling import kernel_cell, unroll, unroll_together

__all__ = ["AbstractLayer", "Bidirectional", "BidirectionalState", "Recurrent", "Stack"]


class AbstractLayer(WholeInGraphs, ABC):
    """What a :class:`Stack` is made of."""

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Features of an input."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Features of an output."""

    @abstractmethod
    def forward(
        self,
        inputs: Tensor,
        state: Any = None,
        lengths: Lengths | None = None,
        *,
        gradient: AbstractGradientMethod = EXACT,
    ) -> tuple[Tensor, Any]:
        """Run over time.

        Args:
            inputs: (B, T, I).
            state: before the first step, as an earlier call gave it back; None for the initial one.
            lengths: steps of each row, (B,), 0..T; None when every row has T.
            gradient: how the gradient goes back through time, in each cell and direction by itself.

        Returns:
            The outputs (B, T, ·), zero past the end of a row, and the state after the last step.
        """


@final
class Recurrent(AbstractLayer):
    """One cell in one direction.

    Args:
        cell: taken through time.
        reverse: run from each row's last step to its first.
        regularisation: what is left out at random in training mode.
        gradient_clip: bound on the gradient between steps, see :func:`~nurt.nn.unroll`.

    Raises:
        NurtTypeError, NurtValueError: no cell, or an option that the cell has no place for.

    Example:
        >>> outputs, state = Recurrent(GRUCell(3, 5))(torch.randn(2, 7, 3))
        >>> outputs.shape
        torch.Size([2, 7, 5])
    """

    def __init__(
        self,
        cell: AbstractCell[Any],
        reverse: bool = False,
        *,
        regularisation: Regularisation = NONE,
        gradient_clip: float | None = None,
    ) -> None:
        super().__init__()
        self.cell = _checked_cell("Recurrent", "cell", cell)
        self.reverse = reverse
        self.regularisation = _fitting("Recurrent", regularisation, cell)
        self.gradient_clip = check_gradient_clip("Recurrent", gradient_clip)

    @property
    def input_size(self) -> int:
        """Features of an input."""
        return self.cell.input_size

    @property
    def output_size(self) -> int:
        """Features of an output."""
        return self.cell.output_size

    def forward(
        self,
        inputs: Tensor,
        state: Any = None,
        lengths: Lengths | None = None,
        *,
        gradient: AbstractGradientMethod = EXACT,
    ) -> tuple[Tensor, Any]:
        """Run over time; see :meth:`AbstractLayer.forward`. The state is the cell's."""
        return unroll(
            self.cell,
            inputs,
            state,
            lengths,
            self.reverse,
            regularisation=self.regularisation,
            gradient_clip=self.gradient_clip,
            gradient=gradient,
        )

    def extra_repr(self) -> str:
        """Return the direction where it is not forwards, and the options that are not their defaults."""
        direction = ["reverse=True"] if self.reverse else []
        return ", ".join(direction + described(self.regularisation, self.gradient_clip))


class BidirectionalState(NamedTuple):
    """States of the two cells of a :class:`Bidirectional` layer: ``forward`` at the end, ``backward`` at the start."""

    forward: Any
    backward: Any


@final
class Bidirectional(AbstractLayer):
    """Two cells over the same inputs, one forwards and one backwards, outputs side by side [schuster1997bidirectional].

    Args:
        forward: runs from the first step to the last.
        backward: runs from each row's last step to its first; another cell, of the same input size.
        regularisation: what is left out at random in training mode; each direction draws its own masks.
        gradient_clip: bound on the gradient between steps, see :func:`~nurt.nn.unroll`.

    Raises:
        NurtTypeError, NurtValueError: both are one and the same cell, or an option is not supported by one of them.
        ShapeError: the cells read inputs of different sizes.

    Example:
        >>> outputs, state = Bidirectional(GRUCell(3, 5), GRUCell(3, 4))(torch.randn(2, 7, 3))
        >>> outputs.shape, state.backward.hidden.shape
        (torch.Size([2, 7, 9]), torch.Size([2, 4]))
    """

    def __init__(
        self,
        forward: AbstractCell[Any],
        backward: AbstractCell[Any],
        *,
        regularisation: Regularisation = NONE,
        gradient_clip: float | None = None,
    ) -> None:
        super().__init__()
        self.forward_cell = _checked_cell("Bidirectional", "forward", forward)
        self.backward_cell = _checked_cell("Bidirectional", "backward", backward)
        if forward is backward:
            raise NurtValueError(
                "Bidirectional: the same cell is given for both directions.",
                expected="two cells",
                got=f"one {type(forward).__name__} twice",
                cure="Build a second cell; for shared weights assign its parameters.",
            )
        if forward.input_size != backward.input_size:
            raise ShapeError(
                "Bidirectional: the two cells read inputs of different sizes.",
                expected=f"input_size={forward.input_size} for both",
                got=f"{backward.input_size} for the backward cell",
            )
        for cell in (forward, backward):
            self.regularisation = _fitting("Bidirectional", regularisation, cell)
        self.gradient_clip = check_gradient_clip("Bidirectional", gradient_clip)

    @property
    def input_size(self) -> int:
        """Features of an input."""
        return self.forward_cell.input_size

    @property
    def output_size(self) -> int:
        """Features of an output, both directions together."""
        return self.forward_cell.output_size + self.backward_cell.output_size

    def forward(
        self,
        inputs: Tensor,
        state: Any = None,
        lengths: Lengths | None = None,
        *,
        gradient: AbstractGradientMethod = EXACT,
    ) -> tuple[Tensor, Any]:
        """Run over time in both directions; see :meth:`AbstractLayer.forward`."""
        first, second = (None, None) if state is None else _entries("Bidirectional", "direction", state, 2)
        options: dict[str, Any] = {
            "regularisation": self.regularisation,
            "gradient_clip": self.gradient_clip,
            "gradient": gradient,
        }
        ahead, forward = unroll(self.forward_cell, inputs, first, lengths, False, **options)
        back, backward = unroll(self.backward_cell, inputs, second, lengths, True, **options)
        return torch.cat([ahead, back], dim=-1), BidirectionalState(forward, backward)

    def extra_repr(self) -> str:
        """Return the options that are not their defaults."""
        return ", ".join(described(self.regularisation, self.gradient_clip))


@final
class Stack(AbstractLayer):
    """Layers one above the other.

    Args:
        layers: lowest first; each reads what the one below puts out.
        dropout: probability, 0..1, of zeroing each output on its way up a layer, in training mode. Nothing is
            dropped above the last layer.

    Raises:
        NurtValueError: no layer, or a probability outside 0..1.
        ShapeError: a layer does not fit on the one below.

    Example:
        >>> stack = Stack([Recurrent(LSTMCell(3, 5)), Recurrent(GRUCell(5, 4))], dropout=0.2)
        >>> outputs, (lower, upper) = stack(torch.randn(2, 7, 3))
        >>> outputs.shape, lower.cell.shape
        (torch.Size([2, 7, 4]), torch.Size([2, 5]))
    """

    def __init__(self, layers: Iterable[AbstractLayer], dropout: float = 0.0) -> None:
        super().__init__()
        kept = list(layers)
        if not kept:
            raise NurtValueError("Stack: no layer given.", expected="at least one layer", got="none")
        if not 0 <= dropout <= 1:
            raise NurtValueError("Stack: `dropout` is no probability.", expected="0 to 1", got=str(dropout))
        for depth, (below, above) in enumerate(pairwise(kept), start=1):
            if above.input_size != below.output_size:
                raise ShapeError(
                    f"Stack: layer {depth} does not fit on layer {depth - 1}.",
                    expected=f"an input_size of {below.output_size}, the features that layer {depth - 1} puts out",
                    got=str(above.input_size),
                )
        self.layers = nn.ModuleList(kept)
        self.dropout = Dropout(dropout)

    @property
    def input_size(self) -> int:
        """Features of an input of the lowest layer."""
        return self._layer(0).input_size

    @property
    def output_size(self) -> int:
        """Features of an output of the highest layer."""
        return self._layer(-1).output_size

    def forward(
        self,
        inputs: Tensor,
        state: Any = None,
        lengths: Lengths | None = None,
        *,
        gradient: AbstractGradientMethod = EXACT,
    ) -> tuple[Tensor, Any]:
        """Run all layers over time; see :meth:`AbstractLayer.forward`. The state is a tuple, one entry per layer."""
        count = len(self.layers)
        states = (None,) * count if state is None else _entries("Stack", "layer", state, count)
        cells = self._fused_cells() if gradient is EXACT else []
        if cells:
            dropout = self.dropout.p if self.dropout.training else 0.0
            fused = unroll_together(cells, inputs, states, lengths, dropout)
            if fused is not None:
                return fused
        starts = iter(states)

        def run(layer: AbstractLayer, below: Tensor) -> tuple[Tensor, Any]:
            outputs, final = layer(below, next(starts), lengths, gradient=gradient)
            return outputs, final

        layers = cast(Iterable[AbstractLayer], self.layers)
        outputs, finals = each_layer(layers, inputs, run, lambda below, _: self.dropout(below))
        return outputs, tuple(finals)

    def step(self, x: Tensor, state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        """Take one step of every layer, from a state that :meth:`forward` gave.

        The step is plain torch, as the cells write it, and no use of the layers: recordings do not see it.

        Args:
            x: (B, I).
            state: one entry per layer, rows as many as ``x`` has.

        Returns:
            The output of the highest layer (B, ·), and the state after the step.

        Raises:
            NurtTypeError: a layer is no cell in one direction.
        """
        after = []
        for depth, (layer, before) in enumerate(zip(self.layers, state, strict=True)):
            if not isinstance(layer, Recurrent) or layer.reverse:
                raise NurtTypeError(
                    f"Stack.step: layer {depth} does not go forwards step by step.",
                    expected="a Recurrent layer that is not reversed",
                    got=type(layer).__name__,
                )
            new = layer.cell.step(self.dropout(x) if depth else x, before)
            after.append(new)
            x = new.hidden
        return x, tuple(after)

    def _fused_cells(self) -> list[DenseCell[Any]]:
        """Return the cells if one native call can run them all; none where a layer differs, has options or is observed.

        Recordings tell layers apart by their calls, a compiler follows each layer by itself, and hooks of a layer wait
        for it to be called: there the layers run one by one.
        """
        cells: list[DenseCell[Any]] = []
        if len(self.layers) == 1 or torch.compiler.is_compiling() or recording_wanted() or _observed(self.dropout):
            return cells
        for layer in self.layers:
            plain = type(layer) is Recurrent and not (layer.reverse or _observed(layer))
            if not plain or layer.gradient_clip is not None or layer.regularisation != NONE:
                return []
            cell = kernel_cell(layer.cell)
            # Parametrised weights are computed at each access; the layers one by one access them as ever.
            if cell is None or cell._modules or (cells and not _alike(cell, cells[0])):
                return []
            cells.append(cell)
        return cells

    def _layer(self, index: int) -> AbstractLayer:
        layer = self.layers[index]
        assert isinstance(layer, AbstractLayer)
        return layer


def _observed(module: nn.Module) -> bool:
    """Return whether someone waits for ``module`` to be called, or has put another ``forward`` in its place."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    # torch leaves this untyped.
    everywhere: bool = torch.nn.modules.module._has_any_global_hook()  # type: ignore[no-untyped-call]
    return everywhere or any(hooks) or "forward" in vars(module)


def _alike(cell: DenseCell[Any], first: DenseCell[Any]) -> bool:
    """Return whether two cells are of one recurrence, size and kind."""
    one, other = cell.weight_hh, first.weight_hh
    return (
        cell.recurrence is first.recurrence
        and one.shape == other.shape
        and one.dtype == other.dtype
        and one.device == other.device
    )


def _checked_cell(where: str, name: str, cell: object) -> AbstractCell[Any]:
    if not isinstance(cell, AbstractCell):
        raise NurtTypeError(
            f"{where}: `{name}` is not a cell.",
            expected="an AbstractCell, for example LSTMCell(3, 5)",
            got=type(cell).__name__,
            cure="The layers with torch's conventions are nurt.nn.RNN, LSTM and GRU.",
        )
    return cell


def _fitting(where: str, regularisation: Regularisation, cell: AbstractCell[Any]) -> Regularisation:
    fields = field_names(cell.initial_state(1))
    return check_regularisation(where, regularisation, fields, knows_weights=kernel_cell(cell) is not None)


def _entries(where: str, unit: str, state: object, count: int) -> tuple[Any, ...]:
    """Return ``state`` if it is a tuple with one entry per layer or direction."""
    if not isinstance(state, tuple | list):
        raise NurtTypeError(
            f"{where}: `state` is not a tuple.", expected=f"one entry per {unit}", got=type(state).__name__
        )
    if len(state) != count:
        raise ShapeError(
            f"{where}: `state` does not have one entry per {unit}.", expected=f"{count} entries", got=str(len(state))
        )
    return tuple(state)
