"""Indices and powers within sentences."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.reports.formulas import typeset
from nurt.reports.html import Markup


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
