"""Turning sequences into each row's own time."""

from __future__ import annotations

import torch

from nurt.kernels import PLAIN, StepOptions
from nurt.nn.gradients.recomputing import turned, with_masks


def test_each_row_is_turned_up_to_its_own_end():
    rows = torch.arange(8.0).reshape(2, 4, 1)
    assert turned(rows, torch.tensor([4, 2])).flatten().tolist() == [3, 2, 1, 0, 5, 4, 6, 7]
    assert turned(rows, torch.tensor([0, 1])).flatten().tolist() == list(range(8))
    assert torch.equal(turned(turned(rows, torch.tensor([3, 2])), torch.tensor([3, 2])), rows)
    assert torch.equal(turned(rows, None), rows.flip(1))


def test_only_masks_with_steps_are_changed():
    mask = torch.ones(1, 2, 3)
    options = StepOptions(hidden_mask=torch.ones(1, 3), keep_hidden=0.5, keep_cell=mask, gradient_clip=2.0)
    changed = with_masks(options, lambda share: share + 1)
    assert changed.keep_hidden == 0.5
    assert torch.equal(changed.keep_cell, mask + 1)
    assert changed.hidden_mask is options.hidden_mask
    assert changed.gradient_clip == 2.0
    assert with_masks(PLAIN, lambda share: share + 1) is PLAIN
