from __future__ import annotations

import pytest
import torch

from nurt.training.randomness import epoch_order, generator_states, private_generators, set_generator_states


@pytest.mark.parametrize("examples", [1, 2, 63, 500])
def test_every_epoch_visits_every_example_once(examples):
    assert sorted(epoch_order(0, 1, examples).tolist()) == list(range(examples))


def test_the_order_depends_on_seed_and_epoch_alone():
    torch.manual_seed(1)
    first = epoch_order(7, 3, 63)
    torch.manual_seed(2)
    assert torch.equal(first, epoch_order(7, 3, 63))
    others = [epoch_order(7, 4, 63), epoch_order(8, 3, 63)]
    assert not any(torch.equal(first, other) for other in others)


def test_drawing_from_the_order_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    epoch_order(0, 1, 63)
    assert torch.equal(before, torch.get_rng_state())


def test_private_generators_are_seeded_and_given_back():
    torch.manual_seed(4)
    expected = torch.rand(3)
    drawn = []
    for callers_seed in (4, 5):
        torch.manual_seed(callers_seed)
        with private_generators(11, ()):
            drawn.append(torch.rand(2))
        if callers_seed == 4:
            assert torch.equal(torch.rand(3), expected)
    assert torch.equal(drawn[0], drawn[1])


def test_states_restore_what_was_drawn():
    states = generator_states(())
    drawn = torch.rand(5)
    set_generator_states(states, ())
    assert torch.equal(drawn, torch.rand(5))
