"""A fingerprint of data: equal for equal series, different after any change of a value, label or name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from nurt.data.series import Series

__all__ = ["fingerprint"]


def fingerprint(series: Series | Sequence[Series]) -> str:
    """Return the SHA-256 of values, covariates, time labels and names as 64 hexadecimal digits.

    Missing values count as missing whatever NaN they are, and -0 as 0, so the digest depends on nothing invisible.

    Args:
        series: one series, or several in order.
    """
    digest = hashlib.sha256()
    for one in [series] if isinstance(series, Series) else series:
        for text in (one.name, one.target, *one.covariate_names):
            _add(digest, text.encode())
        _add(digest, _canonical(one.values))
        _add(digest, _canonical(one.covariates))
        _add(digest, b"" if one.time is None else "\n".join(map(str, one.time)).encode())
    return digest.hexdigest()


def _add(digest: hashlib._Hash, data: bytes) -> None:
    # The length goes in first, so that no two different lists of parts run together into the same bytes.
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)


def _canonical(values: np.ndarray) -> bytes:
    plain = np.where(np.isnan(values), np.nan, values) + 0.0
    return plain.astype("<f8").tobytes()
