"""Which inputs an output listens to: closed forms, what no path leads to, and every layout."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tests.diagnostics.conftest import drawn
from torch import nn

from nurt.diagnostics import Connectivity, input_connectivity, observe, passage
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn import LSTM, Bidirectional, GRUCell, LinearCell, build, unroll


def test_a_scalar_linear_network_has_powers_of_its_weight() -> None:
    cell = LinearCell(1, 1).double()
    with torch.no_grad():
        cell.weight_ih.fill_(-1.3), cell.weight_hh.fill_(0.9)
    found = input_connectivity(passage(cell, torch.randn(3, 8, 1, dtype=torch.float64)))
    lags = torch.arange(8).unsqueeze(1) - torch.arange(8)
    expected = torch.where(lags >= 0, 1.3 * 0.9 ** lags.double(), 0.0)
    assert torch.allclose(found.norms, expected.expand(3, 8, 8), rtol=1e-13, atol=0)
    assert found.by_lag[3] == pytest.approx(1.3 * 0.9**3, rel=1e-13)


@pytest.mark.parametrize("output", [0, 2])
def test_a_linear_network_with_a_head_has_rows_of_products_of_its_weights(output: int) -> None:
    cell, head = drawn("linear", 2, 4), nn.Linear(4, 3).double()
    found = input_connectivity(
        lambda x: head(unroll(cell, x)[0]), torch.randn(2, 6, 2, dtype=torch.float64), output=output
    )
    for target in range(6):
        for source in range(6):
            power = torch.linalg.matrix_power(cell.weight_hh, max(0, target - source))
            row = (head.weight @ power @ cell.weight_ih)[output] if source <= target else torch.zeros(2)
            expected = float(row.detach().norm())
            assert found.norms[:, target, source].tolist() == pytest.approx([expected] * 2, rel=1e-12)


def test_every_cell_by_finite_differences(any_cell) -> None:
    inputs = torch.randn(2, 4, 3, dtype=torch.float64)
    found = input_connectivity(passage(any_cell, inputs), output=1).norms
    for source in range(4):
        columns = []
        for feature in range(3):
            step = torch.zeros_like(inputs)
            step[:, source, feature] = 1e-6
            with torch.no_grad():
                up, down = (unroll(any_cell, inputs + sign * step)[0][..., 1] for sign in (1, -1))
            columns.append((up - down) / 2e-6)
        expected = torch.stack(columns, dim=-1).norm(dim=-1)
        assert torch.allclose(found[:, :, source], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("reverse", [False, True])
def test_nothing_is_seen_from_beyond_the_direction_or_the_end_of_a_row(reverse: bool) -> None:
    lengths = torch.tensor([6, 1, 4])
    run = passage(drawn("gru", 2, 3), torch.randn(3, 6, 2, dtype=torch.float64), lengths=lengths, reverse=reverse)
    found = input_connectivity(run).norms
    unseen = found.tril(-1) if reverse else found.triu(1)
    assert (unseen == 0).all()
    for row, length in enumerate(lengths.tolist()):
        assert (found[row, length:] == 0).all()
        assert (found[row, :, length:] == 0).all()
        seen = found[row, :length, :length]
        assert (seen.triu() > 0).sum() + (seen.tril() > 0).sum() >= length * (length + 1) // 2


def test_both_directions_together_see_everything() -> None:
    layer = Bidirectional(GRUCell(2, 3), GRUCell(2, 3)).double()
    inputs = torch.randn(1, 5, 2, dtype=torch.float64)
    ahead, back = (input_connectivity(layer, inputs, output=k).norms[0] for k in (0, 3))
    assert (ahead.triu(1) == 0).all()
    assert (back.tril(-1) == 0).all()
    assert ((ahead + back) > 0).all()


def test_a_layer_inside_a_model_is_looked_at_by_itself() -> None:
    model = build("lstm", 2, 3, num_layers=2).double()
    inputs = torch.randn(2, 5, 2, dtype=torch.float64)
    lower, upper = observe(model, inputs)
    assert not torch.allclose(input_connectivity(upper).norms, input_connectivity(model, inputs).norms)
    assert torch.allclose(
        input_connectivity(lower).norms, input_connectivity(lambda x: unroll(lower.cell, x), inputs).norms
    )


def test_a_long_sequence_is_cut_and_says_so() -> None:
    run = passage(drawn("elman", 1, 2), torch.randn(1, 9, 1, dtype=torch.float64))
    whole, cut = input_connectivity(run), input_connectivity(run, most_steps=4)
    assert torch.equal(cut.norms, whole.norms[:, 5:, 5:])
    assert (cut.first, cut.total) == (5, 9)
    assert "the last 4 of 9 steps" in str(cut)
    assert "the last" not in str(whole)


def test_the_smallest_case_and_the_forms_of_the_result() -> None:
    found = input_connectivity(passage(drawn("lstm", 1, 1), torch.randn(1, 1, 1, dtype=torch.float64)))
    assert found.norms.shape == (1, 1, 1)
    assert "half of its dependence on past inputs lies within lag 0" in str(found)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["total"] == 1
    assert len(found.plot().data) == 1
    deaf = input_connectivity(lambda x: 0 * x, torch.ones(1, 2, 1))
    assert "no input at or before an output reaches it" in str(deaf)
    assert len(deaf.plot().data) == 1


def test_what_does_not_fit_is_refused_in_words() -> None:
    run = passage(drawn("gru", 2, 3), torch.randn(1, 4, 2, dtype=torch.float64))
    with pytest.raises(NurtTypeError, match="beside a passage"):
        input_connectivity(run, run.inputs)
    with pytest.raises(NurtTypeError, match="`inputs` are missing"):
        input_connectivity(build("gru", 2, 3))
    with pytest.raises(NurtValueError, match="0 … 2"):
        input_connectivity(run, output=3)
    with pytest.raises(NurtValueError, match="most_steps"):
        input_connectivity(run, most_steps=0)
    with pytest.raises(ShapeError, match=r"got \(4, 2\)|Got \(4, 2\)"):
        input_connectivity(build("gru", 2, 3), torch.randn(4, 2))
    with pytest.raises(ShapeError, match="batch_first=False"):
        input_connectivity(LSTM(2, 3), torch.randn(1, 4, 2))
    with pytest.raises(ShapeError, match="no output per input step"):
        input_connectivity(lambda x: x.sum(1), torch.randn(1, 4, 2))
    with pytest.raises(NurtValueError, match="cannot be differentiated"):
        input_connectivity(lambda x: x.detach(), torch.randn(1, 4, 2))


def test_one_odd_row_does_not_decide() -> None:
    norms = torch.full((5, 4, 4), 2.0, dtype=torch.float64).tril()
    norms[3] *= 1e9
    found = Connectivity(0, norms, 0, 4)
    assert found.median.tolist() == np.tril(np.full((4, 4), 2.0)).tolist()
    assert found.by_lag.tolist() == [2.0] * 4
    assert "median of 5 rows" in str(found) and found.to_dict()["median"] == found.median.tolist()
    (drawn,) = found.plot().data
    assert np.nanmax(drawn.z) == pytest.approx(np.log10(2.0))
