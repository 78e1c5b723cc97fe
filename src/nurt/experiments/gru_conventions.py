"""Two conventions of the GRU: the place of the reset, and the sense of the update gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt.experiments import drawing
from nurt.experiments.base import AGAINST_REFERENCE, Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["EXPERIMENT", "GRUConventionsResult", "GRUConventionsSettings", "slide_form"]

ROUNDING = 1e-12


@dataclass(frozen=True)
class GRUConventionsSettings(Settings):
    """Settings of the comparison.

    Args:
        seed: of weights and inputs.
        steps: T.
        inputs: I.
        hidden: sizes H that are compared.
    """

    steps: int = 20
    inputs: int = 3
    hidden: tuple[int, ...] = (1, 2, 4, 8, 16)


@dataclass(frozen=True, kw_only=True)
class GRUConventionsResult(ExperimentResult):
    """Differences between the forms of the unit.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: largest difference of states at the largest H, reset after against before.
        baselines: the same for the unit with the reset before the product.
        updates: none.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        after: largest difference of GRUCell from the form of the lectures, per H.
        before: the same of ResetBeforeGRUCell, per H.
        diagonal: difference of GRUCell at the largest H with a diagonal U.
        states: first unit at the largest H: lectures, reset before, reset after, (3, T).
        keep: keep factor of that unit, (T,).
    """

    settings: GRUConventionsSettings
    after: np.ndarray
    before: np.ndarray
    diagonal: float
    states: np.ndarray
    keep: np.ndarray

    def figures(self) -> tuple[Figure, ...]:
        """Return the states of one unit, and its keep factor."""
        return _states(self), _keep(self)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the differences per size."""
        rows = [
            (size, float(b), float(a)) for size, b, a in zip(self.settings.hidden, self.before, self.after, strict=True)
        ]
        caption = Text(
            "Largest difference from the form of the lectures", "Największa różnica względem postaci z wykładów"
        )
        columns = (
            Text("units H", "jednostki H"),
            Text("ResetBeforeGRUCell", "ResetBeforeGRUCell"),
            Text("GRUCell", "GRUCell"),
        )
        note = Text(
            "The rows of z are negated first. With a diagonal U the difference of GRUCell at H = {size} is {diagonal}.",
            "Wcześniej zmieniono znak wierszy z. Przy diagonalnym U różnica GRUCell dla H = {size} wynosi {diagonal}.",
        )
        filled = note.filled(size=self.settings.hidden[-1], diagonal=self.diagonal)
        return (ResultTable(caption, columns, tuple(rows), filled, significant=3),)


