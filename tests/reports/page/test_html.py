"""Indices and powers within sentences."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.reports.page.html import Column, Markup, definitions, element, items, join, safe, table, typeset


@given(st.text())
def test_plain_text_never_opens_a_tag_or_an_attribute(text: str) -> None:
    written = element("p", text, title=text)
    assert written.count("<") == 2
    assert written.count('"') == 2


def test_markup_passes_through_and_stays_markup() -> None:
    bold = element("strong", "a < b")
    assert bold == "<strong>a &lt; b</strong>"
    assert safe(bold) is bold
    assert element("p", bold, " & more") == "<p><strong>a &lt; b</strong> &amp; more</p>"


def test_attributes_are_renamed_and_left_out_where_they_say_nothing() -> None:
    written = element("div", class_="plot", aria_label="x", hidden=True, title=None, open=False)
    assert written == '<div class="plot" aria-label="x" hidden></div>'


def test_void_elements_have_no_end() -> None:
    assert element("br") == "<br>"


def test_join_escapes_separator_and_parts() -> None:
    assert join(["<a>", Markup("<b>")], " & ") == "&lt;a&gt; &amp; <b>"


def test_a_table_names_itself_and_gives_every_header_a_scope() -> None:
    written = table(
        [Column("Name", numeric=False), Column("MAE")], [["<x>", "1"], ["y", "2"]], caption="Errors", highlight=1
    )
    assert "<caption>Errors</caption>" in written
    assert written.count('scope="col"') == 2
    assert written.count('scope="row"') == 2
    assert "&lt;x&gt;" in written
    assert written.count("tinted") == 1


def test_a_note_stands_outside_the_box_that_scrolls() -> None:
    written = table([Column("Name")], [["x"]], caption="c", note="mind < this")
    assert written.endswith('</div><p class="note">mind &lt; this</p>')


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        table([Column("Name"), Column("MAE")], [["x"]], caption="c")


def test_lists_escape_their_entries() -> None:
    assert "&lt;i&gt;" in items(["<i>"])
    assert "<dt>&lt;a</dt><dd>b&gt;</dd>" in definitions([("<a", "b>")])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h_t = w·h_(t−1)", "h<sub>t</sub> = w·h<sub>t−1</sub>"),
        ("∂ℓ/∂w_rec at h_50²", "∂ℓ/∂w<sub>rec</sub> at h<sub>50</sub>²"),
        ("W^t = VΛ^tV⁻¹", "W<sup>t</sup> = VΛ<sup>t</sup>V⁻¹"),
        ("w_rec^T · G_T", "w<sub>rec</sub><sup>T</sup> · G<sub>T</sub>"),
        ("h→_t and 2^(S−1)", "h→<sub>t</sub> and 2<sup>S−1</sup>"),
        ("24 h at 3 % and 5 hours", "24\N{NO-BREAK SPACE}h at 3\N{NO-BREAK SPACE}% and 5 hours"),
        ("a < b_n", "a &lt; b<sub>n</sub>"),
    ],
)
def test_indices_and_powers(text: str, expected: str) -> None:
    assert typeset(text) == expected


@pytest.mark.parametrize("name", ["weight_ih_l0", "batch_first=True", "archiwum_tab_a_2021.csv", "gradient_scale"])
def test_names_stay_as_they_are(name: str) -> None:
    assert typeset(name) == name


def test_html_stays_as_it_is() -> None:
    assert typeset(Markup("<b>h_t</b>")) == "<b>h_t</b>"


@given(st.text())
def test_nothing_of_a_text_becomes_markup_of_its_own(text: str) -> None:
    assert "<" not in re.sub(r"</?su[bp]>", "", typeset(text))
    assert html.unescape(typeset("plain & <i>")) == "plain & <i>"
