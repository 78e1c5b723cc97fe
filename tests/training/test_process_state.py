from __future__ import annotations

import torch

from nurt.training.process_state import generator_states, private_generators, set_generator_states


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
