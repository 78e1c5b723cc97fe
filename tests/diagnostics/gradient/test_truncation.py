"""The gradient taken apart adds up to itself, and every truncation is what cutting the graph gives."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from tests.diagnostics.conftest import by_autograd, drawn, quadratic
from tests.tolerances import GRADIENTS, assert_agree
from torch import Tensor

from nurt.diagnostics import contribution_matrix, observe, passage, record, truncation_ledger
from nurt.diagnostics.gradient.truncation import last_step_ledger, reads_last_step
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn import GRU, LinearCell, build, unroll


def detached_every(cell: Any, run: Any, window: int) -> Tensor:
    """Return the outputs of a run whose state is detached before every ``window``-th step."""
    state, outputs = run.state, [run.inputs] * run.steps
    for index, place in enumerate(run.places()):
        if index % window == 0:
            state = type(state)(*(field.detach() for field in state))
        there = run.within()[:, place].unsqueeze(-1)
        after = cell.step(run.inputs[:, place], state)
        state = type(state)(*(torch.where(there, new, old) for new, old in zip(after, state, strict=True)))
        outputs[place] = torch.where(there, state.hidden, 0.0)
    return torch.stack(outputs, dim=1)


def looking_back(cell: Any, run: Any, window: int) -> dict[str, Tensor]:
    """Return the gradient of every loss through its last ``window`` steps alone, one run per loss."""
    total: dict[str, Tensor] = {}
    for target in range(run.steps):
        state = run.state
        outputs = torch.zeros(*run.inputs.shape[:2], state.hidden.shape[-1], dtype=torch.float64)
        for step in range(target + 1):
            if step == target - window + 1:
                state = type(state)(*(field.detach() for field in state))
            state = cell.step(run.inputs[:, step], state)
        outputs = torch.cat([outputs[:, :target], state.hidden.unsqueeze(1), outputs[:, target + 1 :]], dim=1)
        part = by_autograd(cell, outputs, lambda one, target=target: quadratic(one)[target])
        total = {name: part[name] + total.get(name, 0.0) for name in part}
    return total


@pytest.mark.parametrize("reverse", [False, True])
def test_chunks_are_what_detaching_gives(any_cell: Any, reverse: bool) -> None:
    run = passage(any_cell, torch.randn(2, 7, 3, dtype=torch.float64), lengths=[7, 5], reverse=reverse)
    ledger = truncation_ledger(run, quadratic)
    for window in range(1, 8):
        expected = by_autograd(any_cell, detached_every(any_cell, run, window))
        for name, gradient in ledger.gradient(window, "chunked").items():
            assert_agree(gradient, expected[name], GRADIENTS[torch.float64], f"K={window}, {name}")


def test_the_sliding_window_is_one_cut_run_per_loss(any_cell: Any) -> None:
    run = passage(any_cell, torch.randn(2, 5, 3, dtype=torch.float64))
    ledger = truncation_ledger(run, quadratic, windows=[3, 1, 2])
    assert ledger.windows.tolist() == [1, 2, 3]
    for window in (1, 2, 3):
        expected = looking_back(any_cell, run, window)
        for name, gradient in ledger.gradient(window).items():
            assert_agree(gradient, expected[name], GRADIENTS[torch.float64], f"K={window}, {name}")


SLIDING = {1: -34.3851000328, 2: -61.8931067081, 3: -83.3087451517, 5: -110.697802673, 10: -125.454732755}
CHUNKED = {1: -34.3851000328, 2: -50.7628958896, 3: -56.1983446329, 5: -91.9990140813, 10: -125.454732755}


def test_the_table_of_the_linear_tutorial_with_prefix_sums() -> None:
    inputs = torch.from_numpy(np.around(np.random.RandomState(1).rand(20, 10))).unsqueeze(-1)
    cell = LinearCell(1, 1, bias=False).double()
    with torch.no_grad():
        cell.weight_ih.fill_(1.0), cell.weight_hh.fill_(0.9)
    targets = inputs.cumsum(1)

    def loss(outputs: Tensor) -> Tensor:
        return (outputs - targets).square().mean(dim=(0, 2))

    ledger = truncation_ledger(passage(cell, inputs), loss, parameters=["weight_hh"])
    full = -125.454732755351
    assert float(ledger.gradient()["weight_hh"]) == pytest.approx(full, rel=1e-12)
    for window in SLIDING:
        for cut, table in (("sliding", SLIDING), ("chunked", CHUNKED)):
            assert float(ledger.gradient(window, cut)["weight_hh"]) == pytest.approx(table[window], rel=1e-10)
    errors = [1 - SLIDING[window] / full for window in (1, 2, 3, 5)]
    assert ledger.sliding.error[[0, 1, 2, 4]] == pytest.approx(errors, rel=1e-9)
    assert ledger.sliding.cosine == pytest.approx(np.ones(10), rel=1e-12)
    assert ledger.lag_norms.sum() == pytest.approx(-full, rel=1e-12)
    assert ledger.recommended() == 7
    assert ledger.recommended("chunked") == 10


def test_the_whole_window_has_no_bias_and_angles_are_those_of_the_gradients() -> None:
    run = passage(drawn("lstm", 3, 4), torch.randn(2, 8, 3, dtype=torch.float64))
    ledger = truncation_ledger(run, quadratic, windows=[2, 8, 20])
    for bias in (ledger.sliding, ledger.chunked):
        assert bias.error[1:] == pytest.approx([0.0, 0.0], abs=1e-14)
        assert bias.cosine[1:] == pytest.approx([1.0, 1.0], rel=1e-14)
        g, whole = bias.gradients[0].numpy(), ledger.full.numpy()
        assert bias.error[0] == pytest.approx(np.linalg.norm(g - whole) / np.linalg.norm(whole), rel=1e-12)
        angle = np.degrees(np.arccos(g @ whole / np.linalg.norm(g) / np.linalg.norm(whole)))
        assert bias.degrees[0] == pytest.approx(angle, rel=1e-9)
        assert bias.error[0] > 1e-3


def test_an_echo_from_beyond_the_window_has_no_gradient_in_it() -> None:
    """Only the step d before a loss matters; a shift register of d units carries it there."""
    delay, steps = 3, 8
    cell = LinearCell(1, delay + 1, bias=False).double()
    with torch.no_grad():
        cell.weight_ih.zero_(), cell.weight_hh.zero_()
        cell.weight_ih[0] = 1.0
        cell.weight_hh[1:, :-1] = torch.eye(delay)
    run = passage(cell, torch.randn(4, steps, 1, dtype=torch.float64))
    ledger = truncation_ledger(run, lambda outputs: (outputs[..., -1] - 1).square().mean(0), parameters=["weight_ih"])
    # The use of W_ih at step s reaches the last unit exactly d steps later.
    assert (ledger.lag_norms > 0).sum() == 4
    last = contribution_matrix(
        run, lambda outputs: (outputs[..., -1] - 1).square().mean(0), parameters=["weight_ih"], keep=True
    ).tensors["weight_ih"][:, :, 0, 0]
    assert (torch.nonzero(last)[:, 1] - torch.nonzero(last)[:, 0] == delay).all()
    assert np.isnan(truncation_ledger(run, lambda o: o[..., -1].sum(0) * 0).sliding.error).all()


def test_a_long_run_is_cut_to_its_last_steps_and_says_so() -> None:
    cell = drawn("gru", 2, 3)
    inputs = torch.randn(2, 9, 2, dtype=torch.float64)
    _, state = unroll(cell, inputs[:, :5])
    late = passage(cell, inputs[:, 5:], state)
    expected = truncation_ledger(late, lambda outputs: outputs.square().mean((0, 2)))
    found = truncation_ledger(passage(cell, inputs), lambda outputs: outputs.square().mean((0, 2)), most_steps=4)
    assert found.skipped == 5
    assert_agree(found.full, expected.full, GRADIENTS[torch.float64], "gradient of the last steps")
    assert_agree(found.chunked.gradients, expected.chunked.gradients, GRADIENTS[torch.float64], "chunks")
    assert "without the first 5 steps" in str(found)
    matrix = contribution_matrix(passage(cell, inputs), lambda outputs: outputs.square().mean((0, 2)), most_steps=4)
    assert matrix.norms.shape == (4, 4)
    assert "without the first 5 steps" in str(matrix)


def test_results_tell_themselves_in_words_json_and_pictures() -> None:
    for run in observe(build("gru", 2, 3, num_layers=2).double(), torch.randn(2, 5, 2, dtype=torch.float64)):
        ledger, matrix = truncation_ledger(run, quadratic), contribution_matrix(run, quadratic)
        assert "detached every K steps: K = 1 is off by" in str(ledger)
        assert "half of their norm comes from lags up to" in str(matrix)
        told = json.loads(json.dumps(ledger.to_dict(), allow_nan=False))
        assert told["recommended"]["chunked"] == 5
        assert told["windows"] == [1, 2, 3, 4, 5]
        assert len(json.loads(json.dumps(matrix.to_dict(), allow_nan=False))["norms"]) == 5
        assert len(ledger.plot().data) == 2
        assert len(matrix.plot().data) == 1
    assert truncation_ledger(run, quadratic, windows=[1], tolerance=0.0).recommended() is None


def test_what_does_not_fit_is_refused_in_words() -> None:
    run = passage(drawn("gru", 2, 3), torch.randn(2, 4, 2, dtype=torch.float64))
    with pytest.raises(NurtValueError, match="depends on outputs of later steps"):
        truncation_ledger(run, lambda outputs: outputs.flip(1).sum((0, 2)))
    with pytest.raises(ShapeError, match=r"\(4,\)"):
        truncation_ledger(run, lambda outputs: outputs.sum())
    with pytest.raises(NurtTypeError, match="not a tensor"):
        truncation_ledger(run, lambda outputs: len(outputs))
    with pytest.raises(NurtValueError, match="cannot be differentiated"):
        truncation_ledger(run, lambda outputs: outputs.detach().sum((0, 2)))
    with pytest.raises(NurtValueError, match="weight_hh"):
        truncation_ledger(run, quadratic, parameters=["weight_hr"])
    with pytest.raises(NurtValueError, match="windows of at least 1"):
        truncation_ledger(run, quadratic, windows=[0, 1])
    with pytest.raises(NurtValueError, match="most_steps"):
        truncation_ledger(run, quadratic, most_steps=0)
    ledger = truncation_ledger(run, quadratic)
    with pytest.raises(NurtValueError, match="1, 2, 3, 4"):
        ledger.gradient(9)
    with pytest.raises(NurtValueError, match="sliding"):
        ledger.gradient(1, "jumping")  # type: ignore[arg-type]


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
