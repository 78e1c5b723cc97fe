"""Least squares of every step on the window and on what is known of that step: running sums and block elimination.

Step k of the windows t = 1 … N is regressed on the inputs x_t (the window, past covariates), which all steps share,
and on features z_{t+k} of its own, a constant among them:

    y_{t+k} ≈ x_t'a_k + z_{t+k}'b_k

With G = Σ x x', C_k = Σ x_t z_{t+k}' and D_k = Σ z_{t+k} z_{t+k}' the inputs are eliminated once for all steps:

    (D_k - C_k'G⁺C_k) b_k = Σ z y - C_k'G⁺Σ x y        a_k = G⁺(Σ x y - C_k b_k)

Rows of C_k are products of the series with features a lag apart, so those of C_{k+1} are those of C_k shifted by one,
but for the ends of the series: a step costs O(N·K), not O(N·L·K). The target is carried along as one more feature, and
gives Σ x y and Σ z y. Generalised inverses leave out directions in which there is nothing but rounding, so that exact
laws, copies and constants have a solution, that of smallest norm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import linalg
from scipy.linalg import lapack

__all__ = ["Design", "Solution", "solve"]

# Numbers in one chunk of windows, 32 MiB: enough for fast matrix products, little beside the data.
CHUNK = 2**22
# Share of the windows that a block of steps may lose to missing targets of its other steps.
LOST = 0.05
# Reciprocal condition number above which no direction needs to be left out.
SOUND = 1e-10
# Share of a feature that the window does not explain, below which it counts as explained.
EXPLAINED = 1e-10
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Solution:
    """Weights in the units of the design.

    Args:
        weights: of the inputs, shape (I, F).
        ahead: of the features, shape (F, K).
        intercept: shape (F,).
        rank: of the inputs, the smallest over blocks of steps.
        windows: windows of each step, shape (F,); where there is none the weights are NaN.
    """

    weights: np.ndarray
    ahead: np.ndarray
    intercept: np.ndarray
    rank: int
    windows: np.ndarray


@dataclass(frozen=True)
class Design:
    """All training windows of all series, laid end to end.

    Args:
        scores: inputs without gaps, shape (T,).
        targets: shape (T,), NaN where missing.
        features: of every row, without gaps, shape (T, K).
        past: further inputs at the origin, without gaps, shape (T, P).
        first, last: first and last origin of each run of rows that holds a window, shape (S,).
        look_back: L.
        horizon: F.
        anchored: whether the last value of the window is subtracted from its inputs and targets.
    """

    scores: np.ndarray
    targets: np.ndarray
    features: np.ndarray
    past: np.ndarray
    first: np.ndarray
    last: np.ndarray
    look_back: int
    horizon: int
    anchored: bool

    def origins(self) -> np.ndarray:
        """Return the origin of every window, shape (N,)."""
        counts = self.last - self.first + 1
        begins = np.repeat(self.first - (np.cumsum(counts) - counts), counts)
        found: np.ndarray = begins + np.arange(int(counts.sum()))
        return found

    def inputs(self, origins: np.ndarray) -> np.ndarray:
        """Return inputs as they are, not anchored, shape (N, L + P)."""
        windows = sliding_window_view(self.scores, self.look_back)[origins - self.look_back + 1]
        return np.concatenate([windows, self.past[origins]], axis=1) if self.past.shape[1] else windows

    def chunks(self, origins: np.ndarray) -> Iterator[np.ndarray]:
        """Yield origins, so many that their windows fit into memory."""
        rows = max(1, CHUNK // (self.look_back + self.past.shape[1] + self.features.shape[1]))
        for begin in range(0, len(origins), rows):
            yield origins[begin : begin + rows]

    def from_last(self, sums: np.ndarray) -> np.ndarray:
        """Return the sums of anchored inputs, from those of inputs as they are; along the first axis."""
        if not self.anchored:
            return sums
        window, last = sums[: self.look_back - 1], sums[self.look_back - 1]
        return np.concatenate([window - last, sums[self.look_back :]])

    def missing_before(self) -> np.ndarray:
        """Return how many targets are missing before every row, shape (T + 1,)."""
        return np.concatenate(([0], np.cumsum(np.isnan(self.targets))))


def solve(design: Design, ridge: float) -> Solution:
    """Return the least-squares solution of every step.

    A window leaves the equations of a step where its target is missing. Neighbouring steps share their windows, and so
    the matrix of their inputs, in blocks that are halved until at most a twentieth of the windows is lost by that.

    Args:
        design: the windows.
        ridge: penalty of the squared weights, counted in windows: as if so many more had been seen whose inputs have
            the usual size, independent of each other, and whose targets are 0. 0 for none.
    """
    origins = design.origins()
    wide = design.look_back - design.anchored + design.past.shape[1]
    known = design.features.shape[1]
    weights = np.full((wide, design.horizon), np.nan)
    ahead = np.full((design.horizon, known + 1), np.nan)
    windows = np.zeros(design.horizon, dtype=np.int64)
    rank = wide
    if len(origins):
        # The constant and the target, 0 where missing, follow the features.
        rows = np.column_stack([design.features, np.ones(len(design.targets)), np.nan_to_num(design.targets, nan=0.0)])
        every = _Gram.over(design, origins)
        products = _products(design, origins, rows)
        missing = design.missing_before()
        for block in _blocks(design, origins, missing, 0, design.horizon):
            out = missing[origins + 1 + block.stop] > missing[origins + 1 + block.start]
            # The fewer windows are summed: those that stay, or those that leave.
            leaves = 2 * int(out.sum()) <= len(origins)
            part = origins[out] if leaves else origins[~out]
            gram = every.without(_Gram.over(design, part)) if leaves else _Gram.over(design, part)
            windows[block] = gram.windows
            whitening = _whitening(gram, ridge)
            rank = min(rank, whitening.shape[1])
            for step in range(block.start, block.stop):
                cross, inner = next(products)
                own_cross, own_inner = _summed(design, part, rows, step + 1)
                if leaves:
                    own_cross, own_inner = cross - own_cross, inner - own_inner
                if gram.windows:
                    found = _eliminated(design, gram, whitening, own_cross, own_inner, ridge)
                    weights[:, step], ahead[step] = found
    return Solution(weights, ahead[:, :-1], ahead[:, -1], rank if windows.any() else 0, windows)


def _blocks(design: Design, origins: np.ndarray, missing: np.ndarray, start: int, stop: int) -> Iterator[slice]:
    """Yield blocks of steps that lose few windows to each other's missing targets."""
    lost = np.count_nonzero(missing[origins + 1 + stop] > missing[origins + 1 + start])
    single = 0.0
    if lost > LOST * len(origins) and stop - start > 1:
        alone = missing[origins + 1 + stop] - missing[origins + 1 + start]
        single = float(alone.sum()) / (stop - start)
    if stop - start == 1 or lost - single <= LOST * len(origins):
        yield slice(start, stop)
        return
    middle = (start + stop) // 2
    yield from _blocks(design, origins, missing, start, middle)
    yield from _blocks(design, origins, missing, middle, stop)


