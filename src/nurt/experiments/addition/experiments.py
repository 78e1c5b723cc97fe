"""Three experiments with binary numbers: addition over 7 and 28 steps, subtraction over 15."""

from __future__ import annotations

import dataclasses

from nurt.experiments.addition.study import AdditionSettings, compute
from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.wording import Text

__all__ = ["ADD_7", "ADD_28", "SUBTRACT_15"]

EXERCISES = (
    Exercise(
        Text(
            "A program takes batch q as X[q : q + 100] for q = 0 … 19. How many of the 2000 pairs does it use?",
            "Program bierze porcję q jako X[q : q + 100] dla q = 0 … 19. Ilu z 2000 par użyje?",
        ),
        Text(
            "119: the slices overlap in all but one pair. X[100·q : 100·q + 100] was intended. With these weights "
            "the training succeeds nevertheless; compare the presets.",
            "119: kolejne porcje różnią się tylko jedną parą. Chodziło o X[100·q : 100·q + 100]. Przy tych wagach "
            "uczenie i tak się udaje; porównaj warianty.",
        ),
    ),
    Exercise(
        Text(
            "Which error does the step (η·g)/√m + ε contain?",
            "Jaki błąd zawiera krok (η·g)/√m + ε?",
        ),
        Text(
            "ε stands outside the fraction: it is added to every step, so all weights drift down, and where m is 0 "
            "the division is not protected. η·g/(√m + ε) was intended.",
            "ε stoi poza ułamkiem: jest dodawane do każdego kroku, więc wszystkie wagi dryfują w dół, a przy m = 0 "
            "dzielenie nie jest zabezpieczone. Chodziło o η·g/(√m + ε).",
        ),
    ),
    Exercise(
        Text(
            "Which unit of the exact weights is the memory, and what is the role of the other two?",
            "Która jednostka przy dokładnych wagach jest pamięcią i co robią pozostałe dwie?",
        ),
        Text(
            "Unit 2: only its state is used in the next step. The three units count how many of the two bits and the "
            "carry are 1: at least one, at least two, three. Odd counts give a result bit of 1.",
            "Jednostka 2: tylko jej stan jest używany w następnym kroku. Trzy jednostki liczą, ile spośród dwóch "
            "bitów i przeniesienia jest jedynkami: co najmniej jedna, co najmniej dwie, trzy. Liczba nieparzysta "
            "daje bit 1.",
        ),
    ),
)

LITERAL = AdditionSettings(seed=1)

ADD_7 = Experiment(
    id="addition/roelants",
    name=Text("Binary addition with three units", "Dodawanie binarne trzema jednostkami"),
    description=Text(
        "A tanh network reads two numbers bit by bit, lowest first, and returns the bits of their sum. It has to "
        "carry one bit from step to step. Data, weights and optimiser follow the second part of a tutorial by Peter "
        "Roelants exactly, including its two errors; other presets correct them.",
        "Sieć z tanh czyta dwie liczby bit po bicie, od najmłodszego, i podaje bity ich sumy. Musi przenosić jeden "
        "bit z kroku na krok. Dane, wagi i optymalizator są dosłownie takie jak w drugiej części samouczka Petera "
        "Roelantsa, łącznie z jego dwoma błędami; inne warianty je poprawiają.",
    ),
    how_to_read=Text(
        "Find the unit that follows the black diamonds: it stores the carry. Then see how often other seeds fail.",
        "Znajdź jednostkę, która podąża za czarnymi rombami: to ona przechowuje przeniesienie. Potem zobacz, jak "
        "często inne ziarna zawodzą.",
    ),
    expected_seconds=1,
    presets={
        "default": Preset(Text("Exact protocol, with its errors", "Dokładny protokół, razem z błędami"), LITERAL),
        "guarded": Preset(Text("Corrected ε", "Poprawione ε"), dataclasses.replace(LITERAL, guard="root")),
        "mended": Preset(
            Text("Corrected ε and batches", "Poprawione ε i porcje danych"),
            dataclasses.replace(LITERAL, guard="root", slices="disjoint"),
        ),
    },
    compute=compute,
    exercises=EXERCISES,
)

