from __future__ import annotations

import pytest
import torch

from nurt.kernels.randomness import own_generator
from nurt.training.process_state import Randomness, private_generators


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


@pytest.mark.parametrize("private", [True, False])
def test_what_is_drawn_goes_on_from_block_to_block_and_can_be_set_back(private):
    def draw(randomness):
        with randomness.drawing():
            return torch.rand(5, generator=own_generator())

    randomness = Randomness(3, (), private=private)
    callers = torch.get_rng_state()
    first = draw(randomness)
    states = randomness.states()
    second = draw(randomness)
    assert not torch.equal(first, second)
    randomness.restore(states)
    assert torch.equal(draw(randomness), second)
    assert torch.equal(draw(Randomness(3, (), private=not private)), first)
    assert torch.equal(torch.get_rng_state(), callers)


def test_an_error_inside_gives_the_callers_generator_back_and_keeps_what_was_drawn():
    randomness, callers = Randomness(3, (), private=False), torch.get_rng_state()
    with pytest.raises(KeyError), randomness.drawing():
        drawn = torch.rand(2)
        raise KeyError
    assert torch.equal(torch.get_rng_state(), callers)
    with randomness.drawing():
        assert not torch.equal(torch.rand(2), drawn)
