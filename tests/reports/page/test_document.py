"""The frame of a page: the first figure beside the verdict, whatever page it is."""

from __future__ import annotations

import re

import plotly.graph_objects as go
import pytest

from nurt.reports.page.document import ENGLISH, POLISH, Frame, Opening, Picture, Section, render, switch
from nurt.reports.page.html import Markup, element

SECTION = Section("a", "Part", element("p", "Text."))


def page(picture: Picture | None, frame: Frame = ENGLISH, chooser: str = "") -> str:
    opening = Opening(element("h1", "Title"), element("p", "Answer."), picture, element("p", "Numbers."), chooser)
    return render("Title", opening, [SECTION], Markup("End"), frame)


def test_verdict_figure_and_numbers_come_in_this_order_before_the_contents() -> None:
    text = page(Picture("Figure", "d", "How.", [go.Figure()]))
    order = ["<h1>Title", 'class="first"', "Answer.", "<h2>Figure</h2>", "Numbers.", "<nav", 'id="a"']
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_a_page_without_a_figure_has_one_column() -> None:
    text = page(None)
    assert 'class="first"' not in text and 'class="plot"' not in text
    assert text.index("Answer.") < text.index("Numbers.")


def test_a_chooser_stands_with_the_first_figure_and_names_the_section_that_follows() -> None:
    chooser = switch(["one", "two"], label="Series", follows="a")
    text = page(Picture("Figure", "d", "How.", [go.Figure()]), chooser=chooser)
    evidence = text[text.index('class="evidence"') : text.index("</figure>")]
    assert '<select class="switch" data-follows="a">' in evidence
    assert switch(["one"], label="Series", follows="a") == ""


@pytest.mark.parametrize(("frame", "other"), [(ENGLISH, POLISH), (POLISH, ENGLISH)], ids=["en", "pl"])
def test_the_words_of_the_frame_are_of_one_language(frame: Frame, other: Frame) -> None:
    text = page(None, frame)
    assert f'<html lang="{frame.language}">' in text
    for words in ("skip", "without_script", "without_drawing", "save", "rounded"):
        assert getattr(frame, words) in text
        assert getattr(other, words) not in text


def test_the_policy_lets_nothing_be_fetched() -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page(None))
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy and "connect-src" not in policy and "unsafe-eval" not in policy
