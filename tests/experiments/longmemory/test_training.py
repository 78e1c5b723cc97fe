"""One training on fresh batches or on an echo: determined by its seed, and equal to the same loop in torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from nurt.data.synthetic import Echo
from nurt.experiments.longmemory.network import CELLS, build, tensors
from nurt.experiments.longmemory.training import train_cell, train_echo


def ignore(share: float) -> None:
    del share


def test_the_state_is_carried_over_the_edges_of_chunks_and_the_gradient_is_not(tiny):
    settings = replace(tiny(), updates=6, tested=2)
    echo = Echo(2, 3, 18)
    run = train_echo(settings, echo, "GRU", 1, ignore)
    network = build("GRU", echo, 4, 1)
    inputs, targets, _ = tensors(echo.draw(8, np.random.default_rng((1, 0))))
    optimizer, state, right = torch.optim.Adam(network.parameters(), lr=0.005), torch.zeros(1, 8, 4), []
    for chunk in range(6):
        part = slice(3 * chunk, 3 * chunk + 3)
        answers, state = network.at_every_step(inputs[:, part], state.detach())
        loss = torch.nn.functional.binary_cross_entropy_with_logits(answers[:, :, 0], targets[:, part])
        right.append(float(((answers[:, :, 0] > 0) == (targets[:, part] > 0.5)).float().mean()))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    assert run.value == pytest.approx(np.mean(right[-2:]), abs=1e-6)
    assert run.updates == 6


@pytest.mark.parametrize("cell", CELLS)
def test_a_seed_gives_the_same_run_whatever_was_drawn_before(cell: str, tiny):
    first = train_cell(tiny(), cell, 5, ignore)
    torch.rand(3)
    again = train_cell(tiny(), cell, 5, ignore)
    other = train_cell(tiny(), cell, 6, ignore)
    np.testing.assert_array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)
    assert first.at.tolist() == [0, 2, 4, 6, 7]
    assert first.value == first.values[-1]
