"""Every example in a docstring of the two floors runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
import torch

import nurt.kernels
import nurt.nn

# torch says so once per process; it concerns its speed, not its numbers.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")

MODULES = [
    module.name
    for package in (nurt.nn, nurt.kernels)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("._cpu")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name, monkeypatch):
    monkeypatch.delenv("NURT_RUNG", raising=False)
    module = importlib.import_module(name)
    # What a reader has at hand: torch, and the public names.
    names = {"torch": torch, "nurt": nurt} | {name: getattr(nurt.nn, name) for name in nurt.nn.__all__} | vars(module)
    results = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE, report=True)
    assert results.failed == 0


def test_the_public_classes_and_functions_that_one_calls_have_examples():
    finder = doctest.DocTestFinder(recurse=False)
    for name in (
        "RNN",
        "LSTM",
        "GRU",
        "unroll",
        "build",
        "Stack",
        "Recurrent",
        "Bidirectional",
        "check_cell",
        "explain",
    ):
        (found,) = finder.find(getattr(nurt.nn, name), name)
        assert found.examples, f"nurt.nn.{name} shows no example"
