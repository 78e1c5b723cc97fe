"""Every example in a docstring runs and prints what it says; what is cited stands in `REFERENCES.bib`."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import nurt
import nurt.nn
import nurt.training

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "nurt"

# torch says so once per process; it concerns its speed, not its numbers.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(nurt.__path__, "nurt.")
    if not module.name.endswith(("._cpu", ".__main__"))
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NURT_RUNG", raising=False)
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    # What a reader has at hand: torch, NumPy, and the public names of the networks.
    at_hand = {"torch": torch, "np": np, "nurt": nurt} | {one: getattr(nurt.nn, one) for one in nurt.nn.__all__}
    options = doctest.NORMALIZE_WHITESPACE
    results = doctest.testmod(module, extraglobs=at_hand | vars(module), optionflags=options, report=True)
    assert results.failed == 0


def test_there_are_examples_to_run() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    shown = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(shown) > 25


@pytest.mark.parametrize(
    "called",
    [
        *(getattr(nurt.nn, name) for name in nurt.nn.__all__ if name in ("RNN", "LSTM", "GRU", "Stack", "Recurrent")),
        *(nurt.nn.unroll, nurt.nn.build, nurt.nn.Bidirectional, nurt.nn.check_cell, nurt.nn.explain),
        *(nurt.kernels.use, nurt.kernels.explain, nurt.Forecaster),
        *(nurt.data.select, nurt.data.from_frame, nurt.data.split_by_time),
    ],
    ids=lambda called: f"{called.__module__}.{called.__qualname__}",
)
def test_what_one_calls_first_shows_an_example(called: object) -> None:
    (found,) = doctest.DocTestFinder(recurse=False).find(called, "called")
    assert found.examples


def _documented() -> Iterator[tuple[str, object]]:
    """Return every class, function and method of nurt that has a docstring."""
    for name in MODULES:
        for own in vars(importlib.import_module(name)).values():
            if getattr(own, "__module__", None) != name or not (inspect.isclass(own) or inspect.isfunction(own)):
                continue
            methods = vars(own).values() if inspect.isclass(own) else ()
            for found in (own, *(one for one in methods if inspect.isfunction(one))):
                if found.__doc__:
                    yield f"{name}:{found.__qualname__}", found


def _arguments(docstring: str) -> list[str] | None:
    """Return the names under `Args:`, or None where there is no such section."""
    section = re.search(r"^Args:\n((?: {4}.*\n|\n)*)", inspect.cleandoc(docstring) + "\n", re.MULTILINE)
    if section is None:
        return None
    entries = re.findall(r"^ {4}((?:\*{0,2}\w+(?:, )?)+): ", section[1], re.MULTILINE)
    return [name.lstrip("*") for entry in entries for name in entry.split(", ")]


def test_arguments_are_those_of_the_signature() -> None:
    checked = 0
    for place, found in _documented():
        names = _arguments(found.__doc__ or "")
        if names is None:
            continue
        parameters = inspect.signature(found).parameters
        passed_on = {name for name, one in parameters.items() if one.kind is inspect.Parameter.VAR_KEYWORD}
        taken = set(parameters) - {"self", "cls"} - passed_on
        assert taken <= set(names), f"{place} does not say what these are: {taken - set(names)}"
        assert passed_on or set(names) <= taken, f"{place} describes what it does not take: {set(names) - taken}"
        checked += 1
    assert checked > 200


KEY = re.compile(r"\b([a-z]+(?:19|20)\d\d[a-z]+)\b")
ENTRY = re.compile(r"^@\w+\{([^,\s]+),$", re.MULTILINE)


def _texts() -> dict[str, str]:
    """Return the text of everything that may cite: sources, programs and pages."""
    files = [*SOURCES.rglob("*.py"), *SOURCES.rglob("*.md"), *(ROOT / "examples").glob("*.py")]
    files += [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}


def test_every_key_that_is_cited_has_an_entry_and_every_entry_is_cited() -> None:
    cited: dict[str, str] = {}
    for place, text in _texts().items():
        cited |= dict.fromkeys(KEY.findall(text), place)
    entries = ENTRY.findall((ROOT / "REFERENCES.bib").read_text(encoding="utf-8"))
    assert not {key: place for key, place in cited.items() if key not in entries}, "cited, and not in REFERENCES.bib"
    assert not sorted(set(entries) - set(cited)), "in REFERENCES.bib, and cited nowhere"


def test_entries_are_unique_sorted_and_complete() -> None:
    text = (ROOT / "REFERENCES.bib").read_text(encoding="utf-8")
    entries = ENTRY.findall(text)
    assert entries == sorted(set(entries))
    for entry in re.split(r"^@", text, flags=re.MULTILINE)[1:]:
        fields = dict(re.findall(r"^  (\w+) = \{(.+)\},?$", entry, flags=re.MULTILINE))
        key = entry.partition("{")[2].partition(",")[0]
        assert {"author", "title", "year"} <= fields.keys(), key
        assert {"journal", "booktitle", "publisher"} & fields.keys(), key
        assert fields["year"] in key, key


def test_keys_are_cited_in_plain_words() -> None:
    for place, text in _texts().items():
        assert ":cite:" not in text, f"{place}: write the key itself, as in [elman1990finding]"
