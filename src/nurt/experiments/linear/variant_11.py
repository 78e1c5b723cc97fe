"""The mean of six-valued sequences: longer, so that the same start does not converge."""

from __future__ import annotations

from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.experiments.linear import presets, study
from nurt.wording import Text

__all__ = ["EXPERIMENT"]

BASE = study.LinearSettings(seed=42, sequences=30, steps=20, inputs="fifths", target="mean")

EXPERIMENT = Experiment(
    id="linear/variant-11",
    name=Text("Linear recurrence: the mean of a row", "Liniowa rekurencja: średnia wiersza"),
    description=Text(
        "30 sequences of 20 steps with values 0, 0.2 … 1; the target is the mean of the row. The exact answer is "
        "w_x = 1/20, w_rec = 1. With 20 steps the walls are higher by ten orders of magnitude than with 10, and 500 "
        "updates from the usual start do not converge. The description that travels with these data speaks of bits, "
        "10 steps and a sum; its code draws what is used here. The preset as-described follows the words.",
        "30 ciągów po 20 kroków o wartościach 0; 0,2 … 1; wartością docelową jest średnia wiersza. Dokładna odpowiedź "
        "to w_x = 1/20, w_rec = 1. Przy 20 krokach ściany są o dziesięć rzędów wielkości wyższe niż przy 10, a 500 "
        "aktualizacji od zwykłego punktu startu nie wystarcza do zbieżności. Opis, który towarzyszy tym danym, mówi o "
        "bitach, 10 krokach i sumie; jego kod losuje to, czego używamy tutaj. Wariant as-described idzie za opisem.",
    ),
    how_to_read=Text(
        "Compare the end of the walk with the minimum of the profile: small loss, wrong weights.",
        "Porównaj koniec drogi z minimum profilu: strata jest mała, a wagi błędne.",
    ),
    expected_seconds=0.5,
    presets={
        **presets.presets(
            BASE, Text("30 × 20 values, mean, RProp from (−1.5, 2)", "30 × 20 wartości, średnia, RProp od (−1,5; 2)")
        ),
        "as-described": Preset(
            Text("As the description has it: bits, 10 steps, sum", "Zgodnie z opisem: bity, 10 kroków, suma"),
            study.LinearSettings(seed=42, sequences=30, steps=10),
        ),
    },
    compute=study.compute,
    exercises=(
        *presets.EXERCISES,
        Exercise(
            Text(
                "A report on these data concludes that local minima are separated by steep passages. Is that so?",
                "Sprawozdanie z tych danych wnioskuje, że minima lokalne rozdzielają strome przejścia. Czy tak jest?",
            ),
            Text(
                "No. The loss is a parabola in w_x for every w_rec, so each local minimum would show in the profile. "
                "The profile has one minimum and one maximum, a saddle of the surface. What makes the walk hard is the "
                "thin valley.",
                "Nie. Dla każdego w_rec strata jest parabolą względem w_x, więc każde minimum lokalne byłoby widoczne "
                "w profilu. Profil ma jedno minimum i jedno maksimum, czyli siodło powierzchni. Trudność bierze się z "
                "cienkiej doliny.",
            ),
        ),
        Exercise(
            Text(
                "Why does the error grow at lengths other than 20, even with the exact weights?",
                "Dlaczego błąd rośnie dla długości innych niż 20, nawet przy dokładnych wagach?",
            ),
            Text(
                "w_x = 1/20 is the mean only for 20 steps. A linear unit cannot know the length: it has learnt a sum "
                "divided by a constant.",
                "w_x = 1/20 daje średnią tylko dla 20 kroków. Jednostka liniowa nie zna długości ciągu: nauczyła się "
                "sumy podzielonej przez stałą.",
            ),
        ),
    ),
)
