"""The number of computing threads is set for a block and put back, also when the block fails."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch

from nurt.errors import NurtValueError
from nurt.kernels import threads


def test_the_number_of_threads_is_put_back_even_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="on purpose"), threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise RuntimeError("on purpose")
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("count", [0, -1, 1025, 1.0, True, "2", None])
def test_an_impossible_number_of_threads_is_refused(count) -> None:
    before = torch.get_num_threads()
    with pytest.raises(NurtValueError, match="1 to 1024"), threads(count):
        pass
    assert torch.get_num_threads() == before


def in_a_new_thread(work: Callable[[], object]) -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("counts", [(1, 1), (1, 3), (2, 1)])
@pytest.mark.parametrize("first_out", ["the first", "the second"])
def test_blocks_of_two_threads_that_overlap_leave_the_setting_of_before(counts, first_out) -> None:
    entered, leave = threading.Event(), threading.Event()
    found: list[int] = []

    def second() -> None:
        with threads(counts[1]):
            found.append(torch.get_num_threads())
            entered.set()
            leave.wait()
        found.append(torch.get_num_threads())

    thread = threading.Thread(target=second)
    with threads(counts[0]):
        thread.start()
        entered.wait()
        assert torch.get_num_threads() == counts[0]
        if first_out == "the second":
            leave.set()
            thread.join()
            assert torch.get_num_threads() == counts[0]
    leave.set()
    thread.join()
    assert found == [counts[1], 2]
    assert torch.get_num_threads() == 2
    assert in_a_new_thread(torch.get_num_threads) == 2


@pytest.mark.usefixtures("two_threads")
def test_a_number_that_a_thread_has_set_for_itself_is_put_back() -> None:
    def own() -> int:
        torch.set_num_threads(5)
        with threads(3):
            pass
        return torch.get_num_threads()

    with threads(1):
        assert in_a_new_thread(own) == 5


@pytest.mark.usefixtures("two_threads")
def test_blocks_of_tasks_in_one_thread_may_end_in_any_order() -> None:
    first, second = threads(1), threads(3)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert torch.get_num_threads() == 3
    second.__exit__(None, None, None)
    assert torch.get_num_threads() == 2
