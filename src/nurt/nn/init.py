"""Initial weights: recipes that fill any recurrent module in place.

Each recipe takes a cell or layer of ``nurt.nn`` (the drop-in layers too) or of ``torch.nn``, or a module that holds
some, and fills every layer and direction inside. Each returns nothing, and repeats under the same ``generator``.
Recipes may follow each other: ``orthogonal_``, then ``forget_bias_``.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.kernels.randomness import own_generator
from nurt.nn.gates import GateWeights, gate_weights

__all__ = [
    "chrono_",
    "forget_bias_",
    "identity_",
    "orthogonal_",
    "spectral_radius_",
    "torch_default_",
]


def uniform_by_hidden_size(
    parameters: Iterable[Tensor], hidden_size: int, generator: torch.Generator | None = None
) -> None:
    """Fill each parameter, in the given order, with draws from U(-1/√H, 1/√H): torch's default for recurrences.

    Args:
        parameters: filled in place; the order decides which random numbers each one gets.
        hidden_size: H.
        generator: where the draws come from; None for torch's own.
    """
    bound = 1 / math.sqrt(hidden_size)
    with torch.no_grad():
        for parameter in parameters:
            parameter.uniform_(-bound, bound, generator=generator or generator_for(parameter))


def generator_for(tensor: Tensor) -> torch.Generator | None:
    """Return the generator that new values of ``tensor`` are drawn from; None for torch's own.

    It is that of the block that builds with one of its own, see :func:`nurt.kernels.randomness.drawing_from`.
    """
    return own_generator() if tensor.is_cpu else None


class Linear(nn.Linear):
    """``torch.nn.Linear`` whose initial weights come from the generator of the block it is built in."""

    def reset_parameters(self) -> None:
        """Draw weights and biases anew from U(-1/√I, 1/√I), as torch does, number for number."""
        generator = generator_for(self.weight)
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5), generator=generator)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
            nn.init.uniform_(self.bias, -bound, bound, generator=generator)


def torch_default_(module: nn.Module, *, generator: torch.Generator | None = None) -> None:
    """Draw W_ih, W_hh and the biases from U(-1/√H, 1/√H), what torch does by itself.

    Peepholes, projections and gains are left as they are; ``reset_parameters`` of a cell draws everything anew.

    Args:
        module: filled in place.
        generator: where the draws come from; None for torch's own.

    Raises:
        NurtTypeError: nothing recurrent inside.
    """
    for part in gate_weights("nurt.nn.init.torch_default_", module):
        tensors = (part.weight_ih, part.weight_hh, part.bias_ih, part.bias_hh)
        uniform_by_hidden_size((each for each in tensors if each is not None), part.hidden_size, generator)


def orthogonal_(module: nn.Module, gain: float = 1.0, *, generator: torch.Generator | None = None) -> None:
    """Make the block of W_hh of every gate a random orthogonal matrix times ``gain`` [saxe2014exact].

    WᵀW = gain² I gate by gate, so a linear recurrence keeps the norm of state and gradient for ``gain`` 1. Where the
    state is projected the block (H, proj_size) has orthogonal columns. The other weights stay as they are.

    Args:
        module: filled in place.
        gain: above 0.
        generator: where the draws come from; None for torch's own.

    Raises:
        NurtTypeError, NurtValueError: nothing recurrent inside, or a gain that is not above 0.

    Example:
        >>> cell = LSTMCell(3, 5)
        >>> orthogonal_(cell)
        >>> block = cell.weight_hh[:5]
        >>> torch.allclose(block.T @ block, torch.eye(5), atol=1e-6)
        True
    """
    gain = _positive("orthogonal_", "gain", gain)
    for part in gate_weights("nurt.nn.init.orthogonal_", module):
        for block in part.recurrent_blocks():
            nn.init.orthogonal_(block, gain, generator)


def forget_bias_(module: nn.Module, value: float = 1.0) -> None:
    """Set the bias of every forget gate: b_if = ``value``, b_hf = 0 [gers2000learning, jozefowicz2015empirical].

    Their sum is what counts, and it is exactly ``value``. With 1 an untrained gate keeps about σ(1) = 0.73 of the
    memory a step, a half-life of 2.2 steps, where 0 keeps half.

    Args:
        module: filled in place; what has no forget gate stays as it is.
        value: any finite number.

    Raises:
        NurtTypeError: no forget gate inside, or one without biases.
        NurtValueError: ``value`` is not finite.
    """
    if not math.isfinite(_number("forget_bias_", "value", value)):
        raise NurtValueError("nurt.nn.init.forget_bias_: `value` is not finite.", expected="a number", got=repr(value))
    for part in _with_gates("forget_bias_", module, "f", "an LSTM of any kind"):
        _set_bias(part, "f", torch.tensor(value))


def chrono_(module: nn.Module, longest: int, *, generator: torch.Generator | None = None) -> None:
    """Set the biases of the gates so that memories last from 1 to about ``longest`` steps [tallec2018can].

        LSTM    b_f = log u,  b_i = -b_f,  u drawn from U(1, T_max - 1) for each unit
        GRU     b_z = log u

    A gate whose bias is b forgets e-fold in about 1 + e^b steps, so the time scales spread evenly over the range. The
    paper writes the GRU with its gate in the opposite sense, hence its minus sign. With coupled gates b_f alone is
    set, because the input gate is 1 - f. Each is the sum of the two biases: b_ih takes it, b_hh becomes 0.

    Args:
        module: filled in place; what has neither forget nor update gate stays as it is.
        longest: T_max, the longest dependency expected, in steps; at least 2.
        generator: where the draws come from; None for torch's own.

    Raises:
        NurtTypeError: no such gate inside, or one without biases.
        NurtValueError: ``longest`` below 2.

    Example:
        >>> cell = GRUCell(3, 500)
        >>> chrono_(cell, longest=100, generator=torch.Generator().manual_seed(1))
        >>> 1 < cell.bias_ih[500:1000].exp().min(), cell.bias_ih[500:1000].exp().max() < 99.01
        (tensor(True), tensor(True))
    """
    if not 2 <= _number("chrono_", "longest", longest) < math.inf:
        raise NurtValueError(
            "nurt.nn.init.chrono_: `longest` is no length of a memory.", expected="2 steps or more", got=repr(longest)
        )
    for part in _with_gates("chrono_", module, "fz", "an LSTM or GRU of any kind"):
        gate = "f" if "f" in part.order else "z"
        spread = torch.empty(part.hidden_size, dtype=torch.float64, device=part.weight_hh.device)
        bias = spread.uniform_(1, longest - 1, generator=generator).log_()
        _set_bias(part, gate, bias)
        if "i" in part.order:
            _set_bias(part, "i", -bias)


def identity_(
    module: nn.Module, scale: float = 1.0, std: float = 0.001, *, generator: torch.Generator | None = None
) -> None:
    """Start a recurrence without gates as "keep what you have": W_hh = ``scale``·I, biases 0, small W_ih.

    With the rectifier this is the IRNN of [le2015simple], who also take 0.01·I for tasks of short memory. W_ih is drawn
    from a normal distribution around 0.

    Args:
        module: filled in place; linear and Elman recurrences alone.
        scale: of the identity, above 0.
        std: standard deviation of W_ih, above 0; the paper's is 0.001.
        generator: where the draws come from; None for torch's own.

    Raises:
        NurtTypeError: nothing recurrent inside, or something with gates.
        NurtValueError: a number that is not above 0.
    """
    scale, std = _positive("identity_", "scale", scale), _positive("identity_", "std", std)
    parts = gate_weights("nurt.nn.init.identity_", module)
    for part in parts:
        if part.order != "h":
            raise NurtTypeError(
                f"nurt.nn.init.identity_: {part.place} has gates.",
                expected="linear and Elman recurrences alone",
                got=type(module).__name__,
                cure="For a gated recurrence use chrono_ or forget_bias_.",
            )
    with torch.no_grad():
        for part in parts:
            nn.init.eye_(part.weight_hh).mul_(scale)
            part.weight_ih.normal_(0, std, generator=generator)
            for bias in (part.bias_ih, part.bias_hh):
                if bias is not None:
                    bias.zero_()


def spectral_radius_(module: nn.Module, radius: float) -> None:
    """Scale the block of W_hh of every gate to a spectral radius, the largest modulus of an eigenvalue.

    The gradient of a linear recurrence through k steps grows or dies as ``radius``^k [pascanu2013difficulty]; for the
    others the radius is a rough guide. Nothing is drawn: the blocks keep their directions. Computed in float64.

    Args:
        module: changed in place.
        radius: wanted, above 0.

    Raises:
        NurtTypeError: nothing recurrent inside.
        NurtValueError: ``radius`` not above 0, or a block without an eigenvalue other than 0, which no factor scales.
        ShapeError: a block that is not square, because the state is projected.

    Example:
        >>> cell = ElmanCell(3, 5)
        >>> spectral_radius_(cell, 0.9)
        >>> round(float(torch.linalg.eigvals(cell.weight_hh.detach()).abs().max()), 5)
        0.9
    """
    radius = _positive("spectral_radius_", "radius", radius)
    for part in gate_weights("nurt.nn.init.spectral_radius_", module):
        for block in part.recurrent_blocks():
            if block.shape[0] != block.shape[1]:
                raise ShapeError(
                    f"nurt.nn.init.spectral_radius_: a block of {part.place} is not square.",
                    expected="W_hh (G·H, H)",
                    got=str(tuple(part.weight_hh.shape)),
                )
            wide = block.detach().double()
            present = float(torch.linalg.eigvals(wide).abs().max())
            if present <= torch.finfo(torch.float64).tiny:
                raise NurtValueError(
                    f"nurt.nn.init.spectral_radius_: a block of {part.place} has a spectral radius of 0.",
                    expected="weights with an eigenvalue other than 0",
                    got="0",
                    cure="Draw them first, for example with orthogonal_.",
                )
            with torch.no_grad():
                block.copy_(wide * (radius / present))


def _with_gates(recipe: str, module: nn.Module, gates: str, wanted: str) -> list[GateWeights]:
    """Return the parts of ``module`` that have one of ``gates``, with biases; refuse a module that has none."""
    parts = [part for part in gate_weights(f"nurt.nn.init.{recipe}", module) if set(gates) & set(part.order)]
    if not parts:
        raise NurtTypeError(
            f"nurt.nn.init.{recipe}: no such gate inside this module.", expected=wanted, got=type(module).__name__
        )
    for part in parts:
        part.biases()
    return parts


def _set_bias(part: GateWeights, gate: str, values: Tensor) -> None:
    """Make the sum of the two biases of ``gate`` exactly ``values``."""
    bias_ih, bias_hh = part.biases()
    with torch.no_grad():
        bias_ih[part.rows(gate)] = values.to(bias_ih.dtype)
        bias_hh[part.rows(gate)] = 0


def _number(recipe: str, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise NurtTypeError(f"nurt.nn.init.{recipe}: `{name}` is not a number.", expected="a number", got=repr(value))
    return float(value)


def _positive(recipe: str, name: str, value: object) -> float:
    number = _number(recipe, name, value)
    if not 0 < number < math.inf:
        raise NurtValueError(
            f"nurt.nn.init.{recipe}: `{name}` is out of range.", expected="a number above 0", got=repr(value)
        )
    return number
