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
            "A program takes batch q as X[q : q + 100] for q = 0 … 19. How many of the 2000 pairs does it ever see?",
            "Program bierze porcję q jako X[q : q + 100] dla q = 0 … 19. Ile z 2000 par w ogóle zobaczy?",
        ),
        Text(
            "119: the slices overlap in all but one pair. X[100·q : 100·q + 100] was meant. With these weights the "
            "training succeeds all the same; compare the presets.",
            "119: kolejne porcje różnią się tylko jedną parą. Chodziło o X[100·q : 100·q + 100]. Przy tych wagach "
            "uczenie i tak się udaje; porównaj warianty.",
        ),
    ),
    Exercise(
        Text(
            "What is wrong with the step (η·g)/√m + ε?",
            "Co jest nie tak z krokiem (η·g)/√m + ε?",
        ),
        Text(
            "ε stands outside the fraction: it is added to every step, so all weights drift down, and where m is 0 "
            "nothing guards the division. η·g/(√m + ε) was meant.",
            "ε stoi poza ułamkiem: jest dodawane do każdego kroku, więc wszystkie wagi dryfują w dół, a przy m = 0 nic "
            "nie chroni dzielenia. Chodziło o η·g/(√m + ε).",
        ),
    ),
    Exercise(
        Text(
            "Which unit of the exact weights is the memory, and what do the other two do?",
            "Która jednostka przy dokładnych wagach jest pamięcią i co robią pozostałe dwie?",
        ),
        Text(
            "Unit 2: it is the only one that is read in the next step. The three units count how many of the two bits "
            "and the carry are 1: at least one, at least two, three. Odd counts give a result bit of 1.",
            "Jednostka 2: tylko ona jest odczytywana w następnym kroku. Trzy jednostki liczą, ile spośród dwóch bitów "
            "i przeniesienia jest jedynkami: co najmniej jedna, co najmniej dwie, trzy. Liczba nieparzysta daje bit 1.",
        ),
    ),
)

LITERAL = AdditionSettings(seed=1)

ADD_7 = Experiment(
    id="addition/roelants",
    name=Text("Binary addition with three units", "Dodawanie binarne trzema jednostkami"),
    description=Text(
        "A tanh network reads two numbers bit by bit, lowest first, and answers with the bits of their sum. It has to "
        "carry one bit from step to step. Data, weights and optimiser follow the second part of a tutorial by Peter "
        "Roelants to the letter, its two slips included; other presets mend them.",
        "Sieć z tanh czyta dwie liczby bit po bicie, od najmłodszego, i podaje bity ich sumy. Musi przenosić jeden bit "
        "z kroku na krok. Dane, wagi i optymalizator są dosłownie takie jak w drugiej części samouczka Petera "
        "Roelantsa, łącznie z jego dwiema pomyłkami; inne warianty je naprawiają.",
    ),
    how_to_read=Text(
        "Find the unit that follows the black diamonds: it holds the carry. Then see how often other draws fail.",
        "Znajdź jednostkę, która podąża za czarnymi rombami: to ona trzyma przeniesienie. Potem zobacz, jak często "
        "inne losowania zawodzą.",
    ),
    expected_seconds=2,
    presets={
        "default": Preset(Text("To the letter, slips included", "Dosłownie, razem z pomyłkami"), LITERAL),
        "guarded": Preset(Text("ε where it belongs", "ε na swoim miejscu"), dataclasses.replace(LITERAL, guard="root")),
        "mended": Preset(
            Text("ε and batches as they were meant", "ε i porcje danych zgodnie z zamysłem"),
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
        "The smaller of two numbers of 14 bits is taken from the larger. What has to be remembered is the borrow. The "
        "protocol is that of the addition over 7 steps, with sequences twice as long.",
        "Od większej z dwóch liczb 14-bitowych odejmowana jest mniejsza. Trzeba pamiętać pożyczkę. Protokół jest taki "
        "jak przy dodawaniu przez 7 kroków, a ciągi są dwa razy dłuższe.",
    ),
    how_to_read=Text(
        "With the exact weights unit 2 is the borrow upside down. See whether training found something like it.",
        "Przy dokładnych wagach jednostka 2 to pożyczka z odwróconym znakiem. Sprawdź, czy uczenie znalazło coś "
        "podobnego.",
    ),
    expected_seconds=3,
    presets={
        "default": Preset(Text("100 updates, to the letter", "100 aktualizacji, dosłownie"), SUBTRACTION),
        "mended": Preset(
            Text("300 updates, ε and batches mended", "300 aktualizacji, naprawione ε i porcje danych"),
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
        "Numbers of 27 bits, ten units, 5000 pairs and 50 passes over them. Published accuracies of this variant were "
        "measured on the pairs it had learnt from; here the accuracy is that of fresh pairs.",
        "Liczby 27-bitowe, dziesięć jednostek, 5000 par i 50 przejść po nich. Opublikowane dokładności tego wariantu "
        "mierzono na parach, z których sieć się uczyła; tutaj podajemy dokładność na nowych parach.",
    ),
    how_to_read=Text(
        "Ten units for a task that needs three: several of them follow the carry.",
        "Dziesięć jednostek do zadania, które wymaga trzech: kilka z nich podąża za przeniesieniem.",
    ),
    expected_seconds=6,
    presets={
        "default": Preset(Text("50 passes over 5000 pairs", "50 przejść po 5000 par"), LONG_ADDITION),
        "several": Preset(
            Text("10 passes, and 5 other draws", "10 przejść i 5 innych losowań"),
            dataclasses.replace(LONG_ADDITION, rounds=10, draws=5),
        ),
    },
    compute=compute,
    exercises=(
        *EXERCISES,
        Exercise(
            Text(
                "Why is 100 % on the training pairs not yet an answer, and why is five sums not a test?",
                "Dlaczego 100 % na parach uczących to jeszcze nie odpowiedź, a pięć sum to nie test?",
            ),
            Text(
                "Pairs that were learnt from may be remembered. Five sums of 28 bits miss an error rate of 1 % of the "
                "bits about every fourth time. Fresh pairs cost nothing: draw 2000.",
                "Pary uczące mogły zostać zapamiętane. Pięć sum po 28 bitów mniej więcej co czwarty raz przeoczy 1 % "
                "błędnych bitów. Nowe pary nic nie kosztują: wylosuj 2000.",
            ),
        ),
    ),
)
