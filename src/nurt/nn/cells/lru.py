"""The linear recurrent unit."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nurt.errors import NurtValueError
from nurt.kernels import scan
from nurt.kernels.recurrence import alive_steps, without_padding
from nurt.nn.cells.base import positive_size
from nurt.nn.cells.diagonal import DiagonalCell
from nurt.nn.init import generator_for

__all__ = ["LRUCell", "LRUState"]


class LRUState(NamedTuple):
    """State of an LRU.

    Attributes:
        hidden: y_t, the output of the step that made the state, (B, O); the next step does not read it.
        real: real part of s_t, (B, H).
        imaginary: imaginary part of s_t, (B, H).
    """

    hidden: Tensor
    real: Tensor
    imaginary: Tensor


@final
class LRUCell(DiagonalCell[LRUState]):
    r"""Linear recurrent unit: a complex diagonal recurrence, stable by construction [orvieto2023resurrecting].

        λ   = exp(-exp(ν) + i exp(θ))
        s_t = λ ⊙ s_{t-1} + exp(γ) ⊙ (B x_t)
        y_t = Re(C s_t) + D x_t

    with x_t (B, I); s_t (B, H) complex; the output y_t (B, O) real; ν (H,) ``nu_log``, θ (H,) ``theta_log`` and γ (H,)
    ``gamma_log`` real; B (H, I) complex, ``input_real`` and ``input_imaginary``; C (O, H) complex, ``output_real`` and
    ``output_imaginary``; D (O, I) real, ``skip``. All are learned. |λ| = exp(-exp(ν)) lies between 0 and 1 whatever ν
    is. There is no bias and no nonlinearity; in the paper a network follows in each layer.

    Initially |λ|² is uniform in [r_min², r_max²] and the phase uniform in [0, max_phase), which is uniform in the ring;
    γ = log √(1 - |λ|²), so that white noise goes in and comes out at the same size; real and imaginary
    parts of B have variance 1/(2I), of C 1/H, and D has variance 1/I.

    Args:
        input_size: I.
        hidden_size: H, complex numbers of the state.
        output_size: O; None for H.
        r_min: smallest |λ| in the beginning, 0 ≤ r_min < r_max.
        r_max: largest |λ| in the beginning, at most 1.
        max_phase: largest phase in the beginning, in radians, above 0 and at most 2π; small for long memories.
        device: of the weights.
        dtype: of the weights, real; the state has its complex counterpart.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero, or no such ring.

    Example:
        >>> outputs, state = Recurrent(LRUCell(3, 8, 5, r_min=0.9, r_max=0.99))(torch.ones(2, 7, 3))
        >>> outputs.shape, state.real.shape
        (torch.Size([2, 7, 5]), torch.Size([2, 8]))

    References:
        [orvieto2023resurrecting], section 3 and appendix A. There D is a vector, because I = O.

    Notes:
        |λ| rounds to 1 in float32 once exp(ν) falls below about 3e-8, a memory of 30 million steps.
    """

    display_name = "LRU"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int | None = None,
        *,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        features = hidden_size if output_size is None else positive_size("LRUCell", "output_size", output_size)
        self.r_min, self.r_max, self.max_phase = _checked_ring(r_min, r_max, max_phase)

        def weight(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.nu_log, self.theta_log, self.gamma_log = (weight(hidden_size) for _ in range(3))
        self.input_real, self.input_imaginary = (weight(hidden_size, input_size) for _ in range(2))
        self.output_real, self.output_imaginary = (weight(features, hidden_size) for _ in range(2))
        self.skip = weight(features, input_size)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw all weights anew as the class says."""
        # Nothing of the ring's rim is lost: the draws are at least half a unit of rounding away from 0 and 1.
        low, high = self.r_min**2, self.r_max**2
        squared = low + (high - low) * _inner_uniform(self.nu_log)
        self.nu_log.copy_(torch.log(-0.5 * torch.log(squared)))
        self.theta_log.copy_(torch.log(self.max_phase * _inner_uniform(self.theta_log)))
        self.gamma_log.copy_(0.5 * torch.log1p(-squared))
        for part in (self.input_real, self.input_imaginary):
            part.normal_(std=1 / math.sqrt(2 * self.input_size), generator=generator_for(part))
        for part in (self.output_real, self.output_imaginary):
            part.normal_(std=1 / math.sqrt(self.hidden_size), generator=generator_for(part))
        self.skip.normal_(std=1 / math.sqrt(self.input_size), generator=generator_for(self.skip))

    @property
    def eigenvalues(self) -> Tensor:
        """λ, complex (H,)."""
        return torch.polar(torch.exp(-torch.exp(self.nu_log)), torch.exp(self.theta_log))

    @property
    def scanned_dtype(self) -> torch.dtype:
        """The complex counterpart of the weights' dtype."""
        return self.nu_log.dtype.to_complex()

    def initial_state(self, batch: int) -> LRUState:
        """Return zeros, (batch, O) and twice (batch, H)."""
        zeros = self.nu_log.new_zeros(batch, self.hidden_size)
        return LRUState(self.nu_log.new_zeros(batch, self.skip.shape[0]), zeros, zeros.clone())

    def step(self, x: Tensor, state: LRUState) -> LRUState:
        """Return the state after one input (B, I)."""
        memory = self.eigenvalues * torch.complex(state.real, state.imaginary) + self._driven(x)
        return LRUState(self._read(memory, x), memory.real, memory.imag)

    def sequence(
        self, inputs: Tensor, state: LRUState, *, lengths: Tensor | None, reverse: bool
    ) -> tuple[Tensor, LRUState]:
        """Return what repeated steps give, by one scan; see :meth:`DiagonalCell.sequence`."""
        inputs = without_padding(inputs, alive_steps(inputs, lengths))
        before = torch.complex(state.real, state.imaginary)
        memories, final = scan(self.eigenvalues, self._driven(inputs), before, lengths=lengths, reverse=reverse)
        outputs = self._read(memories, inputs)
        return outputs, LRUState(_last_output(outputs, state.hidden, lengths, reverse), final.real, final.imag)

    def _driven(self, x: Tensor) -> Tensor:
        """Return exp(γ) ⊙ (B x), complex (…, H)."""
        scale = torch.exp(self.gamma_log).unsqueeze(1)
        # Rows of real and imaginary parts take turns, so that the product is complex as it lies in memory.
        rows = torch.stack((scale * self.input_real, scale * self.input_imaginary), dim=1).flatten(0, 1)
        parts = F.linear(x, rows).to(rows.dtype)
        return torch.view_as_complex(parts.reshape(*x.shape[:-1], self.hidden_size, 2))

    def _read(self, memory: Tensor, x: Tensor) -> Tensor:
        """Return Re(C s) + D x, (…, O)."""
        columns = torch.stack((self.output_real, -self.output_imaginary), dim=2).flatten(1, 2)
        outputs = F.linear(torch.view_as_real(memory).flatten(-2), columns) + F.linear(x, self.skip)
        return outputs.to(columns.dtype)

    def extra_repr(self) -> str:
        """Return sizes and ring."""
        return f"{super().extra_repr()}, {self.skip.shape[0]}, r_min={self.r_min}, r_max={self.r_max}"


