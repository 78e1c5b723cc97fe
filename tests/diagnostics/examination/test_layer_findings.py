"""What is found in one layer, side by side."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nurt.diagnostics import PARTS, LayerFindings, LayerId, Scope, weight_spectrum
from nurt.errors import NurtValueError


def test_parts_that_are_there_are_named_and_printed() -> None:
    empty = LayerFindings(LayerId("a", 1, "backward"), "", 3)
    assert list(empty.parts()) == []
    assert str(empty) == "a, layer 1, backward: a step of its own"
    spectra = tuple(weight_spectrum(np.array([[size]]), name) for name, size in (("U", 0.5), ("V", 2.0)))
    found = dataclasses.replace(empty, spectra=spectra)
    assert [part for _, part in found.parts()] == list(spectra)
    assert "spectra: U: spectral radius 0.5" in str(found)
    assert found.to_dict()["id"] == {"module": "a", "layer": 1, "direction": "backward"}


def test_all_parts_are_wanted_unless_said() -> None:
    assert all(Scope().wants(part) for part in PARTS)
    assert not Scope(parts=("gates",)).wants("memory")


@pytest.mark.parametrize(
    "wrong", [{"parts": ("gate",)}, {"parts": ()}, {"rows": 0}, {"tolerance": 1.0}, {"threshold": 0.0}]
)
def test_refuses_what_has_no_meaning(wrong) -> None:
    with pytest.raises(NurtValueError, match="Scope"):
        Scope(**wrong)
