"""A loss summed over the steps: its gradient taken apart by the step of the loss and the step of the weights' use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.base import AGAINST_REFERENCE, Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text, joined, to_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from torch import Tensor

__all__ = ["EXPERIMENT", "LossOverTimeResult", "LossOverTimeSettings"]

ROUNDING = 1e-12


@dataclass(frozen=True)
class LossOverTimeSettings(Settings):
    """Settings of the network and its loss.

    Args:
        seed: of weights, inputs and targets.
        steps: T.
        inputs: I.
        hidden: H.
        gain: of the recurrent weights, an orthogonal matrix times this.
        counted: whether every step has a loss, or the last one alone.
        batch: B.
    """

    steps: int = 12
    inputs: int = 3
    hidden: int = 6
    gain: float = 0.8
    counted: Literal["every", "last"] = "every"
    batch: int = 4


@dataclass(frozen=True, kw_only=True)
class LossOverTimeResult(ExperimentResult):
    """A gradient and its parts.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: largest relative difference between the summed parts and back-propagation.
        baselines: the rounding of double precision.
        updates: none.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        losses: ℓ_t, (T,).
        uses: ‖G[s, t]‖, the part of ∂L/∂W_hh from the use at step s and the loss at step t, (T, T).
        by_use: ‖Σ_t G[s, t]‖, (T,).
        by_loss: ‖Σ_s G[s, t]‖ = ‖∂ℓ_t/∂W_hh‖, (T,).
        norm: ‖∂L/∂W_hh‖.
        states: ‖∂ℓ_t/∂h_s‖, axis 0 the step s of the state, axis 1 that of the loss, (T, T).
        totals: ‖∂L/∂h_s‖ = ‖Σ_t ∂ℓ_t/∂h_s‖, (T,).
    """

    settings: LossOverTimeSettings
    losses: np.ndarray
    uses: np.ndarray
    by_use: np.ndarray
    by_loss: np.ndarray
    norm: float
    states: np.ndarray
    totals: np.ndarray

    def figures(self) -> tuple[Figure, ...]:
        """Return the parts of the weights' gradient, those of the states', and the losses."""
        return _uses(self), _states(self), _by_step(self)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return losses, parts and totals step by step."""
        return (_steps(self),)


def compute(settings: LossOverTimeSettings, progress: ReportProgress) -> LossOverTimeResult:
    """Take the gradient of a summed loss apart in two ways and add the parts up again."""
    import torch

    from nurt.diagnostics.gradient.contribution_map import contribution_matrix
    from nurt.diagnostics.look.passage import passage
    from nurt.nn import ElmanCell, Recurrent, init
    from nurt.training.process_state import private_generators

    progress(0.0, Text("taking the gradient apart", "rozkładanie gradientu"))
    with private_generators(settings.seed, ()):
        cell = ElmanCell(settings.inputs, settings.hidden, dtype=torch.float64)
        init.orthogonal_(cell, settings.gain)
        readout = torch.nn.Linear(settings.hidden, 1, dtype=torch.float64)
        inputs = torch.randn(settings.batch, settings.steps, settings.inputs, dtype=torch.float64)
        targets = torch.randn(settings.batch, settings.steps, dtype=torch.float64)
    counted = torch.ones(settings.steps, dtype=torch.float64)
    if settings.counted == "last":
        counted[:-1] = 0.0

    def losses_of(outputs: Tensor) -> Tensor:
        return counted * 0.5 * (readout(outputs)[..., 0] - targets).square().mean(dim=0)

    parts = contribution_matrix(passage(cell, inputs), losses_of, parameters=["weight_hh"], keep=True)
    assert parts.tensors is not None
    uses = parts.tensors["weight_hh"].numpy()
    outputs, _ = Recurrent(cell)(inputs)
    losses = losses_of(outputs)
    (gradient,) = torch.autograd.grad(losses.sum(), [cell.weight_hh])
    by_state = _by_state(cell, inputs, losses_of)
    totals = _total_by_state(cell, inputs, losses_of)
    off = {
        "weights": _apart(uses.sum(axis=(0, 1)), gradient.numpy()),
        "states": _apart(by_state.sum(axis=1), totals),
    }
    return LossOverTimeResult(
        settings=settings,
        verdict=_verdict(settings, off, np.linalg.norm(uses, axis=(2, 3))),
        score=Measure(Text("summed parts and back-propagation", "suma części i propagacja wsteczna"), max(off.values())),
        baselines=(
            Measure(
                Text("rounding of one operation", "zaokrąglenie jednego działania"), float(np.finfo(np.float64).eps)
            ),
        ),
        losses=losses.detach().numpy(),
        uses=np.linalg.norm(uses, axis=(2, 3)),
        by_use=np.linalg.norm(uses.sum(axis=1), axis=(1, 2)),
        by_loss=np.linalg.norm(uses.sum(axis=0), axis=(1, 2)),
        norm=float(np.linalg.norm(gradient.numpy())),
        states=np.linalg.norm(by_state, axis=(2, 3)),
        totals=np.linalg.norm(totals, axis=(1, 2)),
    )
