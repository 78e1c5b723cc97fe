r"""Spectra of recurrent weights: eigenvalues, singular values, and how far apart the two can be.

    ρ = max |λ_i(W)|        ‖W^k‖₂ ~ ρ^k for large k        departure = √(‖W‖_F² - Σ |λ_i|²)

The usual account, |λ|^t, holds for a normal W, for which the departure from normality [henrici1962bounds] is 0, in a
linear network. A matrix that is not normal can first amplify by orders of magnitude although ρ < 1, which is why
ρ, σ_max and the envelope ‖W^k‖₂ stand together here. And with a nonlinearity the product is of Jacobians, not of W:
:func:`~nurt.diagnostics.jacobian_products` has those. Snapshots of the weights show the spectra over the course of
training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import linalg
from torch import Tensor, nn

from nurt.diagnostics.units.blocks import recurrent_blocks
from nurt.errors import NonFiniteError, NurtValueError, ShapeError
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Spectrum", "SpectrumHistory", "SpectrumObserver", "weight_spectrum"]

POWERS = 100


@dataclass(frozen=True, eq=False)
class Spectrum(Result):
    """The spectrum of a square matrix of recurrent weights.

    Args:
        name: of the matrix.
        eigenvalues: complex, (H,), the largest first.
        radius: ρ, the largest |λ|.
        norm: σ_max, the largest singular value.
        smallest: σ_min.
        condition: cond₂(V) of the unit eigenvectors, 1 for a normal matrix; about 1/rounding or ∞ where W has no basis
            of eigenvectors.
        departure: from normality, √(‖W‖_F² - Σ|λ|²), computed as the norm of the strictly upper part of the Schur form.
        log_envelope: ln ‖W^k‖₂ for k = 0 … 100, (101,); -∞ from where a power is exactly zero.
    """

    name: str
    eigenvalues: np.ndarray
    radius: float
    norm: float
    smallest: float
    condition: float
    departure: float
    log_envelope: np.ndarray

    @property
    def envelope(self) -> np.ndarray:
        """‖W^k‖₂ for k = 0 … 100; infinite where that leaves the range of float64."""
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(self.log_envelope))

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, eigenvalues as pairs of real and imaginary part."""
        pairs = [[float(one.real), float(one.imag)] for one in self.eigenvalues]
        others = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "eigenvalues"}
        return {"eigenvalues": pairs, **{name: _json(value) for name, value in others.items()}}

    def __str__(self) -> str:
        peak = int(self.log_envelope.argmax())
        told = (
            f"{self.name}: spectral radius {self.radius:.4g}, largest singular value {self.norm:.4g}, "
            f"departure from normality {self.departure:.4g}, cond(V) {self.condition:.3g}"
        )
        if self.radius < 1 and peak > 0:
            told += f"; powers grow to {self.envelope[peak]:.4g} at k = {peak} before they decay"
        return told

    def plot(self) -> go.Figure:
        """Draw the envelope ‖W^k‖₂ beside ρ^k."""
        from nurt import plotting

        figure = plotting.new_figure(f"Powers of {self.name}", "power k", "log₁₀")
        k = np.arange(len(self.log_envelope))
        finite = np.where(np.isfinite(self.log_envelope), self.log_envelope, np.nan) / np.log(10)
        figure.add_scatter(x=k, y=finite, name="‖W<sup>k</sup>‖₂", line={"color": plotting.MODEL})
        if self.radius > 0:
            line = {"color": plotting.REFERENCE, "dash": "dot"}
            figure.add_scatter(x=k, y=k * np.log10(self.radius), name="ρ<sup>k</sup>", line=line)
        return figure

    def plot_eigenvalues(self) -> go.Figure:
        """Draw the eigenvalues in the complex plane with the unit circle."""
        from nurt import plotting

        figure = plotting.new_figure(f"Eigenvalues of {self.name}", "real part", "imaginary part")
        turn = np.linspace(0, 2 * np.pi, 181)
        circle = {"color": plotting.REFERENCE, "width": 1}
        figure.add_scatter(x=np.cos(turn), y=np.sin(turn), name="unit circle", mode="lines", line=circle)
        figure.add_scatter(
            x=self.eigenvalues.real, y=self.eigenvalues.imag, name="λ", mode="markers",
            marker={"color": plotting.MODEL, "size": 8},
        )  # fmt: skip
        figure.update_yaxes(scaleanchor="x")
        figure.update_layout(hovermode="closest")
        return figure


def weight_spectrum(weight: Tensor | np.ndarray, name: str = "W") -> Spectrum:
    """Return eigenvalues, singular values, departure from normality and powers of a square matrix.

    Args:
        weight: (H, H), real.
        name: for print and titles.

    Raises:
        ShapeError: not square.
        NonFiniteError: NaN or infinity inside.

    Example:
        >>> print(weight_spectrum(np.array([[0.9, 5.0], [0.0, 0.9]])))
        W: spectral radius 0.9, largest singular value 5.157, departure from normality 5, cond(V) 5e+16; powers grow
        to 19.38 at k = 9 before they decay
    """
    matrix = _checked(weight, name)
    values, vectors = np.linalg.eig(matrix)
    order = np.argsort(-np.abs(values), kind="stable")
    singular = np.linalg.svd(matrix, compute_uv=False)
    upper = linalg.schur(matrix, output="complex")[0]
    return Spectrum(
        name,
        values[order].astype(np.complex128),
        float(np.abs(values).max()),
        float(singular[0]),
        float(singular[-1]),
        _condition(vectors),
        float(np.linalg.norm(np.triu(upper, 1))),
        _log_envelope(matrix),
    )


