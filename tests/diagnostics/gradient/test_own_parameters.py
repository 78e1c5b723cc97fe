"""A gradient that a person derived and wrote, of NumPy or torch: passed where right, named where wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nurt.diagnostics import check_gradient
from nurt.errors import NurtError, NurtTypeError, NurtValueError, ShapeError

B, T, F, H = 3, 6, 2, 4
Parameters = dict[str, np.ndarray]


def drawn(seed: int = 0) -> tuple[Parameters, np.ndarray, np.ndarray]:
    stream = np.random.default_rng(seed)
    shapes = {"Wxh": (H, F), "Whh": (H, H), "b": (H,), "Why": (1, H)}
    parameters = {name: stream.normal(0, 0.5, shape) for name, shape in shapes.items()}
    return parameters, stream.normal(0, 1, (T, B, F)), stream.normal(0, 1, (B, 1))


def forward(p: Parameters, x: np.ndarray) -> list[np.ndarray]:
    states = [np.zeros((x.shape[1], H))]
    for step in x:
        states.append(np.tanh(step @ p["Wxh"].T + states[-1] @ p["Whh"].T + p["b"]))
    return states


def loss(p: Parameters, x: np.ndarray, y: np.ndarray) -> float:
    return float(0.5 * np.mean((forward(p, x)[-1] @ p["Why"].T - y) ** 2))


def bptt(p: Parameters, x: np.ndarray, y: np.ndarray) -> Parameters:
    """Back-propagation through time, as a course writes it."""
    states = forward(p, x)
    error = (states[-1] @ p["Why"].T - y) / y.size
    grads = {name: np.zeros_like(one) for name, one in p.items()}
    grads["Why"] = error.T @ states[-1]
    dh = error @ p["Why"]
    for t in range(T - 1, -1, -1):
        da = dh * (1 - states[t + 1] ** 2)
        grads["Wxh"] += da.T @ x[t]
        grads["Whh"] += da.T @ states[t]
        grads["b"] += da.sum(0)
        dh = da @ p["Whh"]
    return grads


def test_bptt_in_numpy_passes_in_three_lines() -> None:
    p, x, y = drawn()
    before = {name: one.copy() for name, one in p.items()}
    check = check_gradient(p, lambda p: loss(p, x, y), bptt(p, x, y))
    assert check.passed and len(check.weights) == check.parameters == H * F + H * H + H + H
    assert [(one.name, one.checked, one.wrong) for one in check.by_parameter] == [
        ("Wxh", H * F, 0), ("Whh", H * H, 0), ("b", H, 0), ("Why", H, 0),
    ]  # fmt: skip
    assert all(one.worst < 1e-6 and one.factor is None and not one.transposed for one in check.by_parameter)
    assert str(check).count("right") == 4
    for name, one in p.items():
        np.testing.assert_array_equal(one, before[name])
    json.dumps(check.to_dict(), allow_nan=False)
    assert check.plot().data
    # A function of the parameters will do as well.
    assert check_gradient(p, lambda p: loss(p, x, y), lambda p: bptt(p, x, y)).passed


def wrong(change: Callable[[Parameters], Any]) -> Any:
    p, x, y = drawn()
    grads = bptt(p, x, y)
    changed = change(grads)
    return check_gradient(p, lambda p: loss(p, x, y), grads if changed is None else changed)


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (lambda g: g | {"Whh": 2 * g["Whh"]}, "Whh", "2 times what it should be"),
        (lambda g: g | {"b": -g["b"]}, "b", "-1 times what it should be"),
        (lambda g: g | {"Wxh": g["Wxh"] / T}, "Wxh", "0.166667 times"),
        (lambda g: g | {"Why": 0 * g["Why"]}, "Why", "zero throughout"),
        (lambda g: g | {"Whh": g["Whh"].T}, "Whh", "transposed"),
        (lambda g: g | {"Whh": g["Whh"] + 0.01}, "Whh", "16 of 16 wrong"),
        (lambda g: g | {"b": g["b"] * np.nan}, "b", "4 of 4 wrong"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_wrong_about_it(change: Any, name: str, words: str) -> None:
    check = wrong(change)
    assert not check.passed
    told = {one.name: str(one) for one in check.by_parameter}
    assert words in told[name], told[name]
    assert all("right" in text for other, text in told.items() if other != name)
    if "times" not in words and "zero" not in words:
        assert next(one for one in check.by_parameter if one.name == name).factor is None


def test_one_wrong_weight_is_no_factor() -> None:
    def change(grads: Parameters) -> None:
        grads["Whh"][1, 2] *= 2

    check = wrong(change)
    found = next(one for one in check.by_parameter if one.name == "Whh")
    assert (found.wrong, found.factor, found.transposed) == (1, None, False)
    assert [(one.name, one.index) for one in check.failed] == [("Whh", (1, 2))]


def test_a_truncated_gradient_is_not_the_gradient() -> None:
    p, x, y = drawn()

    def last_step_only(p: Parameters) -> Parameters:
        states, grads = forward(p, x), bptt(p, x, y)
        da = ((states[-1] @ p["Why"].T - y) / y.size @ p["Why"]) * (1 - states[-1] ** 2)
        return grads | {"Whh": da.T @ states[-2]}

    check = check_gradient(p, lambda p: loss(p, x, y), last_step_only)
    assert [one.name for one in check.by_parameter if one.wrong] == ["Whh"]


class Pair(NamedTuple):
    w: np.ndarray
    b: np.ndarray


@pytest.mark.parametrize("form", [list, tuple, lambda one: Pair(*one)])
def test_parameters_in_a_row(form: Any) -> None:
    w, b, x = np.array([[1.0, 2.0]]), np.array(0.5), np.array([3.0, -1.0])
    given = form([w, b])

    def value(p: Any) -> float:
        assert type(p) is type(given)
        return float(np.sin(p[0] @ x + p[1])[0])

    slope = np.cos(w @ x + b)
    check = check_gradient(given, value, [slope[:, None] * x, slope[0]])
    assert check.passed and check.parameters == 3
    assert [one.name for one in check.by_parameter] == ["0", "1"]
    with pytest.raises(NurtValueError, match="not one gradient for each parameter"):
        check_gradient(given, value, [slope[:, None] * x])


def test_a_single_array_and_one_of_torch() -> None:
    assert check_gradient(np.arange(3.0), lambda p: (p**3).sum(), 3 * np.arange(3.0) ** 2).passed
    tensor = torch.arange(1.0, 4.0, dtype=torch.float64)
    assert check_gradient(tensor, lambda p: p.log().sum(), 1 / tensor).passed
    mixed = {"a": tensor.requires_grad_(), "b": np.ones(2)}
    check = check_gradient(mixed, lambda p: (p["a"] ** 2).sum() * float(p["b"].sum()), lambda p: {
        "a": 2 * p["a"] * float(p["b"].sum()), "b": np.full(2, float((p["a"] ** 2).sum())),
    })  # fmt: skip
    assert check.passed and tensor.grad is None


def test_a_gradient_written_for_a_module() -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(3, 2).double(), torch.randn(5, 3).double()

    def value(m: nn.Module) -> Tensor:
        return m(x).square().sum() / 2

    def written(m: nn.Linear) -> dict[str, Tensor]:
        outputs = m(x)
        return {"weight": outputs.T @ x, "bias": outputs.sum(0)}

    assert check_gradient(model, value, written).passed
    check = check_gradient(model, value, {**written(model), "bias": written(model)["bias"] * 5})
    assert [str(one) for one in check.by_parameter][1].endswith("5 times what it should be")
    with pytest.raises(NurtValueError, match="one array for each of weight, bias"):
        check_gradient(model, value, {"weight": torch.zeros(2, 3)})


def test_a_loss_that_does_not_look_at_its_argument_is_found_out() -> None:
    p, x, y = drawn()
    with pytest.raises(NurtValueError, match="Use the argument of the loss"):
        check_gradient(p, lambda _: loss(p, x, y), bptt(p, x, y))


def test_what_changes_its_argument_changes_a_copy() -> None:
    w = np.array([1.0, 2.0])

    def value(p: np.ndarray) -> float:
        p *= 2
        return float((p**2).sum())

    assert check_gradient(w, value, 8 * w).passed
    assert w.tolist() == [1.0, 2.0]


def test_many_weights_are_sampled() -> None:
    w = {"big": np.ones((50, 60)), "small": np.ones(2)}
    check = check_gradient(
        w, lambda p: (p["big"] ** 2).sum() + p["small"].sum(), {"big": 2 * w["big"], "small": np.ones(2)}
    )
    assert check.passed and len(check.weights) == 1000 and check.parameters == 3002
    assert {one.name for one in check.by_parameter} == {"big", "small"}


ONE = {"w": np.ones(2)}


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ((ONE, lambda p: p["w"].sum()), NurtTypeError, "of arrays the gradient is needed"),
        (({"w": np.ones(2, np.float32)}, lambda p: p["w"].sum(), {"w": np.ones(2)}), NurtTypeError, "float32"),
        (({"w": np.ones(2, int)}, lambda p: p["w"].sum(), {"w": np.ones(2)}), NurtTypeError, "int64"),
        (({"w": "a"}, lambda _: 0.0, {"w": 1.0}), NurtTypeError, "str"),
        (({}, lambda _: 0.0, {}), NurtTypeError, "no parameters"),
        ((None, lambda _: 0.0, 1.0), NurtTypeError, "NoneType"),
        ((ONE, lambda p: p["w"], {"w": np.ones(2)}), ShapeError, "no single number"),
        ((ONE, lambda _: "a", {"w": np.ones(2)}), NurtTypeError, "the loss is no number"),
        ((ONE, lambda _: None, {"w": np.ones(2)}), NurtTypeError, "NoneType"),
        ((ONE, lambda _: np.random.rand(), {"w": np.ones(2)}), NurtValueError, "not the same twice"),
        ((ONE, lambda p: p["w"].sum(), {"v": np.ones(2)}), NurtValueError, "one array for each of w"),
        ((ONE, lambda p: p["w"].sum(), np.ones(2)), NurtValueError, "ndarray"),
        ((ONE, lambda p: p["w"].sum(), {"w": np.ones((5, 2))}), ShapeError, "Sum it over the batch"),
        (({"w": np.ones((2, 3))}, lambda p: p["w"].sum(), {"w": np.ones((3, 2))}), ShapeError, "It is transposed"),
    ],
)
def test_what_cannot_be_checked(given: Any, error: type[NurtError], words: str) -> None:
    with pytest.raises(error, match=words):
        check_gradient(*given)
