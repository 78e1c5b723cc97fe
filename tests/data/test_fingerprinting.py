"""A fingerprint changes with every visible change and with none that is invisible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nurt.data import Series, fingerprint

SERIES = Series(
    np.array([1.0, np.nan, 0.0]),
    name="a",
    target="y",
    time=np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]"),
    covariates=np.array([[1.0], [2.0], [3.0]]),
    covariate_names=("c",),
)


def test_it_is_a_sha_256_and_repeatable() -> None:
    assert len(fingerprint(SERIES)) == 64
    assert fingerprint(SERIES) == fingerprint(replace(SERIES)) == fingerprint([SERIES])


def test_it_is_the_same_everywhere() -> None:
    """A stored digest guards against any change of the recipe: model files compare against it."""
    assert (
        fingerprint(Series(np.array([1.0, 2.0]))) == "6f66323833345530ad573dfe263cc4dc52ff43dce02eba01828d1d189fb75050"
    )


def test_every_visible_change_changes_it() -> None:
    assert SERIES.time is not None
    changed = [
        replace(SERIES, values=np.array([1.0, np.nan, 1e-300])),
        replace(SERIES, values=np.array([1.0, 0.0, np.nan])),
        replace(SERIES, name="b"),
        replace(SERIES, target="z"),
        replace(SERIES, time=SERIES.time + 1),
        replace(SERIES, time=None),
        replace(SERIES, covariates=np.array([[1.0], [2.0], [4.0]])),
        replace(SERIES, covariate_names=("d",)),
        replace(SERIES, name="ay", target=""),
    ]
    digests = [fingerprint(series) for series in (SERIES, *changed)]
    digests += [fingerprint([SERIES, SERIES]), fingerprint([SERIES, changed[0]]), fingerprint([changed[0], SERIES])]
    assert len(set(digests)) == len(digests)


def test_invisible_changes_do_not_change_it() -> None:
    other_nan = np.frombuffer(np.array([0x7FF8000000000123], dtype=np.uint64).tobytes(), dtype=np.float64)[0]
    assert fingerprint(replace(SERIES, values=np.array([1.0, other_nan, -0.0]))) == fingerprint(SERIES)
    strided = np.array([1.0, 9.0, np.nan, 9.0, 0.0])[::2]
    assert fingerprint(replace(SERIES, values=strided)) == fingerprint(SERIES)
