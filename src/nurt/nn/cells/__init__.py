"""Cells: one step each, one file each."""

from typing import Any

from nurt.kernels.reference import ElmanState, GRUState, LinearState, LSTMState
from nurt.nn.cells.base import AbstractCell
from nurt.nn.cells.cifg_lstm import CIFGLSTMCell
from nurt.nn.cells.dense import DenseCell
from nurt.nn.cells.elman import ElmanCell
from nurt.nn.cells.gru import GRUCell
from nurt.nn.cells.layer_norm_lstm import LayerNormLSTMCell
from nurt.nn.cells.linear import LinearCell
from nurt.nn.cells.lstm import LSTMCell
from nurt.nn.cells.peephole_lstm import PeepholeLSTMCell
from nurt.nn.cells.projected_lstm import ProjectedLSTMCell
from nurt.nn.cells.reset_before_gru import ResetBeforeGRUCell

__all__ = [
    "CELLS",
    "AbstractCell",
    "CIFGLSTMCell",
    "DenseCell",
    "ElmanCell",
    "ElmanState",
    "GRUCell",
    "GRUState",
    "LSTMCell",
    "LSTMState",
    "LayerNormLSTMCell",
    "LinearCell",
    "LinearState",
    "PeepholeLSTMCell",
    "ProjectedLSTMCell",
    "ResetBeforeGRUCell",
]

# The cells that are defined by (input_size, hidden_size) alone.
CELLS: dict[str, type[DenseCell[Any]]] = {
    "linear": LinearCell,
    "elman": ElmanCell,
    "lstm": LSTMCell,
    "peephole_lstm": PeepholeLSTMCell,
    "cifg_lstm": CIFGLSTMCell,
    "layer_norm_lstm": LayerNormLSTMCell,
    "gru": GRUCell,
    "reset_before_gru": ResetBeforeGRUCell,
}
