"""The numbers of an experiment with binary numbers in rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt.experiments.addition import model
from nurt.experiments.addition.numbers import exact_parameters
from nurt.experiments.results import Table
from nurt.wording import Text

if TYPE_CHECKING:
    from nurt.experiments.addition.study import AdditionResult

__all__ = ["tables"]


def tables(result: AdditionResult) -> tuple[Table, ...]:
    """Return a few results and the losses."""
    return _sample(result), _losses(result)


def _sample(result: AdditionResult) -> Table:
    pairs, operation = result.sample, result.settings.operation
    sign = "+" if operation == "add" else "−"
    trained = _answers(result.parameters, pairs.inputs)
    exact = _answers(exact_parameters(operation), pairs.inputs)
    rows = tuple(
        (f"{first} {sign} {second}", int(right), int(own), int(known))
        for (first, second), right, own, known in zip(pairs.numbers, pairs.results, trained, exact, strict=True)
    )
    return Table(
        caption=Text("A few fresh pairs", "Kilka nowych par"),
        columns=(
            Text("task", "działanie"),
            Text("right result", "poprawny wynik"),
            Text("trained network", "sieć nauczona"),
            Text("exact weights", "dokładne wagi"),
        ),
        rows=rows,
        note=Text(
            "The exact weights are written down, not learnt: three units, right for numbers of any length.",
            "Dokładne wagi są wypisane, a nie wyuczone: trzy jednostki, poprawne dla liczb dowolnej długości.",
        ),
    )


def _answers(parameters: model.Parameters, inputs: np.ndarray) -> np.ndarray:
    """Return the numbers that the output bits spell, (B,)."""
    bits = model.run(parameters, inputs)[1][:, :, 0] > 0.0
    return np.asarray(np.sum(bits.astype(np.int64) << np.arange(bits.shape[1]), axis=1))


def _losses(result: AdditionResult) -> Table:
    rows: list[tuple[float | str | Text, ...]] = [(0, result.start)]
    rows += [(at, float(result.losses[at - 1])) for at in (1, result.updates // 2, result.updates) if at > 0]
    return Table(
        caption=Text("Loss on its batch", "Strata na swojej porcji danych"),
        columns=(Text("after update", "po aktualizacji"), Text("cross-entropy", "entropia krzyżowa")),
        rows=tuple(rows),
        note=Text(
            "Gradient check by central differences, ε = 10⁻⁷, first 100 pairs: largest relative difference {off}.",
            "Sprawdzenie gradientu różnicami centralnymi, ε = 10⁻⁷, pierwszych 100 par: największa różnica względna "
            "{off}.",
        ).filled(off=float(f"{result.gradient_check:.1e}")),
        significant=8,
    )