def _last_output(outputs: Tensor, before: Tensor, lengths: Tensor | None, reverse: bool) -> Tensor:
    """Return the output of each row's last step, (B, O); of rows without steps what it was before."""
    if lengths is None:
        return outputs[:, 0 if reverse else -1]
    lengths = lengths.to(outputs.device)
    ends = torch.zeros_like(lengths) if reverse else (lengths - 1).clamp(min=0)
    last = outputs[torch.arange(len(lengths), device=outputs.device), ends]
    return torch.where((lengths > 0).unsqueeze(1), last, before)


def _inner_uniform(like: Tensor) -> Tensor:
    """Return draws from U(0, 1), neither end included."""
    drawn = torch.empty_like(like).uniform_(generator=generator_for(like))
    return drawn.clamp_(torch.finfo(like.dtype).eps, 1 - torch.finfo(like.dtype).eps)


def _checked_ring(r_min: float, r_max: float, max_phase: float) -> tuple[float, float, float]:
    if not 0 <= r_min < r_max <= 1:
        raise NurtValueError(
            "LRUCell: `r_min` and `r_max` span no ring inside the unit circle.",
            expected="0 ≤ r_min < r_max ≤ 1",
            got=f"r_min={r_min}, r_max={r_max}",
        )
    if not 0 < max_phase <= 2 * math.pi:
        raise NurtValueError("LRUCell: `max_phase` is no angle.", expected="above 0 and at most 2π", got=str(max_phase))
    return r_min, r_max, max_phase
