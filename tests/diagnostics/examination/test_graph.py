"""Which layers feed which, and where the gradient of the loss arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from nurt.diagnostics import modules_of, record
from nurt.diagnostics.examination.graph import branches_of, read_at, watched


def lstm(inputs: int = 3, **options: Any) -> nn.LSTM:
    return nn.LSTM(inputs, 4, batch_first=True, **options)


class Model(nn.Module):
    """Layers by name and what is done with them."""

    def __init__(self, forward: Callable[..., Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.layers, self.run = nn.ModuleDict(layers), forward

    def forward(self, inputs: Tensor) -> Tensor:
        return self.run(inputs, **self.layers)


def branches(model: nn.Module, inputs: Tensor) -> list[list[str]]:
    """Return the branches, each layer by the first letters of its module, number and direction."""
    with record(model) as seen, watched(modules_of(model)) as feeding:
        said = model(inputs)
        parents = feeding.parents()
        said.sum().backward()
    found = branches_of(seen.once(), parents)
    return [
        [f"{one.id.module.removeprefix('layers.')}{one.id.layer}{one.id.direction[0]}" for one in stack]
        for stack in found
    ]


CASES: dict[str, tuple[Callable[[], Model], list[list[str]]]] = {
    "one stack": (lambda: Model(lambda x, a: a(x)[0], a=lstm(num_layers=3)), [["a0f", "a1f", "a2f"]]),
    "two directions": (
        lambda: Model(lambda x, a: a(x)[0], a=lstm(num_layers=2, bidirectional=True)),
        [["a0f", "a1f"], ["a0b", "a1b"]],
    ),
    "one module after the other": (
        lambda: Model(lambda x, a, b: b(torch.relu(a(x)[0]) + 1)[0], a=lstm(), b=lstm(4)),
        [["a0f", "b0f"]],
    ),
    "side by side": (
        lambda: Model(lambda x, a, b: torch.cat([a(x)[0], b(x)[0]], 2), a=lstm(), b=lstm()),
        [["a0f"], ["b0f"]],
    ),
    "two into one": (
        lambda: Model(lambda x, a, b, c: c(a(x)[0] + b(x)[0])[0], a=lstm(), b=lstm(), c=lstm(4)),
        [["a0f", "c0f"], ["b0f", "c0f"]],
    ),
    "past another": (
        lambda: Model(_skipping, a=lstm(), b=lstm(4)),
        [["a0f", "b0f"]],
    ),
    "encoder and decoder by the state": (
        lambda: Model(lambda x, a, b: b(x[:, :2], a(x)[1])[0], a=lstm(), b=lstm()),
        [["a0f"], ["b0f"]],
    ),
    "encoder and decoder by a context at every step": (
        lambda: Model(lambda x, a, b: b(a(x)[0][:, -1:].expand(-1, x.shape[1], -1))[0], a=lstm(), b=lstm(4)),
        [["a0f"], ["b0f"]],
    ),
    "another number of steps": (
        lambda: Model(lambda x, a, b: b(a(x)[0][:, ::2])[0], a=lstm(), b=lstm(4)),
        [["a0f"], ["b0f"]],
    ),
    "cut off from autograd": (
        lambda: Model(lambda x, a, b: b(a(x)[0].detach())[0], a=lstm(), b=lstm(4)),
        [["a0f"], ["b0f"]],
    ),
    "into a bidirectional layer": (
        lambda: Model(lambda x, a, b: b(a(x)[0])[0], a=lstm(), b=lstm(4, bidirectional=True)),
        [["a0f", "b0f"], ["b0b"]],
    ),
}


def _skipping(inputs: Tensor, a: nn.Module, b: nn.Module) -> Tensor:
    outputs = a(inputs)[0]
    result: Tensor = outputs + b(outputs)[0]
    return result


@pytest.mark.parametrize("name", CASES)
def test_branches_follow_the_graph(name: str) -> None:
    torch.manual_seed(0)
    model, expected = CASES[name]
    assert branches(model(), torch.randn(2, 6, 3)) == expected


def test_hooks_are_gone_afterwards_and_frozen_or_packed_layers_are_followed() -> None:
    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = lstm(), lstm(4)

        def forward(self, inputs: Tensor) -> Tensor:
            packed = pack_padded_sequence(inputs, [6, 4], batch_first=True)
            said: Tensor = self.b(self.a(packed)[0])[0].data
            return said

    model = Packed()
    model.b.requires_grad_(False)
    assert branches(model, torch.randn(2, 6, 3)) == [["a0f", "b0f"]]
    assert not model.a._forward_hooks and not model.b._forward_hooks


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [[6, 6], [6, 4]])
def test_where_the_gradient_arrives(reverse: bool, lengths: list[int]) -> None:
    layer = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    packed = pack_padded_sequence(torch.randn(2, 6, 3), lengths, batch_first=True)
    direction = "backward" if reverse else "forward"
    side = slice(4, 8) if reverse else slice(0, 4)

    def arriving(loss: Callable[[Tensor, tuple[Tensor, Tensor]], Tensor]) -> str:
        with record(layer) as seen:
            outputs, states = layer(packed)
            padded, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
            loss(padded, states).backward()
        return read_at(seen.layer(direction=direction))

    rows, ends = torch.arange(2), torch.tensor(lengths) - 1
    assert arriving(lambda outputs, _: outputs[:, :, side].sum()) == "several"
    assert arriving(lambda outputs, _: outputs[:, 2, side].sum()) == "several"
    assert arriving(lambda outputs, _: outputs[:, 0, side].sum()) == ("last" if reverse else "first")
    assert arriving(lambda outputs, _: outputs[rows, ends, side].sum()) == ("first" if reverse else "last")
    assert arriving(lambda _, states: states[0][int(reverse)].sum()) == "last"
    assert arriving(lambda _, states: states[1][int(reverse)].sum()) == "last"
    assert arriving(lambda outputs, _: 0 * outputs.sum()) == "none"
