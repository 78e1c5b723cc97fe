"""Recurrent networks: cells that know one step, ``unroll`` that knows time, layers, and torch.nn's layers replaced.

``RNN``, ``LSTM`` and ``GRU`` take the place of torch.nn's. ``build`` makes a stack from a few words. A cell of your
own derives from ``AbstractCell`` and is tested by ``check_cell``.
"""

from nurt.nn import cells, export, init
from nurt.nn.building import build
from nurt.nn.cell_contract import CellReport, ContractError, check_cell
from nurt.nn.cells import *  # noqa: F403 - the registry decides which cells there are
from nurt.nn.compat import GRU, LSTM, RNN
from nurt.nn.convert import from_torch, to_torch
from nurt.nn.dropin_cells import DropInGRUCell, DropInLSTMCell, DropInRNNCell
from nurt.nn.explaining import ModuleExplanation, explain
from nurt.nn.foreign import from_keras, from_onnx, to_keras, to_onnx
from nurt.nn.gates import flip_update_gate
from nurt.nn.gradients import AbstractGradientMethod, Checkpointed, Exact, Truncated
from nurt.nn.layers import AbstractLayer, Bidirectional, BidirectionalState, Recurrent, Stack
from nurt.nn.regularisation import Regularisation
from nurt.nn.segments import Segments
from nurt.nn.streaming import Stream, stream
from nurt.nn.swapping import SwapReport, swap, swap_back
from nurt.nn.unrolling import unroll

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AbstractGradientMethod",
    "AbstractLayer",
    "Bidirectional",
    "BidirectionalState",
    "CellReport",
    "Checkpointed",
    "ContractError",
    "DropInGRUCell",
    "DropInLSTMCell",
    "DropInRNNCell",
    "Exact",
    "ModuleExplanation",
    "Recurrent",
    "Regularisation",
    "Segments",
    "Stack",
    "Stream",
    "SwapReport",
    "Truncated",
    "build",
    "check_cell",
    "explain",
    "export",
    "flip_update_gate",
    "from_keras",
    "from_onnx",
    "from_torch",
    "init",
    "stream",
    "swap",
    "swap_back",
    "to_keras",
    "to_onnx",
    "to_torch",
    "unroll",
]
__all__ += cells.__all__
