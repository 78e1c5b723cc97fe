"""The structures of a task as modules from inputs to states and outputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nurt.nn import RNN

__all__ = ["build"]


class _Tagger(nn.Module):
    """A recurrent layer, or several, and an output at every step."""

    def __init__(self, inputs: int, hidden: int, *, num_layers: int = 1, bidirectional: bool = False) -> None:
        super().__init__()
        self.layer = RNN(inputs, hidden, num_layers, bidirectional=bidirectional, batch_first=True)
        self.readout = nn.Linear(hidden * (2 if bidirectional else 1), inputs)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        states, _ = self.layer(inputs)
        return states, self.readout(states)


class _SequenceReader(_Tagger):
    """Reads to the end, then gives one output."""

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        states, _ = self.layer(inputs)
        return states, self.readout(states[:, -1:])


class _Writer(_Tagger):
    """Starts from one input and reads its own outputs after that."""

    def __init__(self, inputs: int, hidden: int, steps: int) -> None:
        super().__init__(inputs, hidden)
        self.steps = steps

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self.write(inputs, None)

    def write(self, first: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return states and outputs of all steps; ``first`` (B, 1, I) is read at the first of them."""
        read, states, outputs = first, [], []
        for _ in range(self.steps):
            after, state = self.layer(read, state)
            read = self.readout(after)
            states.append(after)
            outputs.append(read)
        return torch.cat(states, dim=1), torch.cat(outputs, dim=1)


class _Translator(nn.Module):
    """Reads to the end, and writes from the final state."""

    def __init__(self, inputs: int, hidden: int, steps: int) -> None:
        super().__init__()
        self.encoder = RNN(inputs, hidden, batch_first=True)
        self.decoder = _Writer(inputs, hidden, steps)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        states, last = self.encoder(inputs)
        _, outputs = self.decoder.write(torch.zeros_like(inputs[:, :1]), last)
        return states, outputs


def build(kind: str, inputs: int, hidden: int, wanted: int) -> nn.Module:
    """Return a module from inputs (B, T_x, I) to states (B, T, H) and outputs (B, T_y, I).

    Args:
        kind: id of a structure.
        inputs: I.
        hidden: H.
        wanted: T_y, where the structure leaves it free.
    """
    match kind:
        case "one-to-many":
            return _Writer(inputs, hidden, wanted)
        case "encoder-decoder":
            return _Translator(inputs, hidden, wanted)
        case "stacked":
            return _Tagger(inputs, hidden, num_layers=2)
        case "bidirectional":
            return _Tagger(inputs, hidden, bidirectional=True)
        case "synchronous":
            return _Tagger(inputs, hidden)
        case _:
            return _SequenceReader(inputs, hidden)
