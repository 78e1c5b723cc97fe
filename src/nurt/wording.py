"""Numbers, counts, comparisons, names and texts in two languages, put into words: the only place for them.

Names and cells that come from files pass through :func:`escaped` or :func:`name_in_words` before a person sees them.
In tables numbers line up: :func:`fixed`, :func:`percent`, :func:`p_value`. Within sentences they are short:
:func:`number`, :func:`percent_in_words`, :func:`p_in_words`, :func:`compared`. :class:`Text` holds English and Polish.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "LANGUAGES",
    "MISSING",
    "Language",
    "Text",
    "compared",
    "count",
    "counted",
    "decimals_for",
    "escaped",
    "figures_of",
    "fixed",
    "interval",
    "joined",
    "localised",
    "name_in_words",
    "number",
    "p_in_words",
    "p_value",
    "percent",
    "percent_in_words",
    "plural",
    "quoted",
    "seconds",
    "spanned",
    "to_digits",
    "unbroken",
    "updates_made",
]

Language: TypeAlias = Literal["en", "pl"]
LANGUAGES: tuple[Language, ...] = ("en", "pl")
MISSING = "–"
MOST_DECIMALS = 8
LONGEST_NAME = 80
LONGEST_PATH = 200
# Controls (terminal escapes, NUL), format characters (bidi marks, zero widths), halves of pairs, ends of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def decimals_for(values: Iterable[float | None], significant: int = 3) -> int:
    """Return how many decimals give the smallest of ``values`` so many significant digits, at most 8."""
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value) and value != 0.0]
    if not sizes:
        return 2
    return min(MOST_DECIMALS, max(0, significant - 1 - math.floor(math.log10(min(sizes)))))


def fixed(value: float | None, decimals: int) -> str:
    """Return ``value`` with so many decimals; in scientific notation where it is very small or large."""
    if value is None or not math.isfinite(value):
        return MISSING
    size = abs(value)
    if size >= 1e9 or 0.0 < size < 0.5 * 10.0**-decimals:
        return f"{value:.2e}".replace("-", "−")
    return f"{value:.{decimals}f}".replace("-", "−")


def number(value: float | None, significant: int = 4) -> str:
    """Return a single number to so many significant digits."""
    if value is not None and 0.0 < abs(value) < 10.0 ** (significant - 1 - MOST_DECIMALS):
        return fixed(value, 0)
    return fixed(value, decimals_for([value], significant))


def percent(share: float | None, decimals: int = 1, *, sign: bool = False) -> str:
    """Return a share (1 = all) in per cent for a table, with a plus sign if asked for."""
    if share is None or not math.isfinite(share):
        return MISSING
    return f"{100.0 * share:{'+' if sign else ''}.{decimals}f}\N{NO-BREAK SPACE}%".replace("-", "−")


def percent_in_words(share: float | None, decimals: int | None = None) -> str:
    """Return a share (1 = all) in per cent for a sentence, without its sign.

    Args:
        share: None or not finite for an unknown one.
        decimals: None for a whole number, with one decimal below one.
    """
    if share is None or not math.isfinite(share):
        return MISSING
    percentage = 100.0 * abs(share)
    if decimals is None:
        decimals = 1 if round(percentage, 1) < 1.0 else 0
    return f"{percentage:.{decimals}f} %"


def p_value(p: float | None) -> str:
    """Return a p-value for a table, or that it is below 0.001."""
    if p is None or not math.isfinite(p):
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_in_words(p_value: float) -> str:
    """Return a p-value within a sentence: two decimals, three below 0.1, or that it is below 0.001."""
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.2f}"


def interval(low: float | None, high: float | None, decimals: int) -> str:
    """Return ``low … high``, or the sign for missing when either end is unknown."""
    if not (_known(low) and _known(high)):
        return MISSING
    return f"{fixed(low, decimals)} … {fixed(high, decimals)}"


def compared(ratio: float, other: str = "") -> str:
    """Return how an error that is ``ratio`` times another compares, with ``other`` named if given.

    Example:
        >>> compared(1.04, "repeating the last value"), compared(4.37), compared(0.995)
        ('4 % worse than repeating the last value', '4.4 times worse', '0.5 % better')
    """
    if abs(ratio - 1.0) < 0.0005:
        return f"as good as {other}" if other else "as good"
    if ratio >= 1.5:
        degree = f"{ratio:.1f} times worse" if ratio < 9.95 else f"{ratio:.0f} times worse"
    else:
        degree = f"{percent_in_words(1.0 - ratio)} {'better' if ratio < 1.0 else 'worse'}"
    return f"{degree} than {other}" if other else degree


def seconds(duration: float) -> str:
    """Return a duration in words: seconds, minutes or hours."""
    if duration < 10.0:
        return f"{duration:.1f} s"
    whole = round(duration)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def count(whole: int) -> str:
    """Return a whole number in groups of three digits, from five digits on."""
    return f"{whole:,}".replace(",", "\N{NARROW NO-BREAK SPACE}") if abs(whole) >= 10_000 else str(whole)


def escaped(text: str) -> str:
    r"""Return ``text`` with every character that acts instead of being seen written as in Python; line feeds stay.

    A name from a file may hold terminal escapes, marks that reverse the order of letters, or half of a surrogate
    pair, which no terminal can print.

    Example:
        >>> print(escaped("red \x1b[31m, reversed \u202e, zażółć"))
        red \x1b[31m, reversed \u202e, zażółć
    """
    if text.isprintable():
        return text
    return "".join(
        repr(sign)[1:-1] if sign != "\n" and unicodedata.category(sign) in _UNSEEN else sign for sign in text
    )


def name_in_words(name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name or a cell as it stands within a sentence: escaped, in one line, cut to so many characters."""
    return escaped(_cut(name, longest)).replace("\n", "\\n")


def path_in_words(path: str) -> str:
    """Return a path as it stands within a sentence: escaped, in one line; of a long one its end."""
    return name_in_words(path if len(path) <= LONGEST_PATH else "… " + path[-LONGEST_PATH:], LONGEST_PATH + 2)


def quoted(cell: str, longest: int = LONGEST_NAME) -> str:
    """Return a name or a cell in quotes, with its control characters escaped, cut to so many characters."""
    return repr(_cut(cell, longest))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest] + " …"


