"""What the commands say in numbers, and the weights they train, as they were when they were frozen.

A change of these numbers is a change of results: it is made on purpose, stands under *Numerics* in the changelog with
its reason, and the files are written anew by ``python -m tests.frozen.produce``. On the kind of machine that wrote them
everything must agree to the last bit; elsewhere another processor rounds otherwise, and training carries that on.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.frozen import produce

HOME = Path(__file__).resolve().parent
REPOSITORY = HOME.parents[1]

# A step of training carries a rounding on; what is trained agrees to about four digits between processors.
RELATIVE, ABSOLUTE = 2e-3, 1e-5


def _produced(kind: str, tmp_path: Path, *data: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what was frozen and what comes out now."""
    target = tmp_path / f"{kind}.json"
    command = [sys.executable, "-m", "tests.frozen.produce", kind, str(target), *map(str, data)]
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | produce.PLAIN, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((HOME / f"{kind}.json").read_text(encoding="utf-8")), json.loads(target.read_text())


def _differences(frozen: Any, found: Any, place: str, *, exactly: bool) -> Iterator[str]:
    if isinstance(frozen, dict) and isinstance(found, dict):
        for key in sorted(frozen.keys() | found.keys()):
            if key not in frozen or key not in found:
                yield f"{place}/{key}: {'appeared' if key in found else 'is gone'}"
            else:
                yield from _differences(frozen[key], found[key], f"{place}/{key}", exactly=exactly)
    elif isinstance(frozen, list) and isinstance(found, list):
        if len(frozen) != len(found):
            yield f"{place}: {len(frozen)} entries were frozen, {len(found)} found"
            return
        for index, (one, other) in enumerate(zip(frozen, found, strict=True)):
            yield from _differences(one, other, f"{place}/{index}", exactly=exactly)
    elif not _agree(frozen, found, exactly=exactly):
        yield f"{place}: {frozen!r} was frozen, {found!r} found"


def _agree(frozen: Any, found: Any, *, exactly: bool) -> bool:
    if exactly or not (isinstance(frozen, float) and isinstance(found, float)):
        return bool(frozen == found)
    return math.isclose(frozen, found, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _check(kind: str, tmp_path: Path, *data: Path) -> None:
    frozen, found = _produced(kind, tmp_path, *data)
    exactly = frozen.pop("machine") == found.pop("machine")
    if not exactly:
        # The bits of the weights and the order of eigenvalues are the processor's.
        own = ("weights of ", "experiment spectrum")
        frozen, found = (
            {name: one for name, one in values.items() if not name.startswith(own)} for values in (frozen, found)
        )
    differences = list(_differences(frozen, found, "", exactly=exactly))
    assert not differences, "\n".join([f"{len(differences)} numbers have changed:", *differences[:40]])


def test_what_is_made_here_is_as_it_was(tmp_path: Path) -> None:
    _check("made", tmp_path)


def test_real_data_give_what_they_gave(shared_data: Path, tmp_path: Path) -> None:
    _check("real", tmp_path, shared_data)


@pytest.mark.parametrize(
    ("frozen", "found", "differ"),
    [
        ({"a": 1.0}, {"a": 1.0}, 0),
        ({"a": 1.0}, {"a": 1.0 + 1e-12}, 1),
        ({"a": [1, 2]}, {"a": [1, 3]}, 1),
        ({"a": 1}, {"b": 1}, 2),
        ([1], [1, 2], 1),
        ("lstm", "gru", 1),
    ],
)
def test_a_difference_is_found(frozen: Any, found: Any, differ: int) -> None:
    assert len(list(_differences(frozen, found, "", exactly=True))) == differ


def test_roundings_of_another_processor_are_none() -> None:
    assert not list(_differences([1.0], [1.0 + 1e-6], "", exactly=False))
    assert list(_differences([1.0], [1.01], "", exactly=False))
