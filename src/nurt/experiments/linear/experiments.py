"""Three linear experiments: the sum of bits, the mean of a row, and a count that no linear unit can represent."""

from __future__ import annotations

import dataclasses

from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.experiments.linear.study import LinearSettings, compute
from nurt.wording import Text

__all__ = ["COUNT_ONES", "COUNT_VALUES", "MEAN"]


def _presets(base: LinearSettings, label: Text) -> dict[str, Preset[LinearSettings]]:
    """Return the default preset of an experiment and the variations that all linear experiments share."""
    return {
        "default": Preset(label, base),
        "near-start": Preset(
            Text("Start near the optimum, at (0.5, 1.5)", "Start blisko optimum, w (0,5; 1,5)"),
            dataclasses.replace(base, start=(0.5, 1.5)),
        ),
        "torch-rprop": Preset(
            Text(
                "RProp as implemented in torch: another algorithm of the same name",
                "RProp w wersji z biblioteki torch: inny algorytm o tej samej nazwie",
            ),
            dataclasses.replace(base, rule="torch-rprop"),
        ),
        "sgd": Preset(
            Text("Plain gradient descent at the wall", "Zwykły spadek gradientu przy ścianie"),
            dataclasses.replace(base, rule="sgd"),
        ),
        "clipped-sgd": Preset(
            Text("Gradient descent with clipping", "Spadek gradientu z obcinaniem"),
            dataclasses.replace(base, rule="clipped-sgd"),
        ),
        "summed-scale": Preset(
            Text("Gradient plot with the batch summed twice", "Wykres gradientu z podwójną sumą po próbkach"),
            dataclasses.replace(base, gradient_scale="summed"),
        ),
    }


EXERCISES = (
    Exercise(
        Text(
            "Code for this plot often sums 2(y − t) over the batch of B, broadcasts the sum to all B rows, and sums "
            "these again. By which factor is its gradient over time too large?",
            "Kod tego wykresu często sumuje 2(y − t) po B próbkach, przekazuje tę liczbę wszystkim B wierszom i znów "
            "sumuje wiersze. Ile razy za duży jest jego gradient w czasie?",
        ),
        Text(
            "By B²: the mean divides by B once, the sum over rows multiplies by B more. The shape of the curves is "
            "right, so the error goes unnoticed. The preset summed-scale shows it.",
            "B² razy: brakuje dzielenia przez B ze średniej, a suma po wierszach mnoży przez B jeszcze raz. Kształt "
            "krzywych jest poprawny, dlatego nikt tego nie zauważa. Pokazuje to wariant summed-scale.",
        ),
    ),
    Exercise(
        Text(
            "Drop the mean from the gradient of the parameters, so that it is B times too large. What does RProp do, "
            "and what does gradient descent do?",
            "Opuść średnią w gradiencie parametrów, tak że jest on B razy za duży. Co zrobi RProp, a co zwykły spadek "
            "gradientu?",
        ),
        Text(
            "RProp takes the same path, because it uses only the signs. Gradient descent takes steps B times as "
            "long. A good training curve therefore does not show that a gradient is right; a check by finite "
            "differences does.",
            "RProp przejdzie dokładnie tę samą drogę, bo patrzy tylko na znaki. Spadek gradientu zrobi kroki B razy "
            "dłuższe. Dobra krzywa uczenia nie dowodzi więc poprawności gradientu; dowodzi jej porównanie z "
            "różnicami skończonymi.",
        ),
    ),
    Exercise(
        Text(
            "At the optimum the loss is 0. What happens to a figure with logarithmic colours?",
            "W optimum strata wynosi 0. Co się wtedy dzieje z rysunkiem o logarytmicznej skali kolorów?",
        ),
        Text(
            "The logarithm of 0 does not exist. Drawing ℓ + 1 hides that, and flattens everything below 1. Here the "
            "colour scale follows the data, and exact zeros are shown as a value far below it.",
            "Logarytm 0 nie istnieje. Rysowanie ℓ + 1 to ukrywa, ale też spłaszcza wszystko poniżej 1. Tutaj skala "
            "kolorów wynika z danych, a dokładne zera są pokazane jako wartość daleko poniżej niej.",
        ),
    ),
)

COUNT_ONES = Experiment(
    id="linear/roelants",
    name=Text("Linear recurrence: counting ones", "Liniowa rekurencja: zliczanie jedynek"),
    description=Text(
        "A network with one linear unit and two weights reads 10 bits and returns their sum. The exact answer is w_x "
        "= w_rec = 1. With two weights the whole error surface can be drawn: a thin curved valley between steep "
        "walls, where the gradient explodes or vanishes like w_rec to the power of the number of steps. The data are "
        "those of a tutorial by Peter Roelants.",
        "Sieć z jedną jednostką liniową i dwiema wagami czyta 10 bitów i podaje ich sumę. Dokładna odpowiedź to w_x "
        "= w_rec = 1. Przy dwóch wagach można narysować całą powierzchnię błędu: cienką, zakrzywioną dolinę między "
        "ścianami, nad którą gradient eksploduje lub zanika jak potęga w_rec o wykładniku równym liczbie kroków. "
        "Dane pochodzą z samouczka Petera Roelantsa.",
    ),
    how_to_read=Text(
        "First find the valley on the surface, then compare the six curves of the gradient over time with the markers "
        "of the same colour.",
        "Najpierw znajdź dolinę na powierzchni, a potem porównaj sześć krzywych gradientu w czasie z punktami tego "
        "samego koloru.",
    ),
    expected_seconds=0.1,
    presets=_presets(
        LinearSettings(seed=1),
        Text("20 × 10 bits, RProp from (−1.5, 2)", "20 × 10 bitów, RProp od (−1,5; 2)"),
    ),
    compute=compute,
    exercises=EXERCISES,
)

