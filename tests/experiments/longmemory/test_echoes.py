"""One training on an echo beside the same training written as a loop of torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from nurt.data.synthetic import Echo
from nurt.experiments.longmemory.echoes import train_echo
from nurt.experiments.longmemory.network import build, tensors


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
