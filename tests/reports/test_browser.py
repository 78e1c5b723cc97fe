"""Pages in a real browser: drawn from what is packed, in its own words, with nothing fetched, and saved as they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from nurt import plotting
from nurt.experiments import LANGUAGES, Language, run
from nurt.reports.experiment import write_experiment_report
from nurt.reports.export import figure_csv
from nurt.reports.page.document import ENGLISH, POLISH, Frame, Opening, Picture, Section, switch, write_page
from nurt.reports.page.html import Markup, element, join

# Presses every button of the page; returns what it saved, and where things stand.
LOOK = """
(async () => {
  const end = Date.now() + 60000;
  const wait = async (what) => {
    if (Date.now() > end) {
      throw new Error(`waited in vain for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const drawn = () => document.querySelectorAll(".export:not([hidden])").length;
  while (drawn() < document.querySelectorAll(".plot").length) {
    await wait("figures");
  }
  const blobs = new Map(), saved = [];
  const made = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (blob) => { const url = made(blob); blobs.set(url, blob); return url; };
  HTMLAnchorElement.prototype.click = function () { saved.push([this.download, this.href]); };
  const buttons = Array.from(document.querySelectorAll(".export button"));
  buttons.forEach((button) => button.click());
  while (saved.length < buttons.length) {
    await wait(`files, has ${saved.map((one) => one[0])}`);
  }
  const files = {};
  for (const [name, href] of saved) {
    const blob = blobs.get(href);
    files[name] = [blob ? blob.size : href.length, name.endsWith(".csv") ? await blob.text() : ""];
  }
  const boxes = (selector) => Array.from(document.querySelectorAll(selector), (one) => {
    const { left, top, right, bottom } = one.getBoundingClientRect();
    return { left, top, right, bottom };
  });
  return {
    files,
    labels: buttons.map((button) => button.title),
    drawn: document.querySelectorAll(".plot .main-svg .trace, .plot .main-svg .hm").length,
    plots: boxes(".plot"),
    verdict: boxes(".answer"),
    refused: !document.getElementById("no-drawing").hidden,
    width: document.documentElement.scrollWidth,
    window: window.innerWidth,
  };
})()
"""
REFUSED = """
(async () => {
  const box = document.getElementById("no-drawing");
  while (box.hidden) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const hidden = Array.from(document.querySelectorAll(".export"), (one) => getComputedStyle(one).display === "none");
  return { words: box.textContent, hidden };
})()
"""


def curves() -> go.Figure:
    figure = plotting.new_figure("", "step", "loss")
    for name, shift in (("=SUM(A1)", 0.1), ("h<sub>t</sub>, ‖x‖ &lt;b&gt;", 1e-9)):
        figure.add_scatter(x=np.arange(7), y=[None, *(np.arange(6) ** 2 / 3 + shift)], name=name)
    return figure


def surface() -> go.Figure:
    x, y = np.linspace(-1, 1, 41), np.linspace(0, 5, 37)
    figure = plotting.new_figure("", "weight w<sub>x</sub>", "bias")
    figure.add_heatmap(
        x=x, y=y, z=np.log10(5.5 + np.outer(y, x)), colorbar={"title": {"text": "loss"}}, meta=plotting.along(z="log10")
    )
    figure.add_scatter(x=[0.5], y=[1.5], name="end", mode="markers")
    return figure


def bars() -> go.Figure:
    figure = plotting.new_figure("", "MAE", "")
    error = {"type": "data", "array": np.array([0.1, 0.25]), "arrayminus": np.array([0.3, 0.4])}
    figure.add_scatter(x=np.array([1.5, 2.0]), y=["naive", "LSTM, 2 layers"], mode="markers", error_x=error)
    figure.add_bar(x=[1.0, 3.0, 9.0], y=["naive", "LSTM, <i>2</i> layers"], orientation="h", name="bar")
    figure.add_scatter(x=[7], y=["lifted"], meta=plotting.DECORATION)
    return figure


def signed() -> go.Figure:
    figure = plotting.new_figure("", "step", "gradient")
    values = np.array([-120.0, -0.02, 0.0, 3.5e6])
    drawn = np.sign(values) * np.log10(1.0 + np.abs(values) / 0.01)
    figure.add_scatter(x=["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"], y=drawn, meta=plotting.along(y=0.01))
    return figure


def long() -> go.Figure:
    figure = plotting.new_figure("", "", "value")
    figure.add_scatter(x=[f"łańcuch {index}" for index in range(1500)], y=np.arange(1500) ** 1.5)
    return figure


FIGURES: tuple[tuple[str, Callable[[], go.Figure]], ...] = (
    ("Curves", curves), ("Surface", surface), ("Bars", bars), ("Signs", signed), ("Long", long),
)  # fmt: skip


def written(path: Path, frame: Frame = ENGLISH, *, height: int = 360) -> Path:
    first, *others = [Picture(title, title, "How.", [draw()], height) for title, draw in FIGURES]
    names = ["one", "two"]
    chosen = Picture("Choice", "Choice", "How.", [curves(), bars()])
    opening = Opening(
        element("h1", "Title"),
        element("p", "The answer. " * 20),
        first,
        element("p", "Numbers."),
        switch(names, label="S"),
    )
    body = join([*(one.to_html() for one in others), switch(names, label="S"), chosen.to_html()])
    return write_page(path, "Title", opening, [Section("a", "Part", body)], Markup("End"), frame)


def table_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def assert_same_tables(found: str, expected: str, *, digits: float) -> None:
    rows, wanted = table_of(found), table_of(expected)
    assert rows[0] == wanted[0]
    assert len(rows) == len(wanted)
    for row, other in zip(rows, wanted, strict=True):
        for one, two in zip(row, other, strict=True):
            try:
                assert float(one) == pytest.approx(float(two), rel=digits, abs=1e-12)
            except ValueError:
                assert one == two


@pytest.mark.parametrize("frame", [ENGLISH, POLISH], ids=["en", "pl"])
def test_every_figure_is_drawn_and_saved_as_python_would(frame: Frame, browser: Any, tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", frame)
    seen = browser.page(page, LOOK)
    assert browser.complaints == []
    assert browser.requests == [page.as_uri()]
    assert seen["drawn"] >= 8
    assert not seen["refused"]
    assert frame.save.format(format="SVG") in seen["labels"]
    assert f"{frame.save.format(format='CSV')} ({frame.rounded})" in seen["labels"]
    for title, draw in FIGURES:
        for ending in ("svg", "png"):
            assert seen["files"][f"title-{title.lower()}.{ending}"][0] > 2000
        digits = {"Surface": 1e-4, "Long": 1e-5}.get(title, 1e-12)
        _, text = seen["files"][f"title-{title.lower()}.csv"]
        assert_same_tables(text, figure_csv(draw(), series=frame.series), digits=digits)


@pytest.mark.parametrize("height", [120, 900])
def test_verdict_and_first_figure_stand_side_by_side_on_the_first_screen(
    height: int, browser: Any, tmp_path: Path
) -> None:
    seen = browser.page(written(tmp_path / "page.html", height=height), LOOK)
    first, answer = seen["plots"][0], seen["verdict"][0]
    assert answer["right"] <= first["left"]
    assert answer["bottom"] < 800
    assert first["bottom"] < 800
    assert first["right"] - first["left"] > 500
    assert first["bottom"] - first["top"] > 250


def test_on_a_telephone_they_stand_one_below_the_other_and_nothing_runs_out(browser: Any, tmp_path: Path) -> None:
    seen = browser.page(written(tmp_path / "page.html"), LOOK, width=390, height=844)
    first, answer = seen["plots"][0], seen["verdict"][0]
    assert answer["bottom"] <= first["top"]
    assert seen["width"] <= seen["window"]


@pytest.mark.parametrize("frame", [ENGLISH, POLISH], ids=["en", "pl"])
def test_a_browser_that_cannot_unpack_says_so(frame: Frame, browser: Any, tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", frame)
    seen = browser.page(page, REFUSED, before="delete window.DecompressionStream;")
    assert seen["words"] == frame.without_drawing
    assert seen["hidden"] == [True] * (len(FIGURES) + 1)


CHOOSE = """
(async () => {
  while (document.querySelectorAll(".export[hidden]").length) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [first, own] = document.querySelectorAll("select.switch");
  const state = () => [
    Array.from(document.querySelectorAll("[data-choice]"), (part) => part.hidden),
    Array.from(document.querySelectorAll(".plot"), (plot) => plot.choice),
  ];
  const choose = (chooser, value) => {
    chooser.value = value;
    chooser.dispatchEvent(new Event("change"));
    return state();
  };
  return [state(), choose(first, "1"), choose(own, "1"), choose(first, "0")];
})()
"""


def test_a_chooser_redraws_its_own_part_and_the_one_that_follows(browser: Any, tmp_path: Path) -> None:
    opening = Opening(
        element("h1", "T"), element("p", "A"), Picture("F", "d", "h", [curves(), bars()]), "",
        switch(["one", "two"], label="S", follows="a"),
    )  # fmt: skip
    parts = [element("p", name, data_choice=str(index), hidden=index > 0) for index, name in enumerate(("one", "two"))]
    own = join([switch(["one", "two"], label="S"), Picture("G", "d", "h", [curves(), bars()]).to_html()])
    sections = [Section("a", "A", join(parts)), Section("b", "B", own)]
    page = write_page(tmp_path / "page.html", "T", opening, sections, Markup("End"))
    assert browser.page(page, CHOOSE) == [
        [[False, True], [0, 0]],
        [[True, False], [1, 0]],
        [[True, False], [1, 1]],
        [[False, True], [0, 1]],
    ]


def test_a_damaged_script_is_told(browser: Any, tmp_path: Path) -> None:
    page = written(tmp_path / "page.html")
    text = page.read_text(encoding="utf-8")
    middle = text.index('id="library"') + 900_000
    page.write_text(text[:middle] + text[middle + 7 :], encoding="utf-8")
    assert browser.page(page, REFUSED)["words"] == ENGLISH.without_drawing


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_of_an_experiment_is_drawn(language: Language, width: int, browser: Any, tmp_path: Path) -> None:
    result = run("linear/roelants", "near-start")
    page = write_experiment_report(result, tmp_path / "page.html", language=language)
    seen = browser.page(page, LOOK, width=width)
    assert browser.complaints == []
    assert browser.requests == [page.as_uri()]
    assert len(seen["plots"]) == len(result.figures())
    assert len(seen["files"]) == 3 * len(result.figures())
    assert seen["width"] <= seen["window"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ('<script>throw new Error("a fault");</script>', "a fault"),
        ('<img src="http://nurt.invalid/a.png" alt="">', "nurt.invalid"),
        ('<script src="http://nurt.invalid/a.js"></script>', "nurt.invalid"),
    ],
)
def test_a_page_with_a_fault_would_be_seen(fault: str, told: str, browser: Any, tmp_path: Path) -> None:
    page = written(tmp_path / "page.html")
    page.write_text(page.read_text(encoding="utf-8").replace("</footer>", f"</footer>{fault}"), encoding="utf-8")
    browser.page(page, LOOK)
    assert any(told in one for one in browser.complaints)
