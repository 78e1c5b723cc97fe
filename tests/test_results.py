"""Results turn into plain JSON values, whatever they hold."""

from __future__ import annotations

import datetime
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.results import Result, plain


class _Point(NamedTuple):
    x: int
    y: np.float64


@dataclass(frozen=True)
class _Inner(Result):
    value: float


@dataclass(frozen=True)
class _Outer(Result):
    name: str
    inner: _Inner
    cells: np.ndarray = field(metadata={"json": False})


def test_fields_become_json_and_bulky_ones_can_stay_out() -> None:
    assert _Outer("a", _Inner(math.inf), np.zeros(3)).to_dict() == {"name": "a", "inner": {"value": None}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (np.datetime64("2024-02-29"), "2024-02-29"),
        (np.datetime64("2024-02-29T05:00", "m"), "2024-02-29T05:00:00"),
        (np.datetime64("NaT"), None),
        (datetime.date(2024, 2, 29), "2024-02-29"),
        (Path("a") / "b", str(Path("a") / "b")),
        ({1: (2, 3)}, {"1": [2, 3]}),
        (_Point(2, np.float64("nan")), {"x": 2, "y": None}),
        (True, True),
    ],
)
def test_values_have_one_plain_form(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_an_unknown_type_is_an_error_and_not_its_repr() -> None:
    with pytest.raises(TypeError, match="no plain form for object"):
        plain(object())


@given(
    st.recursive(
        st.floats() | st.integers() | st.text() | st.none() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_is_plain_is_strict_json(value: object) -> None:
    json.dumps(plain(value), allow_nan=False)