def slide_form(weights: dict[str, np.ndarray], inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return states and keep factors, both (T, H), of the unit of the lectures [chung2014empirical], from h = 0.

    z = σ(W_z x + U_z h′), r = σ(W_r x + U_r h′), h̃ = tanh(W x + U(r ⊙ h′)), h = (1 - z) ⊙ h′ + z ⊙ h̃.

    Args:
        weights: W_z, U_z, W_r, U_r, W and U by name.
        inputs: (T, I).
    """

    def logistic(value: np.ndarray) -> np.ndarray:
        return np.asarray(1.0 / (1.0 + np.exp(-value)))

    state = np.zeros(weights["U"].shape[0])
    states, keep = [], []
    for x in inputs:
        update = logistic(weights["W_z"] @ x + weights["U_z"] @ state)
        reset = logistic(weights["W_r"] @ x + weights["U_r"] @ state)
        candidate = np.tanh(weights["W"] @ x + weights["U"] @ (reset * state))
        state = (1.0 - update) * state + update * candidate
        states.append(state)
        keep.append(1.0 - update)
    return np.array(states), np.array(keep)


def _library_form(name: str, weights: dict[str, np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Return the states, (T, H), of a cell of nurt that holds the same weights with the rows of z negated."""
    import torch

    from nurt import nn

    hidden, size = weights["W"].shape
    cell = getattr(nn, name)(size, hidden, bias=False, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.from_numpy(np.concatenate([weights["W_r"], -weights["W_z"], weights["W"]])))
        cell.weight_hh.copy_(torch.from_numpy(np.concatenate([weights["U_r"], -weights["U_z"], weights["U"]])))
        outputs, _ = nn.unroll(cell, torch.from_numpy(inputs)[None])
    return np.asarray(outputs[0].numpy())


def compute(settings: GRUConventionsSettings, progress: ReportProgress) -> GRUConventionsResult:
    """Run the comparison."""
    stream = np.random.RandomState(settings.seed)
    inputs = stream.standard_normal((settings.steps, settings.inputs))
    after, before = [], []
    states, keep, weights = np.zeros((3, settings.steps)), np.zeros(settings.steps), {}
    for done, hidden in enumerate(settings.hidden):
        progress(done / len(settings.hidden), Text("comparing", "porównywanie"))
        shapes = {"W": (hidden, settings.inputs), "U": (hidden, hidden)}
        weights = {name: stream.standard_normal(shapes[name[0]]) for name in ("W_z", "U_z", "W_r", "U_r", "W", "U")}
        slides, kept = slide_form(weights, inputs)
        own_before = _library_form("ResetBeforeGRUCell", weights, inputs)
        own_after = _library_form("GRUCell", weights, inputs)
        before.append(np.abs(own_before - slides).max())
        after.append(np.abs(own_after - slides).max())
        states, keep = np.array([slides[:, 0], own_before[:, 0], own_after[:, 0]]), kept[:, 0]
    straight = {**weights, "U": np.diag(np.diag(weights["U"]))}
    diagonal = float(np.abs(_library_form("GRUCell", straight, inputs) - slide_form(straight, inputs)[0]).max())
    name = Text("largest difference at H = {size}, GRUCell", "największa różnica przy H = {size}, GRUCell")
    reference = Text("ResetBeforeGRUCell", "ResetBeforeGRUCell")
    return GRUConventionsResult(
        settings=settings,
        verdict=_verdict(settings, np.array(after), np.array(before), diagonal),
        score=Measure(name.filled(size=settings.hidden[-1]), float(after[-1])),
        baselines=(Measure(reference, float(before[-1])),),
        after=np.array(after),
        before=np.array(before),
        diagonal=diagonal,
        states=states,
        keep=keep,
    )


def _verdict(settings: GRUConventionsSettings, after: np.ndarray, before: np.ndarray, diagonal: float) -> Verdict[Text]:
    text = Text(
        "The sense of the update gate is a matter of signs: with the rows of z negated and the reset before the "
        "product the difference is {before}. The place of the reset is not: at H = {size} it changes the state by "
        "{after}.",
        "Zwrot bramki aktualizującej to kwestia znaków: po zmianie znaku wierszy z i z resetem przed iloczynem różnica "
        "wynosi {before}. Miejsce resetu nie jest kwestią znaków: przy H = {size} zmienia stan o {after}.",
    ).filled(before=float(before.max()), after=float(after[-1]), size=settings.hidden[-1])
    alike = before.max() < ROUNDING and diagonal < ROUNDING
    return Verdict(Standing.REACHED if alike else Standing.MISSED, text)


def _states(result: GRUConventionsResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        names = (
            Text("lectures", "wykłady"),
            Text("ResetBeforeGRUCell", "ResetBeforeGRUCell"),
            Text("GRUCell", "GRUCell"),
        )
        curves = [(name[language], states) for name, states in zip(names, result.states, strict=True)]
        title = Text("state of unit 1", "stan jednostki 1")
        return drawing.lines(np.arange(1, len(result.keep) + 1), curves, drawing.STEP[language], title[language])

    return Figure(
        Text("The same weights in three units", "Te same wagi w trzech jednostkach"),
        Text(
            "The first two curves coincide. The third resets after the product and differs, although its weights are "
            "the same.",
            "Dwie pierwsze krzywe się pokrywają. Trzecia resetuje po iloczynie i różni się od nich, choć ma te same "
            "wagi.",
        ),
        draw,
        340,
    )


def _keep(result: GRUConventionsResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        name = Text("keep factor", "współczynnik zachowania")[language]
        steps = np.arange(1, len(result.keep) + 1)
        figure = drawing.lines(steps, [(name, result.keep)], drawing.STEP[language], name)
        figure.update_yaxes(range=[0, 1])
        figure.update_layout(showlegend=False)
        return figure

    return Figure(
        Text("Keep factor of the old state", "Współczynnik zachowania starego stanu"),
        Text(
            "The weight of the old state: 1 − z in the lectures, z in torch, cuDNN and nurt. A plot of z alone is "
            "ambiguous unless it names the convention.",
            "Waga starego stanu: 1 − z na wykładach, z w bibliotekach torch, cuDNN i nurt. Wykres samego z jest "
            "niejednoznaczny, jeśli nie podaje konwencji.",
        ),
        draw,
        300,
    )


EXPERIMENT = Experiment(
    id="gru-conventions",
    name=Text("Two conventions of the GRU", "Dwie konwencje GRU"),
    description=Text(
        "Lectures and the first papers reset the state before it is multiplied, tanh(W x + U(r ⊙ h′)); torch and "
        "cuDNN reset after, tanh(W x + r ⊙ (U h′)). Lectures add (1 − z) of the old state, torch adds z. One "
        "difference is a change of signs, the other a different function. Here all forms have the same weights.",
        "Wykłady i pierwsze artykuły resetują stan przed mnożeniem, tanh(W x + U(r ⊙ h′)); torch i cuDNN po nim, "
        "tanh(W x + r ⊙ (U h′)). Wykłady dodają (1 − z) starego stanu, torch dodaje z. Jedna różnica to zmiana "
        "znaków, druga to inna funkcja. Tutaj wszystkie postaci mają te same wagi.",
    ),
    how_to_read=Text(
        "Compare the two columns of the table: rounding in one, a real difference in the other.",
        "Porównaj dwie kolumny tabeli: w jednej błędy zaokrągleń, w drugiej prawdziwa różnica.",
    ),
    expected_seconds=0.1,
    presets={
        "default": Preset(Text("20 steps, random weights", "20 kroków, losowe wagi"), GRUConventionsSettings()),
        "one-unit": Preset(
            Text("H = 1, both forms equal", "H = 1, obie postaci równe"), GRUConventionsSettings(hidden=(1,))
        ),
    },
    compute=compute,
    against=AGAINST_REFERENCE,
    exercises=(
        Exercise(
            Text(
                "For which U do both places of the reset give the same unit for all inputs?",
                "Dla jakich U oba miejsca resetu dają tę samą jednostkę dla wszystkich wejść?",
            ),
            Text(
                "For a diagonal one, since then U(r ⊙ h′) = r ⊙ (U h′). With H = 1 every U is diagonal.",
                "Dla diagonalnych, bo wtedy U(r ⊙ h′) = r ⊙ (U h′). Przy H = 1 każde U jest diagonalne.",
            ),
        ),
        Exercise(
            Text(
                "torch's GRU has two biases in its candidate. Can they be merged into one?",
                "GRU w torch ma dwa przesunięcia (bias) w kandydacie. Czy można je połączyć w jedno?",
            ),
            Text(
                "No: b_hn is inside the bracket that r multiplies, b_in is outside.",
                "Nie: b_hn jest w nawiasie, który mnoży r, a b_in poza nim.",
            ),
        ),
    ),
)
