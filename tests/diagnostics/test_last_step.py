"""The cheap ledger of a loss at the last step: equal to the general one, and to autograd."""

from __future__ import annotations

import torch

from nurt.diagnostics import observe, record, truncation_ledger
from nurt.diagnostics.last_step import last_step_ledger, reads_last_step
from nurt.nn import GRU


def seen_layer(layer, inputs, loss):
    with record(layer) as seen:
        loss(layer(inputs)[0]).backward()
    return seen


def test_equals_the_general_ledger() -> None:
    torch.manual_seed(0)
    layer, inputs = GRU(2, 4, batch_first=True).double(), torch.randn(3, 11, 2, dtype=torch.float64)
    one = seen_layer(layer, inputs, lambda outputs: outputs[:, -1].square().sum()).layer()
    assert reads_last_step(one)
    found = last_step_ledger(one, 0.05)

    def per_step(outputs):
        losses = outputs.square().sum(dim=(0, 2))
        return torch.cat([0.0 * losses[:-1], losses[-1:]])

    (run,) = observe(layer, inputs)
    wanted = truncation_ledger(run, per_step, parameters=["weight_hh"])
    for cut in ("sliding", "chunked"):
        for name in ("error", "cosine", "gradients"):
            got, want = (torch.as_tensor(getattr(getattr(which, cut), name)) for which in (found, wanted))
            torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.gradient()["weight_hh"], layer.weight_hh_l0.grad)


def test_a_loss_of_every_step_is_not_of_the_last() -> None:
    layer = GRU(2, 4, batch_first=True)
    one = seen_layer(layer, torch.randn(3, 5, 2), lambda outputs: outputs.sum()).layer()
    assert not reads_last_step(one)


def test_reverse_direction_ends_at_the_first_place() -> None:
    layer = GRU(2, 4, batch_first=True, bidirectional=True)
    seen = seen_layer(layer, torch.randn(3, 5, 2), lambda outputs: outputs[:, 0].sum())
    assert reads_last_step(seen.layer(direction="backward"))
    assert not reads_last_step(seen.layer())