MEAN_BASE = LinearSettings(seed=42, sequences=30, steps=20, inputs="fifths", target="mean")

MEAN = Experiment(
    id="linear/variant-11",
    name=Text("Linear recurrence: the mean of a row", "Liniowa rekurencja: średnia wiersza"),
    description=Text(
        "30 sequences of 20 steps with values 0, 0.2 … 1; the target is the mean of the row. The exact answer is w_x "
        "= 1/20, w_rec = 1. With 20 steps the walls are higher by ten orders of magnitude than with 10, and 500 "
        "updates from the usual start do not converge. The description published with these data says bits, 10 steps "
        "and a sum; its code draws the data used here. The preset as-described follows the description.",
        "30 ciągów po 20 kroków o wartościach 0; 0,2 … 1; wartością docelową jest średnia wiersza. Dokładna "
        "odpowiedź to w_x = 1/20, w_rec = 1. Przy 20 krokach ściany są o dziesięć rzędów wielkości wyższe niż przy "
        "10, a 500 aktualizacji od zwykłego punktu startu nie wystarcza do zbieżności. Opis opublikowany z tymi "
        "danymi mówi o bitach, 10 krokach i sumie; jego kod losuje dane użyte tutaj. Wariant as-described idzie za "
        "opisem.",
    ),
    how_to_read=Text(
        "Compare the end of the path with the minimum of the profile: small loss, wrong weights.",
        "Porównaj koniec drogi z minimum profilu: strata jest mała, a wagi błędne.",
    ),
    expected_seconds=0.1,
    presets={
        **_presets(
            MEAN_BASE,
            Text("30 × 20 values, mean, RProp from (−1.5, 2)", "30 × 20 wartości, średnia, RProp od (−1,5; 2)"),
        ),
        "as-described": Preset(
            Text("As the description has it: bits, 10 steps, sum", "Zgodnie z opisem: bity, 10 kroków, suma"),
            LinearSettings(seed=42, sequences=30, steps=10),
        ),
    },
    compute=compute,
    exercises=(
        *EXERCISES,
        Exercise(
            Text(
                "A report on these data concludes that steep passages separate local minima. Is that correct?",
                "Sprawozdanie z tych danych wnioskuje, że minima lokalne rozdzielają strome przejścia. Czy tak jest?",
            ),
            Text(
                "No. The loss is a parabola in w_x for every w_rec, so every local minimum would appear in the "
                "profile. The profile has one minimum and one maximum, a saddle of the surface. The optimisation is "
                "hard because the valley is thin.",
                "Nie. Dla każdego w_rec strata jest parabolą względem w_x, więc każde minimum lokalne byłoby "
                "widoczne w profilu. Profil ma jedno minimum i jedno maksimum, czyli siodło powierzchni. "
                "Optymalizacja jest trudna, bo dolina jest wąska.",
            ),
        ),
        Exercise(
            Text(
                "Why does the error grow at lengths other than 20, even with the exact weights?",
                "Dlaczego błąd rośnie dla długości innych niż 20, nawet przy dokładnych wagach?",
            ),
            Text(
                "w_x = 1/20 is the mean only for 20 steps. A linear unit does not know the length: it has learnt a "
                "sum divided by a constant.",
                "w_x = 1/20 daje średnią tylko dla 20 kroków. Jednostka liniowa nie zna długości ciągu: nauczyła się "
                "sumy podzielonej przez stałą.",
            ),
        ),
    ),
)

COUNT_VALUES = Experiment(
    id="linear/variant-14",
    name=Text("Linear recurrence: a count that is not linear", "Liniowa rekurencja: zliczanie, które nie jest liniowe"),
    description=Text(
        "30 sequences of 20 steps with the values 0.33, 0.66 and 1; the target is how many 0.33 there are. That "
        "count is not linear in the values and the unit has no bias, so even the best point of the surface is worse "
        "than a constant prediction of the mean. The optimiser converges nevertheless, and its training curve looks "
        "successful.",
        "30 ciągów po 20 kroków o wartościach 0,33; 0,66 i 1; wartością docelową jest liczba wystąpień 0,33. Ta "
        "liczba nie zależy liniowo od wartości, a jednostka nie ma przesunięcia (bias), więc najlepszy punkt całej "
        "powierzchni jest gorszy niż stała prognoza równa średniej. Optymalizator mimo to zbiega, a krzywa uczenia "
        "wygląda dobrze.",
    ),
    how_to_read=Text(
        "Read the comparison with the baselines before the figures.",
        "Zanim spojrzysz na rysunki, przeczytaj porównanie z poziomami odniesienia.",
    ),
    expected_seconds=0.1,
    presets=_presets(
        LinearSettings(seed=1, sequences=30, steps=20, inputs="thirds", target="count"),
        Text("30 × 20 values, count, RProp from (−1.5, 2)", "30 × 20 wartości, zliczanie, RProp od (−1,5; 2)"),
    ),
    compute=compute,
    exercises=(
        *EXERCISES,
        Exercise(
            Text(
                "Which smallest change of the network makes the count exact?",
                "Jaka najmniejsza zmiana sieci pozwala liczyć dokładnie?",
            ),
            Text(
                "A bias alone gives a straight line through the row sum, with the loss of the second baseline. With x² "
                "as a second input the count is exact: any function of three values is a parabola.",
                "Samo przesunięcie (bias) daje prostą względem sumy wiersza, o stracie drugiego punktu odniesienia. "
                "Z x² jako drugim wejściem zliczanie jest dokładne: każda funkcja trzech wartości to parabola przez "
                "trzy punkty.",
            ),
        ),
    ),
)
