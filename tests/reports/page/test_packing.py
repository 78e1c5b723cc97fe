"""What is packed comes out as it was, in signs that mean nothing to HTML; numbers to five digits or not at all."""

from __future__ import annotations

import base64
import html
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.reports.page.packing import SIGNS, packed_bytes, packed_floats


def unpacked(text: str) -> bytes:
    """Return what was packed, by the definition of a number in base 85."""
    filled = text + SIGNS[84] * (-len(text) % 5)
    data = bytearray()
    for start in range(0, len(filled), 5):
        number = 0
        for sign in filled[start : start + 5]:
            number = number * 85 + SIGNS.index(sign)
        data += number.to_bytes(4, "big")
    return zlib.decompress(bytes(data[: len(text) * 4 // 5]))


def numbers_of(text: str) -> np.ndarray:
    """Return numbers by the definition of their packing."""
    lowest, second, third, highest = np.frombuffer(unpacked(text), np.uint8).reshape(4, -1).astype(np.uint64)
    steps = lowest + 256 * (second + 256 * (third + 256 * highest))
    return (np.cumsum(steps) % 2**32).astype("<u4").view("<f4")


@given(st.binary())
def test_what_is_unpacked_is_what_was_packed(data: bytes) -> None:
    written = packed_bytes(data)
    assert unpacked(written) == data
    assert html.escape(written) == written


@pytest.mark.parametrize("length", range(1, 9))
def test_every_length_of_the_rest_is_unpacked(length: int) -> None:
    assert unpacked(packed_bytes(b"\xff" * length)) == b"\xff" * length


def test_the_digits_are_eighty_five_and_mean_nothing_to_html() -> None:
    assert len(set(SIGNS)) == 85
    assert not set(SIGNS) & set("<>&\"'\\ ")


def test_it_is_a_fifteenth_shorter_than_base_64() -> None:
    data = np.random.default_rng(3).bytes(9000)
    assert len(packed_bytes(data)) < 0.95 * len(base64.b64encode(zlib.compress(data, 9)))


@pytest.mark.parametrize("shape", [(1,), (2,), (63,), (5, 7), (41, 3)])
def test_numbers_keep_five_digits_and_what_is_no_number_stays(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(7).standard_normal(shape) * 10.0 ** np.random.default_rng(8).integers(-9, 9, shape)
    values.flat[0] = np.nan
    values.flat[-1] = -np.inf
    text = packed_floats(values)
    assert text is not None
    found = numbers_of(text).reshape(shape)
    finite = np.isfinite(values)
    np.testing.assert_allclose(found[finite], values[finite], rtol=2.0**-17)
    np.testing.assert_array_equal(found[~finite], values[~finite].astype(np.float32))


@given(st.lists(st.floats(width=64), min_size=1))
def test_what_is_packed_cannot_be_told_apart_in_a_figure(values: list[float]) -> None:
    text = packed_floats(np.array(values))
    if text is None:
        return
    found, exact = numbers_of(text), np.array(values)
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(np.isfinite(found), finite)
    error = np.abs(found[finite] - exact[finite])
    assert error.max(initial=0.0) <= (np.ptp(exact[finite]) if finite.any() else 0.0) / 10_000


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1e300, 0.0], id="too large for single precision"),
        pytest.param([1e-300, 1.0], id="would become 0"),
        pytest.param([1e6, 1e6 + 1.0], id="too close together"),
        pytest.param([3.4028234e38, 0.0], id="would be rounded to infinity"),
    ],
)
def test_numbers_that_would_look_different_are_not_packed(values: list[float]) -> None:
    assert packed_floats(np.array(values)) is None


def test_a_smooth_map_is_a_third_of_what_it_was() -> None:
    x, y = np.meshgrid(np.linspace(-3, 3, 201), np.linspace(-3, 3, 201))
    text = packed_floats(np.log10((x * y - 1.0) ** 2 + 0.01))
    assert text is not None
    assert len(text) < len(base64.b64encode(bytes(4 * x.size))) / 3
