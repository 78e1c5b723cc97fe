"""A loss summed over the steps: its gradient taken apart by the step of the loss and the step of the weights' use."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

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

    from nurt.nn import AbstractCell

__all__ = ["EXPERIMENT", "LossOverTimeResult", "LossOverTimeSettings", "rate_of"]

ROUNDING = 1e-12
# How far from 1 the factor per step of lag counts as none.
STEADY = 0.05


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
        answers: Tensor = readout(outputs)[..., 0]
        return counted * 0.5 * (answers - targets).square().mean(dim=0)

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
        verdict=_verdict(settings, off, np.linalg.norm(by_state, axis=(2, 3))),
        score=Measure(
            Text("summed parts and back-propagation", "suma części i propagacja wsteczna"), max(off.values())
        ),
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


def _by_state(cell: AbstractCell[Any], inputs: Tensor, losses_of: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Return ∂ℓ_t/∂h_s by autograd through the cell's steps, (T, T, B, H), axis 0 the state, axis 1 the loss."""
    import torch

    state, states = cell.initial_state(len(inputs)), []
    for step in range(inputs.shape[1]):
        state = cell.step(inputs[:, step], state)
        states.append(state.hidden)
    found = [
        torch.autograd.grad(loss, states, retain_graph=True, allow_unused=True, materialize_grads=True)
        for loss in losses_of(torch.stack(states, dim=1))
    ]
    return np.stack([torch.stack(one).numpy() for one in found], axis=1)


