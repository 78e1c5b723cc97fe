"""A stack from a few words."""

from __future__ import annotations

import pytest
import torch

from nurt.errors import NurtTypeError, NurtValueError
from nurt.nn import CELLS, ElmanCell, ProjectedLSTMCell, build


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_a_stack_has_the_asked_cells_and_sizes(kind, bidirectional):
    stack = build(kind, 3, 5, num_layers=3, dropout=0.2, bidirectional=bidirectional)
    outputs, states = stack(torch.randn(2, 7, 3))
    width = CELLS[kind](3, 5).output_size
    assert outputs.shape == (2, 7, 2 * width if bidirectional else width)
    assert len(states) == 3
    cells = [module for module in stack.modules() if isinstance(module, CELLS[kind])]
    assert len(cells) == (6 if bidirectional else 3)
    assert stack.dropout.p == 0.2


def test_any_cell_can_be_stacked_by_a_callable():
    stack = build(lambda features, hidden: ProjectedLSTMCell(features, hidden, 2), 3, 5, num_layers=2)
    assert [layer.cell.input_size for layer in stack.layers] == [3, 2]


def test_the_nonlinearity_reaches_the_elman_cell():
    cells = [
        module for module in build("elman", 3, 5, 2, nonlinearity="relu").modules() if isinstance(module, ElmanCell)
    ]
    assert [cell.nonlinearity for cell in cells] == ["relu", "relu"]


@pytest.mark.parametrize("kind", ["lstm", "gru", "linear", lambda i, h: ElmanCell(i, h)])
def test_an_option_that_the_cell_does_not_use_is_refused(kind):
    with pytest.raises(NurtValueError, match="'elman' alone"):
        build(kind, 3, 5, nonlinearity="tanh")


def test_an_unknown_cell_is_refused_with_the_names_there_are():
    with pytest.raises(NurtValueError, match=r"'linear', 'elman', 'lstm', .*'gru'"):
        build("rnn", 3, 5)


@pytest.mark.parametrize(("layers", "error"), [(0, NurtValueError), (1.5, NurtTypeError), (True, NurtTypeError)])
def test_a_number_of_layers_that_is_none_is_refused(layers, error):
    with pytest.raises(error, match="num_layers"):
        build("gru", 3, 5, num_layers=layers)