def _checked(weight: Tensor | np.ndarray, name: str) -> np.ndarray:
    values = weight.detach().cpu().numpy() if isinstance(weight, torch.Tensor) else weight
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ShapeError(f"weight_spectrum: `{name}` is not square.", expected="(H, H)", got=str(matrix.shape))
    if not np.isfinite(matrix).all():
        raise NonFiniteError(
            f"weight_spectrum: `{name}` is not finite.", expected="finite numbers", got="NaN or infinity"
        )
    return matrix


def _condition(vectors: np.ndarray) -> float:
    singular = np.linalg.svd(vectors, compute_uv=False)
    return float(singular[0] / singular[-1]) if singular[-1] > 0 else float("inf")


def _log_envelope(matrix: np.ndarray) -> np.ndarray:
    """Return ln ‖W^k‖₂, every power scaled to norm 1 before the next."""
    logs = np.zeros(POWERS + 1)
    power = np.eye(len(matrix))
    scale = 0.0
    for k in range(1, POWERS + 1):
        power = matrix @ power
        norm = np.linalg.norm(power, 2)
        if norm == 0:
            logs[k:] = -np.inf
            break
        power /= norm
        scale += np.log(norm)
        logs[k] = scale
    return logs


def _json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_json(float(one)) for one in value]
    return value if not isinstance(value, float) or np.isfinite(value) else None


@dataclass(frozen=True, eq=False)
class SpectrumHistory(Result):
    """How the spectrum of one matrix went while it was trained.

    Args:
        name: of the matrix.
        updates: when each snapshot was taken, (S,).
        radius: ρ, (S,).
        norm: σ_max, (S,).
        departure: from normality, (S,).
        peak: ln of the largest ‖W^k‖₂ over k = 0 … 100, (S,).
    """

    name: str
    updates: np.ndarray
    radius: np.ndarray
    norm: np.ndarray
    departure: np.ndarray
    peak: np.ndarray

    @classmethod
    def of(
        cls, name: str, weights: Iterable[Tensor | np.ndarray], updates: Sequence[int] | None = None
    ) -> SpectrumHistory:
        """Return the history of a sequence of matrices.

        Args:
            name: of the matrix.
            weights: (H, H) each.
            updates: when each was taken; None for 0, 1, 2, …

        Raises:
            NurtValueError: another number of updates than of matrices.
            ShapeError, NonFiniteError: as for :func:`weight_spectrum`.

        Example:
            >>> SpectrumHistory.of("W_hh", [0.5 * torch.eye(2), 0.75 * torch.eye(2)]).radius
            array([0.5 , 0.75])
        """
        found = [weight_spectrum(weight, name) for weight in weights]
        taken = list(range(len(found))) if updates is None else list(updates)
        if len(taken) != len(found):
            raise NurtValueError(
                "SpectrumHistory: one update per matrix.", expected=f"{len(found)} updates", got=str(len(taken))
            )
        columns = [[getattr(one, field) for one in found] for field in ("radius", "norm", "departure")]
        peaks = [one.log_envelope.max() for one in found]
        return cls(name, np.array(taken, dtype=np.int64), *(np.array(one, dtype=float) for one in (*columns, peaks)))

    def __str__(self) -> str:
        if not len(self.updates):
            return f"{self.name}: no snapshot"
        return (
            f"{self.name}: spectral radius {self.radius[0]:.4g} → {self.radius[-1]:.4g}, largest singular value "
            f"{self.norm[0]:.4g} → {self.norm[-1]:.4g}, departure from normality {self.departure[0]:.4g} → "
            f"{self.departure[-1]:.4g} over {len(self.updates)} snapshots"
        )

    def plot(self) -> go.Figure:
        """Draw radius, norm and departure against the updates."""
        from nurt import plotting

        figure = plotting.new_figure(f"Spectrum of {self.name} in training", "update", "value")
        curves = (("ρ", self.radius), ("σ_max", self.norm), ("departure from normality", self.departure))
        for (name, values), dash in zip(curves, ("solid", "dash", "dot"), strict=True):
            figure.add_scatter(x=self.updates, y=values, name=name, line={"dash": dash})
        return figure


class SpectrumObserver:
    """Takes a snapshot of all recurrent weights whenever it is called, and tells the history afterwards.

    It knows nothing of how a model is trained: call it from any loop, or from a listener.

    Args:
        model: holds recurrent layers.

    Raises:
        NurtTypeError: nothing recurrent inside.

    Example:
        >>> model = RNN(3, 5)
        >>> observer = SpectrumObserver(model)
        >>> for update in range(3):
        ...     observer(update)
        >>> [len(history.updates) for history in observer.histories()]
        [3]
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._names = [block.name for block in recurrent_blocks(model)]
        self._updates: list[int] = []
        self._weights: list[list[Tensor]] = [[] for _ in self._names]

    def __call__(self, update: int) -> None:
        """Take a snapshot at ``update``, a copy of the weights.

        Raises:
            NonFiniteError: a weight is NaN or infinite by now.
        """
        blocks = recurrent_blocks(self._model)
        self._updates.append(update)
        for kept, block in zip(self._weights, blocks, strict=True):
            kept.append(block.weight)

    def histories(self) -> tuple[SpectrumHistory, ...]:
        """Return one history per layer, direction and gate."""
        return tuple(
            SpectrumHistory.of(name, weights, self._updates)
            for name, weights in zip(self._names, self._weights, strict=True)
        )