def _total_by_state(cell: AbstractCell[Any], inputs: Tensor, losses_of: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Return ∂L/∂h_s as the layer's own backward pass records it, (T, B, H)."""
    import torch

    from nurt.kernels import recording
    from nurt.nn import Recurrent

    with recording() as records:
        outputs, _ = Recurrent(cell)(inputs)
        torch.autograd.grad(losses_of(outputs).sum(), list(cell.parameters()))
    total = records[0].grad_hidden
    assert total is not None
    return np.asarray(total.transpose(0, 1).numpy())


def _apart(parts: np.ndarray, whole: np.ndarray) -> float:
    """Return the largest difference relative to the largest value; 0 where both are 0 throughout."""
    return float(np.abs(parts - whole).max() / max(np.abs(whole).max(), np.finfo(np.float64).tiny))


def rate_of(states: np.ndarray) -> float:
    """Return the factor per step by which ‖∂ℓ_t/∂h_s‖ changes with the lag t - s, from its mean over t; (T, T).

    NaN where there are not two lags to compare.
    """
    lags = _lags(states)
    if len(lags) < 2:
        return math.nan
    means = [float(np.mean(np.diagonal(states, lag)[np.diagonal(states, lag) > 0.0])) for lag in lags]
    return float(np.exp(np.polyfit(lags, np.log(means), 1)[0]))


def _lags(states: np.ndarray) -> list[int]:
    return [lag for lag in range(len(states)) if np.any(np.diagonal(states, lag) > 0.0)]


def _verdict(settings: LossOverTimeSettings, off: dict[str, float], states: np.ndarray) -> Verdict[Text]:
    worst = max(off.values())
    count = settings.steps * (settings.steps + 1) // 2 if settings.counted == "every" else settings.steps
    if worst <= ROUNDING:
        sums = Text(
            "The {n} parts of ∂L/∂W_hh, one for each pair of use and loss, add up to the gradient, and the parts of "
            "∂L/∂h_t from all later losses add up to the total: largest relative difference {off}.",
            "Części ∂L/∂W_hh (jest ich {n}, po jednej na parę użycia i straty) sumują się do gradientu, a części "
            "∂L/∂h_t ze wszystkich późniejszych strat do całości: największa różnica względna {off}.",
        )
    else:
        sums = Text(
            "The {n} parts do not add up to the gradient: largest relative difference {off}.",
            "Części ({n}) nie sumują się do gradientu: największa różnica względna {off}.",
        )
    standing = Standing.REACHED if worst <= ROUNDING else Standing.MISSED
    rate, parts = rate_of(states), [sums.filled(n=count, off=to_digits(worst, 2))]
    return Verdict(standing, joined(*parts, *([] if math.isnan(rate) else [_told(rate)])))


def _told(rate: float) -> Text:
    """Return whether parts over longer lags are smaller, larger, or neither."""
    if rate < 1.0 - STEADY:
        words = Text(
            "With every step of lag ‖∂ℓ_t/∂h_s‖ is {rate} times as large: early states hardly count for late losses.",
            "Z każdym krokiem odstępu ‖∂ℓ_t/∂h_s‖ zmienia się {rate} razy: wczesne stany mało znaczą dla późnych "
            "strat.",
        )
    elif rate > 1.0 + STEADY:
        words = Text(
            "With every step of lag ‖∂ℓ_t/∂h_s‖ is {rate} times as large: early states dominate.",
            "Z każdym krokiem odstępu ‖∂ℓ_t/∂h_s‖ zmienia się {rate} razy: przeważają wczesne stany.",
        )
    else:
        words = Text(
            "With every step of lag ‖∂ℓ_t/∂h_s‖ is {rate} times as large: all lags count about equally.",
            "Z każdym krokiem odstępu ‖∂ℓ_t/∂h_s‖ zmienia się {rate} razy: wszystkie odstępy znaczą mniej więcej tyle "
            "samo.",
        )
    return words.filled(rate=to_digits(rate))


def _steps(result: LossOverTimeResult) -> ResultTable:
    rows = zip(result.losses, result.by_loss, result.by_use, result.totals, strict=True)
    return ResultTable(
        caption=Text("Step by step", "Krok po kroku"),
        columns=(
            Text("step t", "krok t"),
            Text("loss ℓ_t", "strata ℓ_t"),
            Text("‖∂ℓ_t/∂W_hh‖, all uses", "‖∂ℓ_t/∂W_hh‖, wszystkie użycia"),
            Text("part of the use at t, all losses", "część z użycia w t, wszystkie straty"),
            Text("‖∂L/∂h_t‖, all later losses", "‖∂L/∂h_t‖, wszystkie późniejsze straty"),
        ),
        rows=tuple((step, *map(float, row)) for step, row in enumerate(rows, 1)),
        note=Text(
            "L = Σ ℓ_t. Norms do not add up, the parts do: their sum has the norm {norm}.",
            "L = Σ ℓ_t. Normy się nie sumują, części tak: ich suma ma normę {norm}.",
        ).filled(norm=to_digits(result.norm)),
        significant=4,
    )


def _map(values: np.ndarray, colours: str, rows: Text, columns: Text, language: Language) -> go.Figure:
    figure = plotting.new_figure("", columns[language], rows[language])
    plotting.add_log_map(figure, values, colours, np.arange(1, len(values) + 1))
    return figure


def _uses(result: LossOverTimeResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        rows, columns = Text("use of W<sub>hh</sub> at s", "użycie W<sub>hh</sub> w s"), Text("loss at t", "strata w t")
        return _map(result.uses, "log₁₀ ‖G[s, t]‖", rows, columns, language)

    return Figure(
        Text("Parts of the gradient of the weights", "Części gradientu wag"),
        Text(
            "One cell per pair: the loss at t reaches the weights as they were used at s ≤ t. A column added up is the "
            "gradient of one loss, a row the contribution of one use, everything the gradient. The first row is "
            "empty: the state before step 1 is 0.",
            "Jedno pole na parę: strata w t dociera do wag użytych w s ≤ t. Suma kolumny to gradient jednej straty, "
            "suma wiersza to wkład jednego użycia, wszystko razem to gradient. Pierwszy wiersz jest pusty: stan "
            "przed krokiem 1 wynosi 0.",
        ),
        draw,
        420,
    )


def _states(result: LossOverTimeResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        rows, columns = Text("state h at s", "stan h w s"), Text("loss at t", "strata w t")
        return _map(result.states, "log₁₀ ‖∂ℓ<sub>t</sub>/∂h<sub>s</sub>‖", rows, columns, language)

    return Figure(
        Text("Gradient of a state from all later losses", "Gradient stanu ze wszystkich późniejszych strat"),
        Text(
            "Row s added up is ∂L/∂h_s = ∂ℓ_s/∂h_s + ∂ℓ_(s+1)/∂h_s + …: a state answers for every later loss, so the "
            "parts are added, whatever their signs.",
            "Suma wiersza s to ∂L/∂h_s = ∂ℓ_s/∂h_s + ∂ℓ_(s+1)/∂h_s + …: stan odpowiada za każdą późniejszą stratę, "
            "więc części się sumuje, niezależnie od znaków.",
        ),
        draw,
        420,
    )


def _by_step(result: LossOverTimeResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        names = (
            Text("loss ℓ<sub>t</sub>", "strata ℓ<sub>t</sub>"),
            Text("‖∂ℓ<sub>t</sub>/∂W‖", "‖∂ℓ<sub>t</sub>/∂W‖"),
            Text("‖∂L/∂h<sub>t</sub>‖", "‖∂L/∂h<sub>t</sub>‖"),
        )
        values = (result.losses, result.by_loss, result.totals)
        curves = [(name[language], one) for name, one in zip(names, values, strict=True)]
        steps = np.arange(1, len(result.losses) + 1)
        return drawing.lines(steps, curves, drawing.STEP[language], Text("value", "wartość")[language])

    return Figure(
        Text("Losses and gradients by step", "Straty i gradienty według kroku"),
        Text(
            "Each step has a loss and a gradient of its own; the last state answers for one loss, the first for all.",
            "Każdy krok ma własną stratę i własny gradient; ostatni stan odpowiada za jedną stratę, pierwszy za "
            "wszystkie.",
        )
        if result.settings.counted == "every"
        else Text(
            "Only the last step has a loss; the gradients of all earlier states come from it.",
            "Stratę ma tylko ostatni krok; z niej pochodzą gradienty wszystkich wcześniejszych stanów.",
        ),
        draw,
        340,
    )


EXPERIMENT = Experiment(
    id="loss-over-time",
    name=Text("A loss at every step", "Strata w każdym kroku"),
    description=Text(
        "A network that answers at every step has a loss at every step, and L = Σ ℓ_t. The same weights are used at "
        "all steps, so ∂L/∂W is a sum over pairs: the loss at t, the use at s ≤ t. And ∂L/∂h_t is the sum of what "
        "comes back from the loss at t and from all later ones. Here every part is computed by itself, and the sums "
        "are compared with back-propagation.",
        "Sieć, która odpowiada w każdym kroku, ma stratę w każdym kroku, a L = Σ ℓ_t. Te same wagi są używane we "
        "wszystkich krokach, więc ∂L/∂W to suma po parach: strata w t, użycie w s ≤ t. A ∂L/∂h_t to suma tego, co "
        "wraca ze straty w t i ze wszystkich późniejszych. Tutaj każda część jest liczona osobno, a sumy są porównane "
        "z propagacją wsteczną.",
    ),
    how_to_read=Text(
        "Pick a column of the first map and add it up in your mind, then a row. Far from the diagonal lie the long "
        "lags.",
        "Wybierz kolumnę pierwszej mapy i zsumuj ją w myśli, potem wiersz. Daleko od przekątnej leżą długie odstępy.",
    ),
    expected_seconds=0.1,
    presets={
        "default": Preset(Text("12 steps, gain 0.8", "12 kroków, wzmocnienie 0,8"), LossOverTimeSettings()),
        "last": Preset(
            Text("Loss at the last step alone", "Strata tylko w ostatnim kroku"), LossOverTimeSettings(counted="last")
        ),
        "vanishing": Preset(Text("Gain 0.4", "Wzmocnienie 0,4"), LossOverTimeSettings(gain=0.4)),
        "large-weights": Preset(
            Text("Gain 3: the units saturate", "Wzmocnienie 3: jednostki się nasycają"), LossOverTimeSettings(gain=3.0)
        ),
    },
    compute=compute,
    against=AGAINST_REFERENCE,
    exercises=(
        Exercise(
            Text(
                "Training code adds the losses of all steps and calls backward once. Why not once per step?",
                "Kod uczący dodaje straty wszystkich kroków i raz woła backward. Dlaczego nie raz na krok?",
            ),
            Text(
                "The gradient is the same, because a derivative of a sum is the sum of derivatives. But one pass "
                "carries all later losses back together, T steps of work instead of T(T + 1)/2.",
                "Gradient jest ten sam, bo pochodna sumy to suma pochodnych. Jedno przejście niesie jednak wszystkie "
                "późniejsze straty razem: T kroków pracy zamiast T(T + 1)/2.",
            ),
        ),
        Exercise(
            Text(
                "A library divides L by T, another does not. What changes?",
                "Jedna biblioteka dzieli L przez T, inna nie. Co się zmienia?",
            ),
            Text(
                "All gradients by the same factor T. With plain gradient descent that is another learning rate, and a "
                "clipping threshold means something else; Adam hardly notices.",
                "Wszystkie gradienty o ten sam czynnik T. Przy zwykłym spadku gradientu to inny współczynnik uczenia, "
                "a próg obcinania znaczy co innego; Adam prawie tego nie zauważa.",
            ),
        ),
    ),
)
