"""The numbers of the cliff in rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt.descent import SGD, descend
from nurt.experiments.results import Table
from nurt.experiments.surface import ridge
from nurt.wording import Text

if TYPE_CHECKING:
    from nurt.experiments.surface.cliff import CliffResult

__all__ = ["tables"]

RIDGE_WEIGHTS = (2.0, 4.5, 5.0, 5.5, 6.0, 7.0)


def tables(result: CliffResult) -> tuple[Table, ...]:
    """Return the ridge, the searches and the steps."""
    return _ridge(), _searches(result), _steps(result)


def _ridge() -> Table:
    rows = []
    for weight in RIDGE_WEIGHTS:
        exact = ridge.ridge_gradient(weight)
        through = ridge.slope(weight, ridge.ridge_bias(weight))
        off = float(f"{abs(through.bias / exact[1] - 1.0):.1e}")
        norm = float(np.linalg.norm(exact))
        rows.append((weight, ridge.ridge_bias(weight), ridge.multiplier(weight), float(exact[1]), norm, off))
    names = ("w", "b*", "m", "∂ℓ/∂b", "‖∇ℓ‖")
    return Table(
        caption=Text("On the ridge, in closed form", "Na grani, ze wzoru"),
        columns=(*(Text(name, name) for name in names), Text("off", "błąd")),
        rows=tuple(rows),
        note=Text(
            "The last column is the relative difference between the gradient carried through all 50 steps in double "
            "precision and the closed form. On the ridge the loss is 0.0060126 for every w.",
            "Ostatnia kolumna to względna różnica między gradientem przeniesionym przez wszystkie 50 kroków w "
            "podwójnej precyzji a wzorem. Na grani strata wynosi 0,0060126 dla każdego w.",
        ),
        significant=7,
    )


def _searches(result: CliffResult) -> Table:
    return Table(
        caption=Text("What a search finds", "Co znajduje przeszukiwanie"),
        columns=(
            Text("finest cell in b", "najmniejsza komórka w b"),
            Text("largest ‖∇ℓ‖", "największe ‖∇ℓ‖"),
            Text("at w", "przy w"),
            Text("at b", "przy b"),
        ),
        rows=tuple((one.cell, one.largest, one.weight, one.bias) for one in result.searches),
        note=Text(
            "The first row is the grid. Below it the cells in which h_50 jumps are halved again and again.",
            "Pierwszy wiersz to siatka. Niżej komórki, w których h_50 skacze, są wielokrotnie dzielone na pół.",
        ),
        significant=6,
    )


def _steps(result: CliffResult) -> Table:
    settings = result.settings
    start = np.array([settings.weight, result.bias])
    slope = np.array([float(result.slope.weight), float(result.slope.bias)])
    rules = {
        Text("plain", "zwykły"): SGD(settings.learning_rate),
        Text("clipped", "z obcinaniem"): SGD(settings.learning_rate, settings.clip_norm),
    }
    rows = []
    for name, rule in rules.items():
        end = descend(rule, start, lambda _: slope, 1).end
        rows.append((name, float(np.linalg.norm(end - start)), float(end[0]), float(end[1])))
    return Table(
        caption=Text("One step of gradient descent from this point", "Jeden krok spadku gradientu z tego punktu"),
        columns=(
            Text("step", "krok"),
            Text("distance", "przesunięcie"),
            Text("w after", "w po kroku"),
            Text("b after", "b po kroku"),
        ),
        rows=tuple(rows),
        note=Text(
            "Learning rate {rate}, clipped to norm {norm}.",
            "Współczynnik uczenia {rate}, obcinanie do normy {norm}.",
        ).filled(rate=settings.learning_rate, norm=settings.clip_norm),
        significant=6,
    )
