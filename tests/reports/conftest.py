"""Gives tests what lies in files beside them: made-up results, and a browser."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HOME = Path(__file__).resolve().parents[1] / "reports"


def beside(name: str) -> ModuleType:
    """Return a module of this folder; under importlib mode test files cannot import each other."""
    spec = importlib.util.spec_from_file_location(name, HOME / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fabricate() -> ModuleType:
    """Return the module that makes results up."""
    return beside("fabricate")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a running browser."""
    chrome = beside("chrome")
    if chrome.FOUND is None:
        pytest.skip(f"no browser is installed: {', '.join(chrome.NAMES)}")
    running = chrome.Chrome(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()
