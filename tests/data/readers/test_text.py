"""Bytes to cells: encodings, separators and quotes."""

from __future__ import annotations

import pytest

from nurt.data.readers.text import decode, sheet_of_text
from nurt.errors import DataError

WORDS = "data;Kraków - pył zawieszony;pełny numer tabeli;wskaźnik\n"


@pytest.mark.parametrize("encoding", ["cp1250", "iso-8859-2", "cp852"])
def test_the_encoding_is_told_by_polish_words(encoding: str) -> None:
    text, note = decode(WORDS.encode(encoding), "f.csv")
    assert text == WORDS
    assert note is not None
    assert "f.csv is not UTF-8" in note


def test_a_known_word_settles_what_single_letters_do_not() -> None:
    """The only letter, ą of cp852, is Ą in cp1250: both are Polish, but only one makes a word."""
    text, note = decode("miesiąc;y\n2020-01;1,5\n".encode("cp852"), "f.csv")
    assert text.startswith("miesiąc;")
    assert note is not None
    assert "cp852" in note


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_needs_no_guess(encoding: str) -> None:
    assert decode(WORDS.encode(encoding), "f.csv") == (WORDS, None)


def test_western_letters_do_not_stop_the_reading() -> None:
    text, note = decode("date;température\n2020-01-01;1,5\n".encode("iso-8859-1"), "f.csv")
    assert "1,5" in text
    assert note is not None


@pytest.mark.parametrize("data", [b"\x00\x01\x02\x03" * 50, bytes(range(1, 32)) * 20])
def test_binary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="binary file"):
        decode(data, "f.csv")


def test_lines_are_numbered_as_in_the_file() -> None:
    sheet = sheet_of_text('\na,b\n\n"x\ny",2\n3,4\n', "f.csv")
    assert sheet.rows == [["a", "b"], ["x\ny", "2"], ["3", "4"]]
    assert sheet.lines == [2, 4, 6]


def test_a_semicolon_goes_before_a_comma() -> None:
    assert sheet_of_text("a;b\n1,5;2,5\n3,5;4,5\n", "f.csv").separator == ";"


def test_a_header_with_its_own_separator_is_split_by_it() -> None:
    sheet = sheet_of_text("a*b*c\n1,2,3,\n4,5,6,\n", "f.csv")
    assert sheet.rows[0] == ["a", "b", "c"]


def test_a_cut_last_line_is_known() -> None:
    assert sheet_of_text("a,b\n1,2", "f.csv").cut
    assert not sheet_of_text("a,b\n1,2\n", "f.csv").cut


def test_an_unclosed_quote_is_refused_with_its_line() -> None:
    with pytest.raises(DataError, match=r"f\.csv, line 3: a quoted cell is damaged"):
        sheet_of_text('a,b\n1,2\n3,"4\n5,6\n', "f.csv")
