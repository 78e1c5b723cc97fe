"""What a native call is made of: the cells, the sizes and options of a call, its tensors; and the checks of them.

What is known of a cell stands in its C++ header alone (``cpu/cells``); :data:`CELLS` asks the extension for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from nurt.errors import NurtTypeError, ShapeError, UnavailableError
from nurt.kernels.variables import variable

try:
    from nurt.kernels import _cpu
except ImportError:  # built for another Python, or not built; the rung says so
    _cpu = None  # type: ignore[assignment]

__all__ = [
    "CELLS",
    "ENGINE",
    "INSTRUCTION_SETS",
    "NOTHING",
    "SCALARS",
    "Call",
    "Carry",
    "CellSpec",
    "Given",
    "Left",
    "Sizes",
    "check",
    "instruction_set",
    "new_call",
    "weight_shapes",
]


@dataclass(frozen=True)
class CellSpec:
    """The facts of a native cell, as its header states them.

    Args:
        code: number of the cell in the extension.
        gates: blocks of H rows in each weight matrix.
        recorded: names of the blocks of H numbers kept per step, in memory order; empty when the output says it all.
        has_cell: whether there is a cell state beside the hidden one.
        projected: whether the hidden state is a projection of what the step makes.
        normalised: whether the sums of the gates are normalised.
        learned: what is learned beside weights and biases: name in :class:`~nurt.kernels.Weights`, blocks of H
            numbers (0 for the projection), and whether it may be absent.
        constants: how many numbers the equation has that are not learned.

    Attributes:
        extra: names of what is learned beside weights and biases.
        fields: names of the learned tensors of one direction of one layer, fields of :class:`~nurt.kernels.Weights`.
        required: places in ``fields`` of those that may not be absent.
    """

    code: int
    gates: int
    recorded: tuple[str, ...]
    has_cell: bool
    projected: bool
    normalised: bool
    learned: tuple[tuple[str, int, bool], ...]
    constants: int
    extra: tuple[str, ...] = field(init=False)
    fields: tuple[str, ...] = field(init=False)
    required: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        extra = tuple(name for name, _, _ in self.learned)
        optional = {name for name, _, optional in self.learned if optional} | {"bias_ih", "bias_hh"}
        fields = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", *extra)
        # Not cached properties, whose lock a compiler cannot follow.
        object.__setattr__(self, "extra", extra)
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "required", tuple(i for i, name in enumerate(fields) if name not in optional))


def _cells() -> dict[str, CellSpec]:
    return {
        facts["name"]: CellSpec(
            code,
            facts["gates"],
            tuple(facts["kept"]),
            facts["has_cell"],
            facts["projected"],
            facts["normalised"],
            tuple(facts["learned"]),
            facts["constants"],
        )
        for code, facts in enumerate([] if _cpu is None else _cpu.cells())
    }


CELLS = _cells()

# The extension; None where it is not built.
ENGINE = _cpu
SCALARS = {torch.float32: 0, torch.float64: 1}
# Narrowest first; empty without the extension.
INSTRUCTION_SETS = () if ENGINE is None else tuple(ENGINE.instruction_sets())


def instruction_set() -> str:
    """Name of the vector instruction set in use: the widest one, or what ``NURT_ISA`` asks for.

    Raises:
        UnavailableError: ``NURT_ISA`` names a set that this processor does not have.
    """
    wanted = variable("NURT_ISA")
    if not wanted:
        return INSTRUCTION_SETS[-1]
    if wanted not in INSTRUCTION_SETS:
        raise UnavailableError(
            "nurt.kernels: the environment variable NURT_ISA names an instruction set that cannot run here.",
            expected=f"one of {', '.join(INSTRUCTION_SETS)}",
            got=repr(wanted),
            cure="Unset NURT_ISA to use the widest one.",
        )
    return wanted


class Sizes(NamedTuple):
    """Sizes of a call.

    Attributes:
        batch: B.
        time: T; of packed data the number of their rows.
        rows: B·T, or the sum of the lengths when packed.
        features: I.
        hidden: H.
        outputs: P, the size of the hidden state: H, or less after a projection.
    """

    batch: int
    time: int
    rows: int
    features: int
    hidden: int
    outputs: int


class Call(NamedTuple):
    """Everything of a call that is not a tensor; made by :func:`new_call`.

    Attributes:
        cell: a name in :data:`CELLS`, the same in every layer.
        sizes: of the tensors, computed once.
        layers: L.
        reverse: per direction, whether it runs from each row's own last step to its first.
        packed: the inputs are the data (sum of lengths, I) of a packed sequence; lengths are given and falling.
        scale: what dropout keeps is multiplied by this.
        gradient_clip: bound of what a step passes down to the state before it; None for none.
        constants: of the cell's equation.
    """

    cell: str
    sizes: Sizes
    layers: int = 1
    reverse: tuple[bool, ...] = (False,)
    packed: bool = False
    scale: float = 1.0
    gradient_clip: float | None = None
    constants: tuple[float, ...] = ()


class Carry(NamedTuple):
    """What happens to the state between two steps: tensors of :class:`~nurt.kernels.StepOptions`, constants.

    Attributes:
        hidden_mask: (B, P).
        keep_hidden: (B, T, P).
        keep_cell: (B, T, H).
    """

    hidden_mask: Tensor | None = None
    keep_hidden: Tensor | None = None
    keep_cell: Tensor | None = None


NOTHING = Carry()


class Given(NamedTuple):
    """The tensors of a call.

    Attributes:
        inputs: (B, T, I), or (sum of lengths, I) when packed.
        hidden: initial hidden states (L·D, B, P); None for zeros.
        cell_state: initial cell states (L·D, B, H); None for zeros or no such state.
        weights: the fields of the cell for each direction of each layer, one after the other; biases may be None.
        lengths: int64 (B,), or None.
        masks: of dropout, bool, per layer but the lowest; (L-1, T, B, D·P), or (L-1, sum of lengths, D·P) when packed.
        carry: between the steps of a single layer in one direction, not packed.
    """

    inputs: Tensor
    hidden: Tensor | None
    cell_state: Tensor | None
    weights: tuple[Tensor | None, ...]
    lengths: Tensor | None = None
    masks: Tensor | None = None
    carry: Carry = NOTHING

    @property
    def differentiable(self) -> tuple[Tensor | None, ...]:
        """The tensors that can have a gradient, in the order in which gradients are returned."""
        return (self.inputs, self.hidden, self.cell_state, *self.weights)


class Left(NamedTuple):
    """What a forward call returns and keeps.

    Attributes:
        outputs: (B, T, D·P), or (sum of lengths, D·P) when packed.
        hidden: final hidden states (L·D, B, P).
        cell: final cell states (L·D, B, H); None unless the cell has one.
        kept: one flat piece of memory, laid out by :mod:`~nurt.kernels.native.memory`; None when nothing is kept.
    """

    outputs: Tensor
    hidden: Tensor
    cell: Tensor | None
    kept: Tensor | None


def new_call(
    cell: str,
    given: Given,
    layers: int = 1,
    reverse: tuple[bool, ...] = (False,),
    packed: bool = False,
    scale: float = 1.0,
    gradient_clip: float | None = None,
    constants: tuple[float, ...] = (),
) -> Call:
    """Return the call of ``cell`` on the tensors ``given``; the other arguments as for :class:`Call`."""
    inputs, weight_hh = given.inputs, given.weights[1]
    assert weight_hh is not None, "required"
    shape, spec = inputs.shape, CELLS[cell]
    columns = weight_hh.shape[-1]
    units = len(weight_hh) // spec.gates if spec.projected else columns
    if len(shape) == 3:
        sizes = Sizes(shape[0], shape[1], shape[0] * shape[1], shape[2], units, columns)
    else:
        batch = shape[0] if given.lengths is None else given.lengths.shape[0]
        sizes = Sizes(batch, shape[0], shape[0], shape[1], units, columns)
    return Call(cell, sizes, layers, reverse, packed, scale, gradient_clip, constants)


def check(call: Call, given: Given) -> None:
    """Refuse what would make the engine read past a tensor: assigned weights, for example, are checked nowhere else.

    Raises:
        ShapeError: shapes that do not fit each other.
        NurtTypeError: another dtype, device or layout than the inputs'.
    """
    sizes, dtype = call.sizes, given.inputs.dtype
    expected = _shapes(call.cell, call.layers, len(call.reverse), sizes)
    if len(given.weights) != len(expected) - 2:
        raise ShapeError(
            f"nurt.kernels: a {call.cell} of {call.layers} layers has the wrong number of weights.",
            expected=f"{len(expected) - 2}, absent biases counted",
            got=str(len(given.weights)),
        )
    for index, (tensor, shape) in enumerate(zip(given.differentiable[1:], expected, strict=True)):
        if tensor is None:
            continue
        # The kind first: the shape of another layout may not even be asked for.
        if tensor.layout is not torch.strided or tensor.dtype is not dtype or not tensor.is_cpu:
            raise _foreign(call, _named(call, index)[0], tensor, given.inputs)
        if tensor.shape != shape:
            raise _misshapen(call, *_named(call, index), tensor, shape)
    if given.lengths is not None:
        _check_lengths(call, given.lengths)
    if given.carry is not NOTHING:
        _check_carry(call, given)
    if sizes.time == 0 and sizes.batch:
        raise _misshapen(call, "inputs", "", given.inputs, (sizes.batch, "T of at least 1", sizes.features))


def _check_lengths(call: Call, lengths: Tensor) -> None:
    if lengths.dtype is not torch.int64 or not lengths.is_cpu:
        raise NurtTypeError(
            f"nurt.kernels: `lengths` of a {call.cell} are of another kind.",
            expected="torch.int64 on the cpu",
            got=f"{lengths.dtype}, {lengths.device}",
        )
    if lengths.shape != (call.sizes.batch,):
        raise _misshapen(call, "lengths", "", lengths, (call.sizes.batch,))


def _check_carry(call: Call, given: Given) -> None:
    sizes = call.sizes
    steps = (sizes.batch, sizes.time)
    shapes = ((sizes.batch, sizes.outputs), (*steps, sizes.outputs), (*steps, sizes.hidden))
    for name, tensor, shape in zip(given.carry._fields, given.carry, shapes, strict=True):
        if tensor is None:
            continue
        if tensor.layout is not torch.strided or tensor.dtype is not given.inputs.dtype or not tensor.is_cpu:
            raise _foreign(call, name, tensor, given.inputs)
        if tensor.shape != shape:
            raise _misshapen(call, name, "", tensor, shape)


@lru_cache(maxsize=1024)
def _shapes(cell: str, layers: int, directions: int, sizes: Sizes) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of ``given.differentiable`` after the inputs."""
    batch, _, _, features, units, columns = sizes
    hidden, cell_state = (layers * directions, batch, columns), (layers * directions, batch, units)
    lowest = tuple(weight_shapes(cell, features, units, columns).values())
    above = tuple(weight_shapes(cell, directions * columns, units, columns).values())
    return (hidden, cell_state, *lowest * directions, *above * (directions * (layers - 1)))


