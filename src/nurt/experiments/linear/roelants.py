"""Counting ones with a linear recurrence: 20 sequences of 10 bits."""

from __future__ import annotations

from nurt.experiments.base import Experiment
from nurt.experiments.linear import presets, study
from nurt.wording import Text

__all__ = ["EXPERIMENT"]

EXPERIMENT = Experiment(
    id="linear/roelants",
    name=Text("Linear recurrence: count the ones", "Liniowa rekurencja: zliczanie jedynek"),
    description=Text(
        "A network with one linear unit and two weights reads 10 bits and answers with their sum. The exact answer is "
        "w_x = w_rec = 1. Two weights make a surface that can be seen whole: a thin curved valley between walls, over "
        "which the gradient explodes or vanishes with w_rec raised to the number of steps. The data are those of a "
        "tutorial by Peter Roelants.",
        "Sieć z jedną jednostką liniową i dwiema wagami czyta 10 bitów i podaje ich sumę. Dokładna odpowiedź to "
        "w_x = w_rec = 1. Dwie wagi dają powierzchnię, którą widać w całości: cienką, zakrzywioną dolinę między "
        "ścianami, nad którą gradient wybucha lub zanika jak potęga w_rec o wykładniku równym liczbie kroków. Dane "
        "pochodzą z samouczka Petera Roelantsa.",
    ),
    how_to_read=Text(
        "First find the valley on the surface, then compare the six curves of the gradient over time with the markers "
        "of the same colour.",
        "Najpierw znajdź dolinę na powierzchni, a potem porównaj sześć krzywych gradientu w czasie z punktami tego "
        "samego koloru.",
    ),
    expected_seconds=0.3,
    presets=presets.presets(
        study.LinearSettings(seed=1),
        Text("20 × 10 bits, RProp from (−1.5, 2)", "20 × 10 bitów, RProp od (−1,5; 2)"),
    ),
    compute=study.compute,
    exercises=presets.EXERCISES,
)
