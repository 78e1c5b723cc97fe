"""What the parts of an examination show, and how to read their figures, in English and Polish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nurt.wording import Text

__all__ = ["COLOURS", "DYNAMICS", "LAYER_QUESTIONS", "MEANINGS", "SPECTRA", "Question"]


class Question(NamedTuple):
    """What a figure answers: its title, and the sentence under it."""

    title: Text
    how_to_read: Text


# By the names of the parts of a layer, in the order of the page; those of a layer's own section first.
LAYER_QUESTIONS: Mapping[str, Question] = {
    "gradient": Question(
        Text("Reach of the gradient within the layer", "Zasięg gradientu wewnątrz warstwy"),
        Text(
            "What is left of the gradient of one step's loss, k steps before it, within the layer: of the whole state "
            "and of the inputs. A straight fall on this scale is exponential; the dotted line is where it counts as "
            "gone.",
            "Co zostaje z gradientu funkcji straty jednego kroku, k kroków wcześniej, wewnątrz warstwy: dla całego "
            "stanu i dla wejść. Prosty spadek na tej skali jest wykładniczy; poniżej linii kropkowanej uznaje się, że "
            "gradient zanikł.",
        ),
    ),
    "contributions": Question(
        Text("Contribution of each step to the gradient", "Udział każdego kroku w gradiencie wag"),
        Text(
            "How much the use of the weights at each step adds to their gradient. Steps that lie orders of magnitude "
            "below the largest hardly teach the network.",
            "Ile użycie wag w każdym kroku wnosi do ich gradientu. Kroki o rzędy wielkości poniżej największego prawie "
            "nie uczą sieci.",
        ),
    ),
    "paths": Question(
        Text("Paths of the gradient", "Drogi gradientu"),
        Text(
            "The gradient of an LSTM's cell state, taken apart: along the cell itself, by the step's own output, and "
            "through the gates of the next step.",
            "Gradient stanu komórki LSTM rozłożony na części: wprost przez stan komórki, przez wyjście tego kroku i "
            "przez bramki następnego.",
        ),
    ),
    "truncation": Question(
        Text("Error of a truncated gradient", "Błąd skróconego gradientu"),
        Text(
            "Relative error of the gradient of the recurrent weights when it is truncated after K steps. Below the "
            "dotted line truncation costs little, at these weights.",
            "Błąd względny gradientu wag rekurencyjnych po skróceniu go do K kroków. Poniżej linii kropkowanej "
            "skracanie kosztuje niewiele, przy tych wagach.",
        ),
    ),
    "gates": Question(
        Text("Saturation of the gates", "Nasycenie bramek"),
        Text(
            "One point per unit and gate: to the right, often closed; upwards, often open. Near the corner at the "
            "origin a gate works in its range; at the ends its own weights learn slowly.",
            "Jeden punkt na jednostkę i bramkę: na prawo – często zamknięta, w górę – często otwarta. Przy początku "
            "układu bramka pracuje w swoim zakresie; na krańcach jej własne wagi uczą się wolno.",
        ),
    ),
    "memory": Question(
        Text("Memory of the units", "Pamięć jednostek"),
        Text(
            "Steps after which the forget or update gate leaves half of a unit's state, the units sorted. What comes "
            "round by other ways is not in it.",
            "Liczba kroków, po których bramka zapominania lub aktualizująca zostawia połowę stanu jednostki; jednostki "
            "posortowane. To, co wraca innymi drogami, nie jest tu liczone.",
        ),
    ),
}
DYNAMICS: Mapping[str, Question] = {
    "products": Question(
        Text("Product of the Jacobians of many steps", "Iloczyn jakobianów wielu kroków"),
        Text(
            "The largest and the smallest singular value of the product of the Jacobians of k steps: the most and the "
            "least that can be left of a gradient. Above the dotted line it may grow.",
            "Największa i najmniejsza wartość osobliwa iloczynu jakobianów k kroków: najwięcej i najmniej, ile może "
            "zostać z gradientu. Powyżej linii kropkowanej może on rosnąć.",
        ),
    ),
    "jacobians": Question(
        Text("Jacobian of one step", "Jakobian jednego kroku"),
        Text(
            "The largest singular value of the Jacobian of each step: how much a step can stretch a small difference "
            "of states.",
            "Największa wartość osobliwa jakobianu każdego kroku: jak bardzo krok może rozciągnąć małą różnicę stanów.",
        ),
    ),
    "lyapunov": Question(
        Text("Sensitivity to the initial state", "Wrażliwość na stan początkowy"),
        Text(
            "Mean growth of a small difference between two states, per step. Below the dotted line differences die "
            "out; an exponent above it means that they grow.",
            "Średni wzrost małej różnicy dwóch stanów na krok. Poniżej linii kropkowanej różnice wygasają; wykładnik "
            "powyżej niej oznacza, że rosną.",
        ),
    ),
    "connectivity": Question(
        Text("Dependence of a unit on the inputs", "Zależność jednostki od wejść"),
        Text(
            "How strongly the first unit of the layer at step t (downwards) depends on the input at step s (to the "
            "right), median of the rows. A narrow band along the diagonal is a short memory.",
            "Jak silnie pierwsza jednostka warstwy w kroku t (w dół) zależy od wejścia w kroku s (w prawo), mediana po "
            "wierszach. Wąski pas wzdłuż przekątnej to krótka pamięć.",
        ),
    ),
}
SPECTRA = Question(
    Text("Spectrum of the recurrent weights", "Widmo wag rekurencyjnych"),
    Text(
        "Norms of the powers of a matrix beside those that its eigenvalues promise. In a gated recurrence this is "
        "one matrix of several, and no statement on the network.",
        "Normy potęg macierzy obok tych, które obiecują jej wartości własne. W sieci z bramkami to jedna z kilku "
        "macierzy, a nie wniosek o całej sieci.",
    ),
)
# What a map shows, by the name of the quantity.
MEANINGS: Mapping[str, Text] = {
    "hidden": Text("What the layer hands on.", "To, co warstwa przekazuje dalej."),
    "cell": Text("What the layer keeps to itself.", "To, co warstwa przechowuje."),
    "input": Text("1 lets the candidate into the cell.", "1 wpuszcza kandydata do komórki."),
    "forget": Text("1 keeps the cell state, 0 erases it.", "1 zachowuje stan komórki, 0 go wymazuje."),
    "output": Text("1 shows the cell state, 0 hides it.", "1 pokazuje stan komórki, 0 go ukrywa."),
    "reset": Text("0 hides the previous state from the candidate.", "0 ukrywa poprzedni stan przed kandydatem."),
    "update": Text("1 keeps the previous state, 0 replaces it.", "1 zachowuje poprzedni stan, 0 go zastępuje."),
    "candidate": Text("What would be written into the state.", "To, co zostałoby zapisane w stanie."),
    "grad_hidden": Text("Total, over all paths to the loss.", "Całkowity, wszystkimi drogami do funkcji straty."),
    "grad_cell": Text("Total, over all paths to the loss.", "Całkowity, wszystkimi drogami do funkcji straty."),
}
COLOURS: Mapping[str, Text] = {
    "signed": Text(
        "Blue is negative, orange positive, white 0.", "Niebieski: ujemne, pomarańczowy: dodatnie, biały: 0."
    ),
    "share": Text("White is closed, dark blue open.", "Biały: zamknięta, granatowy: otwarta."),
    "gradient": Text(
        "Colour by the logarithm of the size: below a millionth of the largest value it is white.",
        "Kolor według logarytmu wielkości: poniżej milionowej części największej wartości jest biały.",
    ),
}
