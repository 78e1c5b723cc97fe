"""The remedies: what each changes in a plain tanh network of given recurrent weights, or in its training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, final

import torch
from torch import Tensor, nn

from nurt.kernels.reference.elman import ElmanState
from nurt.nn import AbstractCell, ElmanCell, Exact, GRUCell, LSTMCell, Recurrent, Truncated, init
from nurt.nn.gradients.method import AbstractGradientMethod
from nurt.wording import Text

__all__ = ["REMEDIES", "NormalisedElmanCell", "Remedy", "RemedyNetwork"]

EPSILON = 1e-5


@final
class NormalisedElmanCell(AbstractCell[ElmanState]):
    """Elman's cell whose recurrent sums are normalised before the input is added.

        h_t = tanh(W_ih x_t + b + α ⊙ (a - mean(a)) / √(var(a) + ε)),   a = W_hh h_{t-1}, ε = 1e-5

    Over the units of a row: layer normalisation [ba2016layer]. Over the rows of the batch, step by step with the
    statistics of the present batch: batch normalisation [cooijmans2017recurrent].

    Args:
        input_size: I.
        hidden_size: H.
        over: what mean and variance are taken over.
    """

    def __init__(self, input_size: int, hidden_size: int, over: Literal["units", "rows"]) -> None:
        super().__init__(input_size, hidden_size)
        self.over = over
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.zeros(hidden_size))
        self.gain = nn.Parameter(torch.ones(hidden_size))
        for weight in (self.weight_ih, self.weight_hh):
            nn.init.uniform_(weight, -(hidden_size**-0.5), hidden_size**-0.5)

    def initial_state(self, batch: int) -> ElmanState:
        """Return zeros, (batch, H)."""
        return ElmanState(self.weight_hh.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: ElmanState) -> ElmanState:
        """Return the state after one input (B, I)."""
        sums = state.hidden @ self.weight_hh.T
        axis = 1 if self.over == "units" else 0
        spread = (sums.var(dim=axis, keepdim=True, unbiased=False) + EPSILON).sqrt()
        steady = self.gain * (sums - sums.mean(dim=axis, keepdim=True)) / spread
        return ElmanState(torch.tanh(x @ self.weight_ih.T + self.bias_ih + steady))


@dataclass(frozen=True)
class Remedy:
    """One remedy.

    Args:
        id: name.
        name: in words.
        cell: from I and H to a cell.
        keeps_start: whether the recurrent weights of the case are put into its cell.
        clip_norm, clip_value: limits of the gradient; None leaves it as it is.
        penalty: λ of the penalty λ‖W_hh‖² on the recurrent weights.
        gradient: how the gradient goes back through time.
    """

    id: str
    name: Text
    cell: Callable[[int, int], AbstractCell[Any]] = ElmanCell
    keeps_start: bool = True
    clip_norm: float | None = None
    clip_value: float | None = None
    penalty: float = 0.0
    gradient: AbstractGradientMethod = field(default_factory=Exact)


class RemedyNetwork(nn.Module):
    """A cell under a remedy and a linear read-out of its last state.

    Args:
        remedy: the remedy.
        inputs: I.
        hidden: H.
        gain: the recurrent weights of the case: an orthogonal matrix times this, in every gate.
    """

    def __init__(self, remedy: Remedy, inputs: int, hidden: int, gain: float) -> None:
        super().__init__()
        self.gradient = remedy.gradient
        self.layer = Recurrent(remedy.cell(inputs, hidden))
        self.readout = nn.Linear(hidden, 1)
        cell = self.layer.cell
        if remedy.keeps_start:
            # Of a generator of its own: the matrix is the same, however many numbers a cell has drawn before.
            generator = torch.Generator().manual_seed(torch.initial_seed())
            with torch.no_grad():
                for block in torch.split(self.recurrent_weight, hidden):
                    nn.init.orthogonal_(block, gain, generator)
        if isinstance(cell, LSTMCell):
            init.forget_bias_(cell, 1.0)

    @property
    def recurrent_weight(self) -> nn.Parameter:
        """W_hh, (G·H, H)."""
        return dict(self.layer.cell.named_parameters())["weight_hh"]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the answers after the last step, (B,), of inputs (B, T, I)."""
        outputs, _ = self.layer(inputs, gradient=self.gradient)
        answer: Tensor = self.readout(outputs[:, -1]).squeeze(-1)
        return answer

    def gradients(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return ‖∂ℓ/∂s_t‖ of the whole state by row and lag, (B, T), lag 0 first; beyond the window of truncation 0.

        ℓ is the squared error of a row. The cell is taken through time step by step, so that every cell gives it.

        Args:
            inputs: (B, T, I).
            targets: (B,).
        """
        cell, steps = self.layer.cell, inputs.shape[1]
        window = self.gradient.window if isinstance(self.gradient, Truncated) else steps
        state, states = cell.initial_state(len(inputs)), []
        for step in range(steps):
            if step == steps - window:
                state = type(state)(*(part.detach().requires_grad_() for part in state))
            # Copies: the gradient by c must not hold what passes through the h of the same step.
            state = type(state)(*(part.clone() for part in cell.step(inputs[:, step], state)))
            states.append(state)
        loss = (self.readout(state.hidden).squeeze(-1) - targets).square().sum()
        parts = [part for one in states for part in one]
        found = torch.autograd.grad(loss, parts, allow_unused=True, materialize_grads=True)
        width = len(state)
        whole = [torch.cat(found[first : first + width], dim=1) for first in range(0, len(found), width)]
        return torch.stack([torch.linalg.vector_norm(one, dim=1) for one in whole[::-1]], dim=1)


def _irnn(inputs: int, hidden: int) -> ElmanCell:
    cell = ElmanCell(inputs, hidden, nonlinearity="relu")
    init.identity_(cell)
    return cell


PLAIN = Remedy("plain", Text("none", "bez środka"))
REMEDIES = (
    PLAIN,
    replace(PLAIN, id="clip-norm", name=Text("clipping by norm", "obcinanie normy"), clip_norm=0.5),
    replace(PLAIN, id="clip-value", name=Text("clipping by value", "obcinanie wartości"), clip_value=0.05),
    replace(PLAIN, id="l2", name=Text("L2 on the weights", "L2 na wagach"), penalty=1e-3),
    replace(
        PLAIN,
        id="truncation",
        name=Text("truncation to {k} steps", "skracanie do {k} kroków").filled(k=5),
        gradient=Truncated(5),
    ),
    replace(
        PLAIN,
        id="layer-norm",
        name=Text("layer normalisation", "normalizacja warstwy"),
        cell=lambda inputs, hidden: NormalisedElmanCell(inputs, hidden, "units"),
    ),
    replace(
        PLAIN,
        id="batch-norm",
        name=Text("batch normalisation", "normalizacja porcji"),
        cell=lambda inputs, hidden: NormalisedElmanCell(inputs, hidden, "rows"),
    ),
    replace(
        PLAIN, id="irnn", name=Text("ReLU from the identity", "ReLU od jednostkowej"), cell=_irnn, keeps_start=False
    ),
    replace(PLAIN, id="gru", name=Text("gates (GRU)", "bramki (GRU)"), cell=GRUCell),
    replace(PLAIN, id="lstm", name=Text("gates (LSTM)", "bramki (LSTM)"), cell=LSTMCell),
)
