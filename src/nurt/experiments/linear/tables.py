"""The numbers of a linear experiment in rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt.experiments import drawing
from nurt.experiments.linear import points
from nurt.experiments.results import Table
from nurt.wording import Text

if TYPE_CHECKING:
    from nurt.experiments.linear.study import LinearResult

__all__ = ["tables"]

KINDS = {"minimum": Text("minimum", "minimum"), "saddle": Text("saddle", "siodło")}


def tables(result: LinearResult) -> tuple[Table, ...]:
    """Return gradient check, markers, extremes of the profile."""
    return _gradient_check(result), _markers(result), _extremes(result)


def _gradient_check(result: LinearResult) -> Table:
    exact, numeric = result.check.vector, result.numeric
    names = (Text("∂ℓ/∂w_x", "∂ℓ/∂w_x"), Text("∂ℓ/∂w_rec", "∂ℓ/∂w_rec"))
    return Table(
        caption=Text("Gradient check at (1.2, 1.2)", "Sprawdzenie gradientu w punkcie (1,2; 1,2)"),
        columns=(
            Text("derivative", "pochodna"),
            Text("through time", "wstecz w czasie"),
            Text("numeric", "numerycznie"),
            Text("relative difference", "różnica względna"),
        ),
        rows=tuple(
            (name, float(a), float(b), float(abs(a - b) / max(abs(a), abs(b))))
            for name, a, b in zip(names, exact, numeric, strict=True)
        ),
        note=Text(
            "Central differences with ε = 10⁻⁷. Check the gradient, not the training curve: an optimiser that reads "
            "only signs walks well with a gradient that is wrong by any factor.",
            "Różnice centralne, ε = 10⁻⁷. Sprawdzaj gradient, a nie krzywą uczenia: optymalizator, który patrzy tylko "
            "na znaki, poradzi sobie także z gradientem błędnym o dowolny czynnik.",
        ),
        significant=9,
    )


def _markers(result: LinearResult) -> Table:
    rows = tuple(
        (
            Text(drawing.point_name(point, "en"), drawing.point_name(point, "pl")),
            found.loss,
            found.input_weight,
            found.recurrent_weight,
            float(found.over_time[-1]),
            float(found.over_time[0]),
        )
        for point, found in zip(points.MARKERS, result.markers, strict=True)
    )
    columns = ("(w_x, w_rec)", "ℓ", "∂ℓ/∂w_x", "∂ℓ/∂w_rec", "G_T", "G_0")
    return Table(
        caption=Text("At the six markers", "W sześciu punktach"),
        columns=tuple(Text(name, name) for name in columns),
        rows=rows,
        note=Text(
            "G_T is the gradient at the last state, G_0 what is left of it at the first: G_0 = w_rec^T · G_T.",
            "G_T to gradient przy ostatnim stanie, G_0 to, co z niego zostaje przy pierwszym: G_0 = w_rec^T · G_T.",
        ),
        significant=7,
    )


def _extremes(result: LinearResult) -> Table:
    rows: list[tuple[float | str | Text, ...]] = [
        (KINDS[kind], best, weight, loss) for kind, weight, best, loss in result.extremes
    ]
    end = result.path.end
    final = result.score.value if result.score is not None else np.nan
    rows.append((Text("end of the walk", "koniec drogi"), float(end[0]), float(end[1]), final))
    return Table(
        caption=Text(
            "Where the surface is level, and where the walk ended",
            "Gdzie powierzchnia jest płaska i gdzie skończyła się droga",
        ),
        columns=(Text("point", "punkt"), Text("w_x", "w_x"), Text("w_rec", "w_rec"), Text("ℓ", "ℓ")),
        rows=tuple(rows),
        note=Text(
            "For w_rec from −3 to 3. The loss is a parabola in w_x, so every minimum of the surface is one of the "
            "profile. There is one, and one saddle; no local minima stand between steep passages.",
            "Dla w_rec od −3 do 3. Strata jest parabolą względem w_x, więc każde minimum powierzchni jest minimum "
            "profilu. Jest jedno minimum i jedno siodło; nie ma minimów lokalnych rozdzielonych stromymi przejściami.",
        ),
    )
