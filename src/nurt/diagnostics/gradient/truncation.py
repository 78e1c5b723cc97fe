r"""The bias of truncated back-propagation through time, exactly, for every window.

With G[s, t] of :func:`~nurt.diagnostics.contribution_matrix`, s and t counted from 0,

    sliding window    g_K = Σ_{t-s < K} G[s, t]            every loss reaches back K steps
    chunks            g_K = Σ_{⌊s/K⌋ = ⌊t/K⌋} G[s, t]      the state is detached every K steps

The second is what cutting a series into pieces and carrying the state amounts to. Both are biased: they are the
gradients of no function. The ledger gives the size and the direction of the bias, of the gradient at these weights on
these data. It does not say what a network can learn: the state is carried across the cut, so that a read-out may use
what no gradient points to.

Where the loss reads the last step alone, T-1, the contributions are those of each use of the weights, G[s, T-1] = K_s,
and one backward pass is enough: the sliding window sums the last K of them, the chunks the last ((T-1) mod K) + 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.gradient.contribution_map import MOST_STEPS, StepLoss, UsesOfWeights, left_out, uses_of_weights
from nurt.diagnostics.gradient.over_time import step_contributions
from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.layer_record import LayerRecord
from nurt.diagnostics.look.passage import Passage
from nurt.errors import NurtValueError
from nurt.results import Result
from nurt.wording import percent_in_words

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Bias", "Cut", "TruncationLedger", "last_step_ledger", "reads_last_step", "truncation_ledger"]

Cut: TypeAlias = Literal["sliding", "chunked"]
# Of K_s, in numbers: 80 MB in float64.
MOST_NUMBERS = 10_000_000
WEIGHT = "weight_hh"
_CUTS: dict[Cut, str] = {"sliding": "looking back K steps", "chunked": "detached every K steps"}


@dataclass(frozen=True, eq=False)
class Bias(Result):
    """How far a truncated gradient is from the whole one, per window.

    Args:
        error: ‖g_K - g‖/‖g‖, (W,); NaN where the whole gradient is zero.
        cosine: of the angle between them, (W,); NaN where either is zero.
        gradients: g_K, all weights side by side, (W, ·).
    """

    error: np.ndarray
    cosine: np.ndarray
    gradients: Tensor = field(metadata={"json": False}, repr=False)

    @property
    def degrees(self) -> np.ndarray:
        """The angle itself, 0 … 180."""
        return np.asarray(np.degrees(np.arccos(np.clip(self.cosine, -1.0, 1.0))))


@dataclass(frozen=True, eq=False)
class TruncationLedger(Result):
    """The bias of each window of truncation.

    Args:
        id: which layer and direction.
        shapes: name → shape of the weights looked at, in the order in which gradients have them side by side.
        windows: K, in steps, rising, (W,).
        sliding: of the sliding window.
        chunked: of the chunks.
        full: the whole gradient, all weights side by side, (·,).
        lag_norms: ‖Σ_t G[t-k, t]‖ for the lags k = 0 … S-1, (S,).
        tolerance: relative error that a recommended window may have.
        skipped: steps at the beginning that were left out because there were too many.
    """

    id: LayerId
    shapes: Mapping[str, tuple[int, ...]]
    windows: np.ndarray
    sliding: Bias
    chunked: Bias
    full: Tensor = field(metadata={"json": False}, repr=False)
    lag_norms: np.ndarray
    tolerance: float
    skipped: int

    def recommended(self, cut: Cut = "sliding") -> int | None:
        """Return the least window from which on no window has a larger error than the tolerance; None if none has."""
        fine = self._bias(cut).error <= self.tolerance
        if not fine[-1]:
            return None
        bad = np.flatnonzero(~fine)
        return int(self.windows[bad[-1] + 1 if len(bad) else 0])

    def gradient(self, window: int | None = None, cut: Cut = "sliding") -> dict[str, Tensor]:
        """Return a gradient by the names of the weights.

        Args:
            window: K, one of ``windows``; None for the whole gradient.
            cut: "sliding" or "chunked".

        Raises:
            NurtValueError: a window that is not in the ledger, or another word for the cut.
        """
        if window is None:
            return self._named(self.full)
        if window not in self.windows:
            raise NurtValueError(
                "TruncationLedger: this window is not in the ledger.",
                expected=f"one of {', '.join(map(str, self.windows.tolist()))}",
                got=str(window),
            )
        return self._named(self._bias(cut).gradients[int(np.searchsorted(self.windows, window))])

    def to_dict(self) -> dict[str, Any]:
        """Return both biases, the norms per lag and the recommended windows."""
        return {
            **super().to_dict(),
            "recommended": {"sliding": self.recommended("sliding"), "chunked": self.recommended("chunked")},
        }

    def __str__(self) -> str:
        if np.isnan(self.sliding.error).all():
            return f"{self.id}: the gradient is zero, and so is every part of it"
        lines = [f"{self.id}: gradient of {', '.join(self.shapes)} truncated{left_out(self.skipped)}"]
        for cut, words in _CUTS.items():
            bias, least = self._bias(cut), self.recommended(cut)
            told = f"K = {least}" if least is not None else "none of the windows"
            lines.append(
                f"  {words}: K = {self.windows[0]} is off by {percent_in_words(bias.error[0], 2)} "
                f"and {bias.degrees[0]:.1f}°; within {percent_in_words(self.tolerance, 2)}: {told}"
            )
        return "\n".join(lines)

    def plot(self) -> go.Figure:
        """Draw the relative error of both ways to cut against the window."""
        from nurt import plotting

        figure = plotting.new_figure(f"Truncated gradients: {self.id}", "window K (steps)", "relative error")
        for name, bias, colour, dash in (
            ("sliding window", self.sliding, plotting.MODEL, "solid"),
            ("detached every K steps", self.chunked, plotting.WARNING, "dash"),
        ):
            figure.add_scatter(x=self.windows, y=bias.error, name=name, line={"color": colour, "dash": dash})
        figure.add_hline(y=self.tolerance, line={"color": plotting.REFERENCE, "width": 1, "dash": "dot"})
        return figure

    def _bias(self, cut: Cut) -> Bias:
        if cut not in _CUTS:
            raise NurtValueError("TruncationLedger: unknown cut.", expected="'sliding' or 'chunked'", got=repr(cut))
        return self.sliding if cut == "sliding" else self.chunked

    def _named(self, values: Tensor) -> dict[str, Tensor]:
        sizes = [int(np.prod(shape, dtype=int)) for shape in self.shapes.values()]
        parts = torch.split(values, sizes)
        return {name: part.reshape(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}


def truncation_ledger(
    run: Passage,
    loss: StepLoss,
    *,
    windows: Sequence[int] | None = None,
    tolerance: float = 0.05,
    parameters: Sequence[str] | None = None,
    most_steps: int = MOST_STEPS,
) -> TruncationLedger:
    """Compare truncated gradients of one layer with the whole one, for both ways to truncate.

    Args:
        run: what the layer is taken through.
        loss: as for :func:`~nurt.diagnostics.contribution_matrix`.
        windows: K, each at least 1; None for 1, 2, … to the number of steps.
        tolerance: relative error that a recommended window may have.
        parameters: names of weights; None for all that the step uses.
        most_steps: as for :func:`~nurt.diagnostics.contribution_matrix`.

    Raises:
        NurtValueError: a window below 1 or a negative tolerance; the rest as for
            :func:`~nurt.diagnostics.contribution_matrix`.
        ShapeError, NurtTypeError: the loss does not give one number per step.

    Example:
        >>> run = nurt.diagnostics.passage(LSTMCell(3, 5), torch.randn(2, 7, 3))
        >>> ledger = truncation_ledger(run, lambda outputs: outputs.square().mean(dim=(0, 2)))
        >>> round(float(ledger.sliding.error[-1]), 6), round(float(ledger.chunked.cosine[-1]), 6)
        (0.0, 1.0)
    """
    uses = uses_of_weights(run, loss, parameters=parameters, most_steps=most_steps)
    kept = np.array(sorted(set(range(1, uses.steps + 1) if windows is None else windows)), dtype=np.int64)
    if not len(kept) or kept[0] < 1 or tolerance < 0:
        raise NurtValueError(
            "truncation_ledger: windows or tolerance are out of range.",
            expected="windows of at least 1 step and a tolerance of at least 0",
            got=f"windows={kept.tolist()}, tolerance={tolerance}",
        )
    sliding, chunked, full, lags = _sums(uses, torch.from_numpy(kept))
    return TruncationLedger(
        run.id,
        {name: tuple(shape) for name, shape in zip(uses.names, uses.shapes, strict=True)},
        kept,
        _bias(sliding, full),
        _bias(chunked, full),
        full,
        torch.linalg.vector_norm(lags, dim=1).numpy(),
        tolerance,
        uses.skipped,
    )


def reads_last_step(record: LayerRecord) -> bool:
    """Return whether all rows are of one length and the loss reaches the layer at its last step alone."""
    direct, _ = record.gradients()
    full = bool((record.lengths == direct.shape[1]).all())
    ordered = direct.flip(1) if record.steps.reverse else direct
    return full and record.final_cell is None and not bool(ordered[:, :-1].any()) and bool(ordered[:, -1:].any())


def last_step_ledger(record: LayerRecord, tolerance: float) -> TruncationLedger | None:
    """Return what each window of truncation costs the gradient of the recurrent weights.

    Args:
        record: for which :func:`reads_last_step` holds.
        tolerance: relative error that a recommended window may have.

    Returns:
        The ledger; None where the layer has no recurrent matrix, its gradient is zero or not finite, or it does not fit
        into memory.
    """
    weight = record.steps.weights.get(WEIGHT)
    steps = record.steps.steps
    if weight is None or weight.numel() * steps > MOST_NUMBERS:
        return None
    uses = step_contributions(record, keep=(WEIGHT,)).tensors[WEIGHT].double().flatten(1).cpu()
    back = uses if record.steps.reverse else uses.flip(0)
    reach = back.cumsum(0)
    full = reach[-1]
    if not bool(full.any()) or not bool(full.isfinite().all()):
        return None
    windows = np.arange(1, steps + 1)
    last_chunk = torch.from_numpy((steps - 1) % windows)
    return TruncationLedger(
        record.id,
        {WEIGHT: tuple(weight.shape)},
        windows,
        _bias(reach, full),
        _bias(reach[last_chunk], full),
        full,
        torch.linalg.vector_norm(back, dim=1).numpy(),
        tolerance,
        0,
    )


def _sums(uses: UsesOfWeights, windows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return both truncated gradients per window, the whole one, and the sums per lag."""
    width = sum(shape.numel() for shape in uses.shapes)
    sliding = torch.zeros(len(windows), width, dtype=torch.float64)
    chunked, lags = torch.zeros_like(sliding), torch.zeros(uses.steps, width, dtype=torch.float64)
    full = torch.zeros(width, dtype=torch.float64)
    for target, rows in enumerate(uses.by_target()):
        back = rows[: target + 1].flip(0).double().cpu()
        lags[: target + 1] += back
        # Row k holds the sum over the lags 0 … k.
        reach = back.cumsum(0)
        full += reach[-1]
        sliding += reach[(windows - 1).clamp(max=target)]
        chunked += reach[target % windows]
    return sliding, chunked, full, lags


def _bias(gradients: Tensor, full: Tensor) -> Bias:
    size = torch.linalg.vector_norm(full)
    sizes = torch.linalg.vector_norm(gradients, dim=1)
    error = torch.linalg.vector_norm(gradients - full, dim=1) / size
    cosine = (gradients @ full) / (sizes * size)
    return Bias(error.numpy(), cosine.numpy(), gradients)
