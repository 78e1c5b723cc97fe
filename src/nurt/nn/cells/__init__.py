"""Cells: one step each, one file each, and :data:`CELLS`, where each is registered under its name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from nurt.kernels.reference.elman import ElmanState
from nurt.kernels.reference.gru import GRUState
from nurt.kernels.reference.linear import LinearState
from nurt.kernels.reference.lstm import LSTMState
from nurt.nn.cells.base import AbstractCell
from nurt.nn.cells.cifg_lstm import CIFGLSTMCell
from nurt.nn.cells.diagonal import DiagonalState
from nurt.nn.cells.elman import ElmanCell
from nurt.nn.cells.gru import GRUCell
from nurt.nn.cells.layer_norm_lstm import LayerNormLSTMCell
from nurt.nn.cells.leaky_elman import LeakyElmanCell
from nurt.nn.cells.linear import LinearCell
from nurt.nn.cells.lru import LRUCell, LRUState
from nurt.nn.cells.lstm import LSTMCell
from nurt.nn.cells.min_gru import MinGRUCell
from nurt.nn.cells.min_lstm import MinLSTMCell
from nurt.nn.cells.peephole_lstm import PeepholeLSTMCell
from nurt.nn.cells.projected_lstm import ProjectedLSTMCell
from nurt.nn.cells.reset_before_gru import ResetBeforeGRUCell

__all__ = [
    "CELLS",
    "AbstractCell",
    "CIFGLSTMCell",
    "DiagonalState",
    "ElmanCell",
    "ElmanState",
    "GRUCell",
    "GRUState",
    "LRUCell",
    "LRUState",
    "LSTMCell",
    "LSTMState",
    "LayerNormLSTMCell",
    "LeakyElmanCell",
    "LinearCell",
    "LinearState",
    "MinGRUCell",
    "MinLSTMCell",
    "PeepholeLSTMCell",
    "ProjectedLSTMCell",
    "ResetBeforeGRUCell",
]

# The registry: every cell, each defined by (input_size, hidden_size) alone, the other arguments having defaults.
CELLS: Mapping[str, type[AbstractCell[Any]]] = MappingProxyType(
    {
        "linear": LinearCell,
        "elman": ElmanCell,
        "lstm": LSTMCell,
        "projected_lstm": ProjectedLSTMCell,
        "peephole_lstm": PeepholeLSTMCell,
        "cifg_lstm": CIFGLSTMCell,
        "layer_norm_lstm": LayerNormLSTMCell,
        "gru": GRUCell,
        "reset_before_gru": ResetBeforeGRUCell,
        "leaky_elman": LeakyElmanCell,
        "min_gru": MinGRUCell,
        "min_lstm": MinLSTMCell,
        "lru": LRUCell,
    }
)
