"""The recurrences, one file each, and the readable loop that runs them."""

from __future__ import annotations

from typing import Any

from nurt.kernels.recurrence import Recurrence
from nurt.kernels.reference.cifg_lstm import CIFG_LSTM
from nurt.kernels.reference.elman import ELMAN_RELU, ELMAN_SIGMOID, ELMAN_TANH, ElmanState
from nurt.kernels.reference.gru import GRU, GRUState
from nurt.kernels.reference.layer_norm_lstm import LAYER_NORM_LSTM
from nurt.kernels.reference.linear import LINEAR, LinearState
from nurt.kernels.reference.lstm import LSTM, LSTMState
from nurt.kernels.reference.peephole_lstm import PEEPHOLE_LSTM
from nurt.kernels.reference.projected_lstm import PROJECTED_LSTM
from nurt.kernels.reference.reset_before_gru import RESET_BEFORE_GRU

__all__ = [
    "CIFG_LSTM",
    "ELMAN_RELU",
    "ELMAN_SIGMOID",
    "ELMAN_TANH",
    "GRU",
    "LAYER_NORM_LSTM",
    "LINEAR",
    "LSTM",
    "PEEPHOLE_LSTM",
    "PROJECTED_LSTM",
    "RECURRENCES",
    "RESET_BEFORE_GRU",
    "ElmanState",
    "GRUState",
    "LSTMState",
    "LinearState",
]

RECURRENCES: dict[str, Recurrence[Any]] = {
    recurrence.name: recurrence
    for recurrence in (
        LINEAR,
        ELMAN_TANH,
        ELMAN_RELU,
        ELMAN_SIGMOID,
        LSTM,
        PROJECTED_LSTM,
        PEEPHOLE_LSTM,
        CIFG_LSTM,
        LAYER_NORM_LSTM,
        GRU,
        RESET_BEFORE_GRU,
    )
}
