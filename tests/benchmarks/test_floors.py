from __future__ import annotations

import pytest

from nurt.benchmarks import floors
from nurt.benchmarks.floors import Floor, MatrixProduct, MatrixVector, MemoryCopy


@pytest.mark.parametrize("floor", [MatrixProduct(1e6, 8, 8, 8), MatrixVector(4, 3), MemoryCopy(1000)])
def test_a_floor_takes_time_and_says_what_it_is(floor: Floor) -> None:
    assert floor.seconds() > 0.0
    assert floor.kind


def test_the_matrix_product_is_scaled_to_the_operations_of_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floors, "_seconds", lambda *_: 0.5)
    # One product of these sizes is 2·4·5·6 operations.
    assert MatrixProduct(2 * 4 * 5 * 6, 4, 5, 6).seconds() == 0.5
    assert MatrixProduct(3 * 2 * 4 * 5 * 6, 4, 5, 6).seconds() == 1.5


def test_a_copy_reads_and_writes_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = []
    monkeypatch.setattr(floors, "_seconds", lambda run: copied.append(run()) or 0.5)
    MemoryCopy(1000).seconds()
    assert copied[0].nbytes == 500
