from __future__ import annotations

import math

import pytest
import torch

from nurt.benchmarks.gate import LIMIT, deviation

RIGHT = {"a": torch.tensor([4.0, -8.0], dtype=torch.float64), "b": torch.tensor([1.0], dtype=torch.float64)}


def test_the_error_is_that_of_the_worst_quantity_in_units_of_its_largest_magnitude() -> None:
    found = deviation({"a": torch.tensor([4.0, -8.5]), "b": torch.tensor([1.01])}, RIGHT)
    assert (found.error, found.quantity) == (0.0625, "a")
    assert not found.acceptable


def test_rounding_passes_and_a_little_more_does_not() -> None:
    assert deviation({"a": RIGHT["a"] * (1 + 0.9 * LIMIT), "b": RIGHT["b"]}, RIGHT).acceptable
    assert not deviation({"a": RIGHT["a"] * (1 + 1.1 * LIMIT), "b": RIGHT["b"]}, RIGHT).acceptable


@pytest.mark.parametrize(
    "outcome",
    [
        {"a": RIGHT["a"]},
        {"a": RIGHT["a"], "b": torch.ones(2)},
        {"a": RIGHT["a"], "b": torch.tensor([math.nan])},
        {"a": torch.tensor([math.inf, 1.0]), "b": RIGHT["b"]},
    ],
    ids=["missing", "misshapen", "not a number", "infinite"],
)
def test_what_cannot_be_compared_is_wrong(outcome: dict[str, torch.Tensor]) -> None:
    assert deviation(outcome, RIGHT).error == math.inf


def test_where_the_right_answer_is_zero_the_error_is_absolute() -> None:
    zero = {"a": torch.zeros(2, dtype=torch.float64)}
    assert deviation({"a": torch.tensor([0.0, 0.5])}, zero).error == 0.5