def unbroken(text: str) -> str:
    """Return ``text`` with no-break spaces before per cent signs and inside "p = 0.31"."""
    return re.sub(r"(?<=\d) (?=%)|(?<=\bp) (?==)|(?<=\bp =) ", "\N{NO-BREAK SPACE}", text)


@dataclass(frozen=True)
class Text:
    """The same words in English and in Polish; ``text["pl"]`` picks one.

    Args:
        en: English.
        pl: Polish.
    """

    en: str
    pl: str

    # Python would else look for a word in it by its numbers, without an end.
    __iter__ = None

    def __str__(self) -> str:
        return self.en

    def __getitem__(self, language: Language) -> str:
        """Return the words in one language."""
        return self.pl if language == "pl" else self.en

    def filled(self, **values: float | str | Text) -> Text:
        """Return the words with ``{name}`` replaced in both languages; numbers get the language's decimal sign."""

        def one(language: Language) -> str:
            return self[language].format(**{name: figures_of(value, language) for name, value in values.items()})

        return Text(one("en"), one("pl"))


def joined(*parts: Text) -> Text:
    """Return sentences in a row, with a space between them."""
    return Text(" ".join(one.en for one in parts), " ".join(one.pl for one in parts))


def counted(count: int, english: tuple[str, str], polish: tuple[str, str, str]) -> Text:
    """Return a count with its noun in the matching plural form.

    Args:
        count: how many.
        english: the noun for 1 and for more.
        polish: the noun for 1, for 2 to 4 (also 22, 103), and for the rest.
    """
    few = count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14)
    form = 0 if count == 1 else 1 if few else 2
    return Text(f"{count} {english[count != 1]}", f"{count} {polish[form]}")


def plural(count: int, noun: str) -> str:
    """Return a count with an English noun, which takes an s for any count but one; ``counted`` has other plurals.

    Example:
        >>> plural(1, "step"), plural(0, "row")
        ('1 step', '0 rows')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def updates_made(count: int) -> Text:
    """Return how many updates of the weights there were, in words."""
    if count == 0:
        return Text("nothing is trained", "nic nie jest uczone")
    return counted(count, ("update", "updates"), ("aktualizacja", "aktualizacje", "aktualizacji"))


def to_digits(value: float, digits: int = 3) -> float:
    """Return a number rounded to so many significant digits, for a sentence."""
    return float(f"{value:.{digits}g}")


def figures_of(value: float | str | Text, language: Language) -> str:
    """Return a cell of a table, or what stands in a sentence, in a language."""
    if isinstance(value, Text):
        return value[language]
    return value if isinstance(value, str) else localised(value, language)


def localised(value: float, language: Language, significant: int = 5) -> str:
    """Return a number to so many significant digits: a true minus, the language's decimal sign, no trailing zeros."""
    if isinstance(value, int):
        written = str(value)
    elif math.isnan(value):
        return "–"
    elif math.isinf(value):
        written = "∞" if value > 0 else "-∞"
    else:
        written = _scientific(f"{value:.{significant}g}")
    return written.replace("-", "−").replace(".", "," if language == "pl" else ".")


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _scientific(written: str) -> str:
    """Return ``1.2e-05`` as ``1.2·10⁻⁵``."""
    digits, sign, exponent = written.partition("e")
    if not sign:
        return written
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits}·10{raised}"


def spanned(first: str, last: str) -> str:
    """Return from when to when in a few words that follow a count; nothing where the labels are positions alone.

    Example:
        >>> spanned("2024-01-02", "2024-12-31"), spanned("observation 1", "observation 500")
        (', 2024-01-02 to 2024-12-31', '')
    """
    return "" if first.startswith("observation ") else f", {first} to {last}"
