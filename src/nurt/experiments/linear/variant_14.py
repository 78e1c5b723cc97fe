"""Counting one of three values: a task that this network cannot represent."""

from __future__ import annotations

from nurt.experiments.base import Exercise, Experiment
from nurt.experiments.linear import presets, study
from nurt.wording import Text

__all__ = ["EXPERIMENT"]

EXPERIMENT = Experiment(
    id="linear/variant-14",
    name=Text("Linear recurrence: a count it cannot do", "Liniowa rekurencja: zliczanie ponad jej siły"),
    description=Text(
        "30 sequences of 20 steps with the values 0.33, 0.66 and 1; the target is how many 0.33 there are. That count "
        "is not linear in the values and the unit has no bias, so the best point of the whole surface is worse than "
        "always answering with the mean. The optimiser converges all the same, and its curve looks like success.",
        "30 ciągów po 20 kroków o wartościach 0,33; 0,66 i 1; wartością docelową jest liczba wystąpień 0,33. Ta liczba "
        "nie zależy liniowo od wartości, a jednostka nie ma wyrazu wolnego, więc najlepszy punkt całej powierzchni "
        "jest gorszy niż podawanie zawsze średniej. Optymalizator mimo to zbiega, a jego krzywa wygląda jak sukces.",
    ),
    how_to_read=Text(
        "Read the table against what costs nothing before any picture.",
        "Zanim spojrzysz na rysunki, przeczytaj porównanie z tym, co nic nie kosztuje.",
    ),
    expected_seconds=0.5,
    presets=presets.presets(
        study.LinearSettings(seed=1, sequences=30, steps=20, inputs="thirds", target="count"),
        Text("30 × 20 values, count, RProp from (−1.5, 2)", "30 × 20 wartości, zliczanie, RProp od (−1,5; 2)"),
    ),
    compute=study.compute,
    exercises=(
        *presets.EXERCISES,
        Exercise(
            Text(
                "What is the smallest change of the network that makes the count exact?",
                "Jaka najmniejsza zmiana sieci pozwala liczyć dokładnie?",
            ),
            Text(
                "A bias alone gives a straight line through the row sum, with the loss of the second baseline. With x² "
                "as a second input the count is exact: any function of three values is a parabola.",
                "Sam wyraz wolny daje prostą względem sumy wiersza, o stracie drugiego punktu odniesienia. Z x² jako "
                "drugim wejściem zliczanie jest dokładne: każda funkcja trzech wartości to parabola przez trzy punkty.",
            ),
        ),
    ),
)
