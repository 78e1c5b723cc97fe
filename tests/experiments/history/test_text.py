"""The generated text holds exactly the dependencies it is said to hold."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nurt.experiments.history.text import ALPHABET, PhraseText


def spelt(letters: np.ndarray) -> str:
    return "".join(ALPHABET[letter] for letter in letters)


@pytest.mark.parametrize("longest", [1, 2, 30])
def test_every_phrase_closes_as_it_opened(longest: int) -> None:
    letters, distance = PhraseText(longest).letters(5000, np.random.default_rng(0))
    text = spelt(letters)
    assert len(text) == len(distance) == 5000
    assert re.fullmatch(rf"(a[mnop]{{1,{longest}}}A|b[mnop]{{1,{longest}}}B)*[ab]?[mnop]*", text)
    for place in np.flatnonzero(distance):
        assert text[place] == text[place - distance[place]].upper()
    assert (distance[[letter not in "AB" for letter in text]] == 0).all()
    if longest == 30:
        lengths = distance[distance > 0] - 1
        assert set(range(1, 31)) == set(lengths)
        assert np.mean(lengths) == pytest.approx(15.5, abs=4 * np.sqrt((30**2 - 1) / 12 / len(lengths)))


def test_a_filler_favours_the_next_of_the_cycle() -> None:
    text = spelt(PhraseText().letters(40_000, np.random.default_rng(1))[0])
    pairs = re.findall(r"(?=m([mnop]))", text)
    # 0.7, and a quarter of the other 0.3.
    share = np.mean([pair == "n" for pair in pairs])
    assert share == pytest.approx(0.775, abs=4 * np.sqrt(0.775 * 0.225 / len(pairs)))


def test_windows_end_anywhere_and_know_what_follows() -> None:
    windows = PhraseText(4).windows(2000, 9, np.random.default_rng(2))
    assert windows.letters.shape == (2000, 9)
    for row, after, distance in zip(windows.letters, windows.following, windows.distance, strict=True):
        if 0 < distance <= 9:
            assert ALPHABET[after] == ALPHABET[row[-distance]].upper()
        assert (ALPHABET[after] in "AB") is bool(distance > 0)
    # A phrase has 2.5 fillers on average and two letters besides.
    closing = np.mean(windows.distance > 0)
    assert closing == pytest.approx(1 / 4.5, abs=4 * np.sqrt(0.2 * 0.8 / 2000))


@pytest.mark.parametrize("distance", [2, 5, 9, 12])
def test_closing_windows_have_their_opening_where_they_say(distance: int) -> None:
    windows = PhraseText(30).closing_windows(distance, 300, 9, np.random.default_rng(3))
    assert windows.letters.shape == (300, 9)
    assert (windows.distance == distance).all()
    for row, after in zip(windows.letters, windows.following, strict=True):
        text = spelt(row)
        assert ALPHABET[after] in "AB"
        if distance <= 9:
            assert text[-distance] == ALPHABET[after].lower()
            assert re.fullmatch(r"[mnop]*", text[len(text) - distance + 1 :])
            assert distance == 9 or text[-distance - 1] in "AB"
        else:
            assert re.fullmatch(r"[mnop]*", text)
    assert np.mean(windows.following == ALPHABET.index("A")) == pytest.approx(0.5, abs=0.12)
