"""Presets and questions that all linear experiments share."""

from __future__ import annotations

import dataclasses

from nurt.experiments.base import Exercise, Preset
from nurt.experiments.linear.study import LinearSettings
from nurt.wording import Text

__all__ = ["EXERCISES", "presets"]


def presets(base: LinearSettings, label: Text) -> dict[str, Preset[LinearSettings]]:
    """Return the preset of an experiment and the variations that all of them have."""
    return {
        "default": Preset(label, base),
        "near-start": Preset(
            Text("Start near the optimum, at (0.5, 1.5)", "Start blisko optimum, w (0,5; 1,5)"),
            dataclasses.replace(base, start=(0.5, 1.5)),
        ),
        "torch-rprop": Preset(
            Text(
                "RProp as torch has it: another algorithm of the same name",
                "RProp w postaci z biblioteki torch: inny algorytm pod tą samą nazwą",
            ),
            dataclasses.replace(base, rule="torch-rprop"),
        ),
        "sgd": Preset(
            Text("Plain gradient descent meets the wall", "Zwykły spadek gradientu trafia na ścianę"),
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
            "Code for this plot often sums 2(y − t) over the batch of B, hands it to all B rows, and sums these "
            "again. By which factor is its gradient over time too large?",
            "Kod tego wykresu często sumuje 2(y − t) po B próbkach, przekazuje tę liczbę wszystkim B wierszom i znów "
            "sumuje wiersze. Ile razy za duży jest jego gradient w czasie?",
        ),
        Text(
            "By B²: the mean divides by B once, the sum over rows multiplies by B more. The shape of the curves is "
            "right, which is why nobody notices. The preset summed-scale draws it.",
            "B² razy: brakuje dzielenia przez B ze średniej, a suma po wierszach mnoży przez B jeszcze raz. Kształt "
            "krzywych jest poprawny, dlatego nikt tego nie zauważa. Rysuje to wariant summed-scale.",
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
            "RProp walks the same path, because it reads only signs. Gradient descent takes steps B times as long. "
            "So a good training curve proves nothing about a gradient; a check by differences does.",
            "RProp przejdzie dokładnie tę samą drogę, bo patrzy tylko na znaki. Spadek gradientu zrobi kroki B razy "
            "dłuższe. Dobra krzywa uczenia nie dowodzi więc poprawności gradientu; dowodzi jej porównanie z różnicami.",
        ),
    ),
    Exercise(
        Text(
            "At the optimum the loss is 0. What happens to a picture with logarithmic colours?",
            "W optimum strata wynosi 0. Co się wtedy dzieje z rysunkiem o logarytmicznej skali kolorów?",
        ),
        Text(
            "The logarithm of 0 does not exist. Drawing ℓ + 1 hides that, and flattens all that is below 1. Here "
            "the colours follow the data, and exact zeros are cut off far below them.",
            "Logarytm 0 nie istnieje. Rysowanie ℓ + 1 to ukrywa, ale też spłaszcza wszystko poniżej 1. Tutaj kolory "
            "wynikają z danych, a dokładne zera są obcięte daleko poniżej nich.",
        ),
    ),
)
