"""The experiment with the remedies: words and presets."""

from __future__ import annotations

from dataclasses import replace

from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.experiments.remedies.study import RemediesSettings, compute
from nurt.wording import Text

__all__ = ["EXPERIMENT"]

BASE = RemediesSettings()

EXPERIMENT = Experiment(
    id="remedies",
    name=Text("Remedies against exploding and vanishing gradients", "Środki na eksplodujący i zanikający gradient"),
    description=Text(
        "A tanh network whose recurrent weights are 3 times an orthogonal matrix, so that its gradient explodes, and "
        "one with half such a matrix, whose gradient vanishes. Both learn to add two marked numbers far apart, without "
        "a remedy and under each: clipping by norm and by value, L2, truncation, layer and batch normalisation, ReLU "
        "from the identity, gates. For each: the gradient by lag, the share of clipped updates, and the loss.",
        "Sieć tanh, której wagi rekurencyjne to 3 razy macierz ortogonalna, więc jej gradient eksploduje, oraz druga z "
        "połową takiej macierzy, której gradient zanika. Obie uczą się dodawać dwie odległe oznaczone liczby, bez "
        "środka i z każdym z nich: obcinanie normy i wartości, L2, skracanie, normalizacja warstwy i porcji, ReLU od "
        "macierzy jednostkowej, bramki. Dla każdego: gradient według odstępu, udział obciętych aktualizacji i strata.",
    ),
    how_to_read=Text(
        "Ask of each remedy whether it changes the product of Jacobians or only the step that is made with it. "
        "Clipping and truncation cannot bring back a gradient that has vanished. Adam divides every step by the size "
        "of recent gradients, so even the exploding case without a remedy does not run away here.",
        "Zapytaj o każdy środek, czy zmienia iloczyn jakobianów, czy tylko krok, który z niego wynika. Obcinanie i "
        "skracanie nie przywrócą gradientu, który zanikł. Adam dzieli każdy krok przez wielkość ostatnich gradientów, "
        "więc nawet eksplozja bez środka nie prowadzi tu do ucieczki wag.",
    ),
    expected_seconds=20,
    presets={
        "default": Preset(Text("15 steps, 24 units, one seed", "15 kroków, 24 jednostki, jedno ziarno"), BASE),
        "quick": Preset(
            Text("8 steps, 8 units, 60 updates", "8 kroków, 8 jednostek, 60 aktualizacji"),
            replace(BASE, steps=8, hidden=8, updates=60),
        ),
        "three-seeds": Preset(Text("The same from three seeds", "To samo z trzech ziaren"), replace(BASE, repeats=3)),
        "longer": Preset(
            Text("30 steps, 1500 updates", "30 kroków, 1500 aktualizacji"),
            replace(BASE, steps=30, updates=1500),
        ),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "Truncation is often listed as a cure for exploding gradients. What does it take away with them?",
                "Skracanie (truncation) bywa podawane jako lek na eksplozję gradientu. Co zabiera razem z nią?",
            ),
            Text(
                "Every lag beyond its window, small or large. What needs such a lag can then be learnt only if the "
                "state happens to keep it.",
                "Każdy odstęp poza oknem, duży i mały. To, co takiego odstępu wymaga, można wtedy poznać tylko, jeśli "
                "stan przypadkiem je zachowa.",
            ),
        ),
        Exercise(
            Text(
                "With layer normalisation both cases start with almost the same gradient. Why?",
                "Przy normalizacji warstwy oba przypadki zaczynają z prawie tym samym gradientem. Dlaczego?",
            ),
            Text(
                "The recurrent sums are divided by their own spread, so a factor in front of W_hh cancels. What is "
                "left depends on the directions of W_hh and on the learnt gain.",
                "Sumy rekurencyjne są dzielone przez własny rozrzut, więc czynnik przed W_hh się skraca. Pozostają "
                "kierunki W_hh i uczone wzmocnienie.",
            ),
        ),
    ),
)
