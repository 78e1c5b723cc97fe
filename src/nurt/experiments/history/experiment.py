"""The experiment with the history of a text: words and presets."""

from __future__ import annotations

from dataclasses import replace

from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.experiments.history.study import HistorySettings, compute
from nurt.wording import Text

__all__ = ["EXPERIMENT"]

BASE = HistorySettings()

EXPERIMENT = Experiment(
    id="history",
    name=Text("The history of a text", "Historia tekstu"),
    description=Text(
        "Does every step of the history count equally? The text is generated: a phrase opens with a or b, goes on with "
        "up to 30 fillers, and closes with A or B, which must agree with its opening. So the last letter tells most "
        "about the next one, and a closing letter depends on a single letter far back. RNN, GRU and LSTM learn to give "
        "the next letter; then the gradient by every earlier letter is measured, and from which distance they still "
        "know the opening.",
        "Czy wszystkie kroki historii liczą się po równo? Tekst jest generowany: fraza otwiera się literą a lub b, "
        "dalej następuje do 30 liter wypełniających, a zamyka ją A lub B, zgodne z otwarciem. Ostatnia litera mówi "
        "więc najwięcej o następnej, a litera zamykająca zależy od jednej litery daleko wstecz. RNN, GRU i LSTM uczą "
        "się podawać następną literę; potem mierzymy gradient po każdej wcześniejszej literze i z jakiej odległości "
        "sieci znają jeszcze otwarcie.",
    ),
    how_to_read=Text(
        "Two questions, two answers: from which letters a network can learn is told by the gradient, what it remembers "
        "by the closing letters. A network may remember a letter long after its gradient has become small.",
        "Dwa pytania, dwie odpowiedzi: z których liter sieć może się uczyć, mówi gradient, a co pamięta, litery "
        "zamykające. Sieć może pamiętać literę długo po tym, jak jej gradient stał się mały.",
    ),
    expected_seconds=10,
    presets={
        "default": Preset(Text("700 updates each", "Po 700 aktualizacji"), BASE),
        "quick": Preset(
            Text("Phrases of up to 6 fillers, 150 updates", "Frazy do 6 liter wypełniających, 150 aktualizacji"),
            replace(BASE, longest=6, steps=12, hidden=16, updates=150, tested=100, distances=(2, 3, 4, 6)),
        ),
        "short-training": Preset(Text("200 updates each", "Po 200 aktualizacji"), replace(BASE, updates=200)),
        "other-seed": Preset(Text("The default with seed 1", "Domyślny z ziarnem 1"), replace(BASE, seed=1)),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "Lecture notes say that a plain network remembers 5 to 10 steps. What would have to be added?",
                "Notatki mówią, że zwykła sieć pamięta 5–10 kroków. Co należałoby dodać?",
            ),
            Text(
                "The task, the weights and the training. One bit can be latched by two saturated units and kept as "
                "long as you like; the same network after a short training, or with much to keep at once, forgets at "
                "once. Run the preset short-training.",
                "Zadanie, wagi i uczenie. Jeden bit mogą zatrzasnąć dwie nasycone jednostki i trzymać go dowolnie "
                "długo; ta sama sieć po krótkim uczeniu albo z wieloma rzeczami do zapamiętania zapomina od razu. "
                "Uruchom wariant short-training.",
            ),
        ),
        Exercise(
            Text(
                "Between phrases the gradient by a far letter is small. Is that a fault of the network?",
                "Poza zamknięciami gradient po dalekiej literze jest mały. Czy to wada sieci?",
            ),
            Text(
                "No. The far letter does not matter there: the text itself gives steps unequal weight. Only at a "
                "closing letter does a small gradient show something lost.",
                "Nie. Daleka litera nie ma tam znaczenia: to sam tekst nadaje krokom nierówną wagę. Dopiero przy "
                "literze zamykającej mały gradient oznacza stratę.",
            ),
        ),
    ),
)