SUBTRACTION = AdditionSettings(seed=1, operation="subtract", steps=15)

SUBTRACT_15 = Experiment(
    id="addition/subtract-15",
    name=Text("Binary subtraction over 15 steps", "Odejmowanie binarne przez 15 kroków"),
    description=Text(
        "The smaller of two numbers of 14 bits is taken from the larger. The borrow has to be remembered. The "
        "protocol is that of the addition over 7 steps, with sequences twice as long.",
        "Od większej z dwóch liczb 14-bitowych odejmowana jest mniejsza. Trzeba pamiętać pożyczkę. Protokół jest taki "
        "jak przy dodawaniu przez 7 kroków, a ciągi są dwa razy dłuższe.",
    ),
    how_to_read=Text(
        "With the exact weights unit 2 is the borrow with its sign reversed. See whether training found a similar "
        "unit.",
        "Przy dokładnych wagach jednostka 2 to pożyczka z odwróconym znakiem. Sprawdź, czy uczenie znalazło podobną "
        "jednostkę.",
    ),
    expected_seconds=2,
    presets={
        "default": Preset(Text("100 updates, exact protocol", "100 aktualizacji, dokładny protokół"), SUBTRACTION),
        "mended": Preset(
            Text("300 updates, corrected ε and batches", "300 aktualizacji, poprawione ε i porcje danych"),
            dataclasses.replace(SUBTRACTION, guard="root", slices="disjoint", rounds=15),
        ),
    },
    compute=compute,
    exercises=(
        *EXERCISES,
        Exercise(
            Text(
                "Why are the numbers sorted before they are subtracted?",
                "Dlaczego liczby są porządkowane przed odejmowaniem?",
            ),
            Text(
                "A negative result has no finite binary form without a sign: the borrow would run past the last bit.",
                "Wynik ujemny nie ma skończonego zapisu binarnego bez znaku: pożyczka wychodziłaby poza ostatni bit.",
            ),
        ),
    ),
)

LONG_ADDITION = AdditionSettings(
    seed=1, steps=28, samples=5000, hidden=10, rounds=50, batches=50, slices="disjoint", guard="root", draws=0
)

ADD_28 = Experiment(
    id="addition/add-28",
    name=Text("Binary addition over 28 steps", "Dodawanie binarne przez 28 kroków"),
    description=Text(
        "Numbers of 27 bits, ten units, 5000 pairs and 50 passes over them. Published accuracies of this variant "
        "were measured on the training pairs; here the accuracy is measured on held-out pairs.",
        "Liczby 27-bitowe, dziesięć jednostek, 5000 par i 50 przejść po nich. Opublikowane dokładności tego wariantu "
        "mierzono na parach uczących; tutaj podajemy dokładność na nowych parach.",
    ),
    how_to_read=Text(
        "The task needs three units and has ten: several of them follow the carry.",
        "Zadanie wymaga trzech jednostek, a ma ich dziesięć: kilka z nich podąża za przeniesieniem.",
    ),
    expected_seconds=5,
    presets={
        "default": Preset(Text("50 passes over 5000 pairs", "50 przejść po 5000 par"), LONG_ADDITION),
        "several": Preset(
            Text("10 passes, and 5 other seeds", "10 przejść i 5 innych ziaren"),
            dataclasses.replace(LONG_ADDITION, rounds=10, draws=5),
        ),
    },
    compute=compute,
    exercises=(
        *EXERCISES,
        Exercise(
            Text(
                "Why is 100 % on the training pairs no evidence, and why are five sums no test?",
                "Dlaczego 100 % na parach uczących nie jest dowodem, a pięć sum nie jest testem?",
            ),
            Text(
                "Training pairs may have been memorised. Five sums of 28 bits miss an error rate of 1 % of the bits "
                "about every fourth time. Held-out pairs are free: draw 2000.",
                "Pary uczące mogły zostać zapamiętane. Pięć sum po 28 bitów mniej więcej co czwarty raz przeoczy 1 % "
                "błędnych bitów. Nowe pary są za darmo: wylosuj 2000.",
            ),
        ),
    ),
)
