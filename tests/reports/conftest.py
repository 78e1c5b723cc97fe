"""Gives tests the made-up results of ``tests/reports/fabricate.py``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HOME = Path(__file__).resolve().parents[1] / "reports" / "fabricate.py"


@pytest.fixture(scope="session")
def fabricate() -> ModuleType:
    """Return the module that makes results up; under importlib mode test files cannot import each other."""
    spec = importlib.util.spec_from_file_location("fabricate", HOME)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
