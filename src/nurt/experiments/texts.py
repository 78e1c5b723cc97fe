"""Words in the two languages of the pages, kept beside what they describe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["LANGUAGES", "Language", "Text", "counted", "figures_of", "number", "updates_made"]

Language: TypeAlias = Literal["en", "pl"]
LANGUAGES: tuple[Language, ...] = ("en", "pl")


@dataclass(frozen=True)
class Text:
    """The same words in English and in Polish; ``text["pl"]`` picks one.

    Args:
        en: English.
        pl: Polish.
    """

    en: str
    pl: str

    def __getitem__(self, language: Language) -> str:
        """Return the words in one language."""
        return self.pl if language == "pl" else self.en

    def filled(self, **values: float | str | Text) -> Text:
        """Return the words with ``{name}`` replaced in both languages; numbers get the language's decimal sign."""

        def one(language: Language) -> str:
            return self[language].format(**{name: figures_of(value, language) for name, value in values.items()})

        return Text(one("en"), one("pl"))


def counted(count: int, english: tuple[str, str], polish: tuple[str, str, str]) -> Text:
    """Return a count with its noun in the form that goes with it.

    Args:
        count: how many.
        english: the noun for 1 and for more.
        polish: the noun for 1, for 2 to 4 (also 22, 103), and for the rest.
    """
    few = count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14)
    form = 0 if count == 1 else 1 if few else 2
    return Text(f"{count} {english[count != 1]}", f"{count} {polish[form]}")


def updates_made(count: int) -> Text:
    """Return how many updates of the weights there were, in words."""
    if count == 0:
        return Text("nothing is trained", "nic nie jest uczone")
    return counted(count, ("update", "updates"), ("aktualizacja", "aktualizacje", "aktualizacji"))


def figures_of(value: float | str | Text, language: Language) -> str:
    """Return a cell of a table, or what stands in a sentence, in a language."""
    if isinstance(value, Text):
        return value[language]
    return value if isinstance(value, str) else number(value, language)


def number(value: float, language: Language, significant: int = 5) -> str:
    """Return a number to so many significant digits: a real minus, the language's decimal sign, no idle zeros."""
    if isinstance(value, int):
        written = str(value)
    elif math.isnan(value):
        return "–"
    elif math.isinf(value):
        written = "∞" if value > 0 else "-∞"
    else:
        written = _scientific(f"{value:.{significant}g}")
    return written.replace("-", "−").replace(".", "," if language == "pl" else ".")


def _scientific(written: str) -> str:
    """Return ``1.2e-05`` as ``1.2·10⁻⁵``."""
    digits, sign, exponent = written.partition("e")
    if not sign:
        return written
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits}·10{raised}"
