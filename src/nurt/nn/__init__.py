"""Recurrent networks: cells that know one step, ``unroll`` that knows time, layers, and torch.nn's layers replaced.

``RNN``, ``LSTM`` and ``GRU`` take the place of torch.nn's. ``build`` makes a stack from a few words. A cell of your
own derives from ``AbstractCell`` and is tested by ``check_cell``.
"""

from nurt.nn import init
from nurt.nn.building import build
from nurt.nn.cell_contract import CellReport, ContractError, check_cell
from nurt.nn.cells import (
    CELLS,
    AbstractCell,
    CIFGLSTMCell,
    ElmanCell,
    ElmanState,
    GRUCell,
    GRUState,
    LayerNormLSTMCell,
    LinearCell,
    LinearState,
    LSTMCell,
    LSTMState,
    PeepholeLSTMCell,
    ProjectedLSTMCell,
    ResetBeforeGRUCell,
)
from nurt.nn.compat import GRU, LSTM, RNN
from nurt.nn.convert import from_torch, to_torch
from nurt.nn.diagonal import DiagonalState, LRUCell, LRUState, MinGRUCell, MinLSTMCell
from nurt.nn.explaining import ModuleExplanation, explain
from nurt.nn.gradients import AbstractGradientMethod, Checkpointed, Exact, Truncated
from nurt.nn.layers import AbstractLayer, Bidirectional, BidirectionalState, Recurrent, Stack
from nurt.nn.regularisation import Regularisation
from nurt.nn.streaming import Stream, stream
from nurt.nn.swapping import swap, swap_back
from nurt.nn.unrolling import unroll
from nurt.nn.update_gate import flip_update_gate

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "RNN",
    "AbstractCell",
    "AbstractGradientMethod",
    "AbstractLayer",
    "Bidirectional",
    "BidirectionalState",
    "CIFGLSTMCell",
    "CellReport",
    "Checkpointed",
    "ContractError",
    "DiagonalState",
    "ElmanCell",
    "ElmanState",
    "Exact",
    "GRUCell",
    "GRUState",
    "LRUCell",
    "LRUState",
    "LSTMCell",
    "LSTMState",
    "LayerNormLSTMCell",
    "LinearCell",
    "LinearState",
    "MinGRUCell",
    "MinLSTMCell",
    "ModuleExplanation",
    "PeepholeLSTMCell",
    "ProjectedLSTMCell",
    "Recurrent",
    "Regularisation",
    "ResetBeforeGRUCell",
    "Stack",
    "Stream",
    "Truncated",
    "build",
    "check_cell",
    "explain",
    "flip_update_gate",
    "from_torch",
    "init",
    "stream",
    "swap",
    "swap_back",
    "to_torch",
    "unroll",
]
