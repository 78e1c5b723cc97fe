"""Cells: one step each, one file each."""

from typing import Any

from nurt.kernels.reference import ElmanState, GRUState, LinearState, LSTMState
from nurt.nn.cells.base import AbstractCell
from nurt.nn.cells.dense import DenseCell
from nurt.nn.cells.elman import ElmanCell
from nurt.nn.cells.gru import GRUCell
from nurt.nn.cells.linear import LinearCell
from nurt.nn.cells.lstm import LSTMCell
from nurt.nn.cells.projected_lstm import ProjectedLSTMCell

__all__ = [
    "CELLS",
    "AbstractCell",
    "DenseCell",
    "ElmanCell",
    "ElmanState",
    "GRUCell",
    "GRUState",
    "LSTMCell",
    "LSTMState",
    "LinearCell",
    "LinearState",
    "ProjectedLSTMCell",
]

# The cells that are defined by (input_size, hidden_size) alone.
CELLS: dict[str, type[DenseCell[Any]]] = {
    "linear": LinearCell,
    "elman": ElmanCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
}