@dataclass(frozen=True)
class _Gram:
    """Sums over windows: Σ x x' of the inputs, anchored where they are, (I, I), and Σ x·(last value), (I,)."""

    windows: int
    inputs: np.ndarray
    anchor: np.ndarray

    @classmethod
    def over(cls, design: Design, origins: np.ndarray) -> _Gram:
        wide = design.look_back - design.anchored + design.past.shape[1]
        inputs, anchor = np.zeros((wide, wide)), np.zeros(wide)
        for chunk in design.chunks(origins):
            given = design.inputs(chunk)
            if design.anchored:
                last = given[:, design.look_back - 1]
                window = given[:, : design.look_back - 1] - last[:, None]
                given = np.concatenate([window, given[:, design.look_back :]], axis=1)
                anchor += given.T @ last
            inputs += given.T @ given
        return cls(len(origins), inputs, anchor)

    def without(self, other: _Gram) -> _Gram:
        return _Gram(self.windows - other.windows, self.inputs - other.inputs, self.anchor - other.anchor)


def _summed(design: Design, origins: np.ndarray, rows: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Σ x z' and Σ z z' of one step over windows, (L + P, J) and (J, J)."""
    cross, inner = np.zeros((design.look_back + design.past.shape[1], rows.shape[1])), np.zeros((rows.shape[1],) * 2)
    for chunk in design.chunks(origins):
        own = rows[chunk + step]
        cross += design.inputs(chunk).T @ own
        inner += own.T @ own
    return cross, inner


def _products(design: Design, origins: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield Σ x z' and Σ z z' over all windows for steps 1 … F, each from that of the step before."""
    look_back, first, last = design.look_back, design.first, design.last
    cross, inner = _summed(design, origins, rows, 1)
    yield cross, inner
    views = sliding_window_view(design.scores, look_back)
    # Seen from the next step, each window is the one before it: one window enters at the end of a run, one leaves.
    entering, leaving = views[last - look_back + 1][:, 1:], views[first - look_back + 1][:, :-1]
    # What no shift gives, by origin, 0 where there is none: the oldest value of the window, and the past covariates.
    direct = np.zeros((len(rows), 1 + design.past.shape[1]))
    direct[origins, 0] = design.scores[origins - look_back + 1]
    direct[origins, 1:] = design.past[origins]
    for step in range(2, design.horizon + 1):
        entered, left = rows[last + step], rows[first - 1 + step]
        added = direct[:-step].T @ rows[step:]
        shifted = cross[: look_back - 1] + entering.T @ entered - leaving.T @ left
        cross = np.concatenate([added[:1], shifted, added[1:]])
        inner = inner + entered.T @ entered - left.T @ left
        yield cross, inner


def _whitening(gram: _Gram, ridge: float) -> np.ndarray:
    """Return W (I, r) with W W' a generalised inverse of the mean matrix of the inputs, a ridge added."""
    size = len(gram.inputs)
    if not gram.windows or not size:
        return np.zeros((size, 0))
    matrix = gram.inputs / gram.windows
    # Sums are exact to their rounding: what varies less is no direction.
    noise = size * (10 + np.sqrt(gram.windows)) * _EPS * float(matrix.diagonal().max())
    if ridge:
        matrix = matrix + ridge / gram.windows * float(np.trace(matrix)) / size * np.eye(size)
    factor, info = lapack.dpotrf(matrix, lower=1)
    if info == 0:
        condition, _ = lapack.dpocon(factor, float(np.abs(matrix).sum(axis=0).max()), uplo="L")
        if condition > SOUND:
            inverse: np.ndarray = linalg.solve_triangular(factor, np.eye(size), lower=True)
            return np.ascontiguousarray(inverse.T)
    values, vectors = linalg.eigh(matrix)
    kept = values > noise
    whitening: np.ndarray = vectors[:, kept] / np.sqrt(values[kept])
    return whitening


def _eliminated(
    design: Design, gram: _Gram, whitening: np.ndarray, cross: np.ndarray, inner: np.ndarray, ridge: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of the inputs (I,) and those of features and constant (K + 1,) for one step."""
    products = design.from_last(cross)
    of_target, target = products[:, -1], inner[:-1, -1]
    if design.anchored:
        of_target, target = of_target - gram.anchor, target - cross[design.look_back - 1, :-1]
    shared = whitening.T @ products[:, :-1] / gram.windows
    reached = whitening.T @ of_target / gram.windows
    matrix = inner[:-1, :-1] / gram.windows
    # The constant is free; the features have a mean square of about 1.
    matrix = matrix - shared.T @ shared + ridge / gram.windows * np.diag(np.append(np.ones(len(matrix) - 1), 0.0))
    values, vectors = np.linalg.eigh(matrix)
    kept = values > EXPLAINED
    right = target / gram.windows - shared.T @ reached
    own = vectors[:, kept] @ ((vectors[:, kept].T @ right) / values[kept])
    return whitening @ (reached - shared @ own), own
