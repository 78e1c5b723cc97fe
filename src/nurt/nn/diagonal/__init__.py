"""Cells whose state moves by a diagonal recurrence, so that their time loop is one scan; one file each."""

from nurt.nn.diagonal.base import DiagonalCell
from nurt.nn.diagonal.gated import DiagonalState
from nurt.nn.diagonal.lru import LRUCell, LRUState
from nurt.nn.diagonal.min_gru import MinGRUCell
from nurt.nn.diagonal.min_lstm import MinLSTMCell

__all__ = ["DiagonalCell", "DiagonalState", "LRUCell", "LRUState", "MinGRUCell", "MinLSTMCell"]