def weight_shapes(cell: str, features: int, units: int, columns: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the learned tensors of one direction of one layer, by name.

    Args:
        cell: a name in :data:`CELLS`.
        features: I.
        units: H.
        columns: P, the size of the hidden state.
    """
    spec = CELLS[cell]
    rows = spec.gates * units
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih": (rows, features),
        "weight_hh": (rows, columns),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
    }
    return shapes | {name: (blocks * units,) if blocks else (columns, units) for name, blocks, _ in spec.learned}


def _misshapen(call: Call, name: str, where: str, tensor: Tensor, shape: tuple[object, ...]) -> ShapeError:
    sizes = call.sizes
    return ShapeError(
        f"nurt.kernels: `{name}`{where} of a {call.cell} has the wrong shape.",
        expected=f"{shape}, because B={sizes.batch}, I={sizes.features} and H={sizes.hidden}",
        got=str(tuple(tensor.shape)),
        cure="Pass weights, biases and states of the same layer and batch as the inputs.",
    )


def _foreign(call: Call, name: str, tensor: Tensor, inputs: Tensor) -> NurtTypeError:
    return NurtTypeError(
        f"nurt.kernels: `{name}` of a {call.cell} is of another kind than the inputs.",
        expected=f"a dense {inputs.dtype} tensor on {inputs.device}",
        got=f"{tensor.dtype}, {tensor.device}, {tensor.layout}",
        cure="Convert one of them; nothing is converted silently.",
    )


def _named(call: Call, index: int) -> tuple[str, str]:
    """Return the name of a tensor by its place after the inputs in ``given.differentiable``, and its layer."""
    if index < 2:
        return ("hidden", "cell_state")[index], ""
    fields = CELLS[call.cell].fields
    layer, place = divmod(index - 2, len(fields) * len(call.reverse))
    return fields[place % len(fields)], f" of layer {layer}" if call.layers > 1 else ""
