"""Trainings in several threads give the bits that each gives alone, and leave everybody's generators as they were."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.utils.checkpoint import checkpoint

import nurt
from nurt.training import TrainingSettings, train

SERIES = np.sin(np.arange(90) / 4)


def bits(module):
    return b"".join(value.numpy().tobytes() for value in module.state_dict().values())


def fit(seed, **options):
    settings = TrainingSettings(epochs=3, batch_size=16)
    return bits(
        nurt.Forecaster(look_back=8, horizon=3, hidden=5, random_state=seed, training=settings, **options)
        .fit(SERIES)
        .network_
    )


def callers_states():
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), str(np.random.get_state())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dropout": 0.2},
        {"dropout": 0.2, "layers": 3, "cell": "gru"},
        {"dropout": 0.2, "strategy": "recursive", "cell": "lru"},
    ],
    ids=str,
)
def test_fits_side_by_side_give_the_bits_of_each_alone(options):
    alone = [fit(seed, **options) for seed in range(3)]
    before = callers_states()
    with ThreadPoolExecutor(3) as pool:
        for _ in range(5):
            assert list(pool.map(lambda seed: fit(seed, **options), range(3))) == alone
    assert callers_states() == before


def test_fits_of_asyncio_tasks_give_the_bits_of_each_alone():
    async def both():
        return await asyncio.gather(*(asyncio.to_thread(fit, seed, dropout=0.3) for seed in range(2)))

    assert asyncio.run(both()) == [fit(seed, dropout=0.3) for seed in range(2)]


@pytest.mark.parametrize("recomputed", [False, True])
def test_models_that_draw_from_torchs_global_generator_do_too(tiny, recomputed):
    class Recomputing(tiny.Network):
        def forward(self, inputs):
            return checkpoint(super().forward, inputs, use_reentrant=False) if recomputed else super().forward(inputs)

    def fitted(seed):
        model = Recomputing(seed)
        train(model, tiny.Task(), TrainingSettings(**{**tiny.SETTINGS, "seed": seed}))
        return bits(model)

    # The tiny network draws its weights from the global generator, which no other thread may do meanwhile.
    models = {seed: Recomputing(seed) for seed in range(3)}

    def fitted_from(seed):
        train(models[seed], tiny.Task(), TrainingSettings(**{**tiny.SETTINGS, "seed": seed}))
        return bits(models[seed])

    alone = [fitted(seed) for seed in range(3)]
    before = callers_states()
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(fitted_from, range(3))) == alone
    assert callers_states() == before


def test_numbers_drawn_between_the_steps_change_nothing(tiny):
    def fitted(listener):
        model = tiny.Network()
        train(model, tiny.Task(), TrainingSettings(**tiny.SETTINGS), listener=listener)
        return bits(model)

    assert fitted(lambda _: torch.rand(3)) == fitted(None)


def test_a_caller_who_draws_from_an_event_draws_his_own_numbers(tiny):
    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    drawn = []

    def draw(_):
        if len(drawn) < 4:
            drawn.append(torch.rand(1))

    train(tiny.Network(), tiny.Task(), TrainingSettings(**tiny.SETTINGS), listener=draw)
    assert torch.equal(torch.cat(drawn), expected)
