"""The packing of the script that draws: the bytes it had, in signs that mean nothing to HTML."""

from __future__ import annotations

import base64
import html
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.reports.page.library import SIGNS, packed


def unpacked(text: str) -> str:
    """Return what was packed, by the definition of a number in base 85."""
    filled = text + SIGNS[84] * (-len(text) % 5)
    data = bytearray()
    for start in range(0, len(filled), 5):
        number = 0
        for sign in filled[start : start + 5]:
            number = number * 85 + SIGNS.index(sign)
        data += number.to_bytes(4, "big")
    return zlib.decompress(bytes(data[: len(text) * 4 // 5])).decode()


@given(st.text())
def test_what_is_unpacked_is_what_was_packed(text: str) -> None:
    written = packed(text)
    assert unpacked(written) == text
    assert html.escape(written) == written


@pytest.mark.parametrize("length", range(1, 9))
def test_every_length_of_the_rest_is_unpacked(length: int) -> None:
    assert unpacked(packed("ż" * length)) == "ż" * length


def test_the_digits_are_eighty_five_and_mean_nothing_to_html() -> None:
    assert len(set(SIGNS)) == 85
    assert not set(SIGNS) & set("<>&\"'\\ ")


def test_it_is_a_fifteenth_shorter_than_base_64() -> None:
    text = "".join(chr(33 + (number * number) % 90) for number in range(20000))
    assert len(packed(text)) < 0.95 * len(base64.b64encode(zlib.compress(text.encode(), 9)))
