"""The recurrences, one file each, and the readable loop that runs them."""

from __future__ import annotations

from typing import Any

from nurt.kernels.recurrence import Recurrence
from nurt.kernels.reference.elman import ELMAN_RELU, ELMAN_TANH, ElmanState
from nurt.kernels.reference.gru import GRU, GRUState
from nurt.kernels.reference.linear import LINEAR, LinearState
from nurt.kernels.reference.lstm import LSTM, LSTMState
from nurt.kernels.reference.projected_lstm import PROJECTED_LSTM

__all__ = [
    "ELMAN_RELU",
    "ELMAN_TANH",
    "GRU",
    "LINEAR",
    "LSTM",
    "PROJECTED_LSTM",
    "RECURRENCES",
    "ElmanState",
    "GRUState",
    "LSTMState",
    "LinearState",
]

RECURRENCES: dict[str, Recurrence[Any]] = {
    recurrence.name: recurrence for recurrence in (LINEAR, ELMAN_TANH, ELMAN_RELU, LSTM, PROJECTED_LSTM, GRU)
}
