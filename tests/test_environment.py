"""Where a result came from is known without importing what computed it."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import nurt
from nurt.environment import machine, versions


def test_versions_name_python_and_the_packages_that_decide_about_numbers() -> None:
    assert {"python", "nurt", "torch", "numpy"} <= versions().keys()
    assert "not installed" not in versions().values()


def test_without_metadata_the_version_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_metadata(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", no_metadata)
    monkeypatch.setattr("nurt.environment._PACKAGES", ("nurt", "no_such_package"))
    assert nurt.__version__ == "unknown version"
    assert versions()["no_such_package"] == "not installed"


def test_the_machine_is_described_by_facts() -> None:
    found = machine()
    assert found["cores"] >= 1
    assert found["memory_gib"] >= 1
    assert found["processor"]


def test_asking_for_versions_imports_none_of_them() -> None:
    code = (
        "import sys, nurt; nurt.environment.versions(); "
        "print([name for name in ('torch', 'polars', 'scipy') if name in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
