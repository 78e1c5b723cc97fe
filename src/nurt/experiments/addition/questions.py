"""Questions that all experiments with binary numbers share."""

from __future__ import annotations

from nurt.experiments.base import Exercise
from nurt.wording import Text

__all__ = ["EXERCISES"]

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
