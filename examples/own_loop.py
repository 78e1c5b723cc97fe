"""Look into a loop of your own: by the states that it collects, or with its step as a cell."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nurt.diagnostics import Scope, examine, gradient_by_lag, record_states
from nurt.nn import AbstractCell, Recurrent

torch.manual_seed(0)


class SimpleRNN(nn.Module):
    """h_t = tanh(W_xh x_t + W_hh h_{t-1}), y_t = W_hy h_t, step by step."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.Wxh = nn.Linear(input_size, hidden_size, bias=False)
        self.Whh = nn.Linear(hidden_size, hidden_size, bias=False)
        self.Why = nn.Linear(hidden_size, output_size, bias=False)

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        outputs, self.states = [], []
        for t in range(x.size(1)):
            hidden = torch.tanh(self.Wxh(x[:, t]) + self.Whh(hidden))
            self.states.append(hidden)  # the one line more
            outputs.append(self.Why(hidden))
        return torch.stack(outputs, dim=1), hidden


# 1. Its states, collected on the way.
model, x = SimpleRNN(1, 16, 1), torch.randn(8, 50, 1)
loss = model(x, torch.zeros(8, 16))[0][:, -1].square().mean()
seen = record_states(model.states, loss)
print(seen)
print(gradient_by_lag(seen), "\n")


# 2. Its step as a cell, taken through time by a layer: then everything can be examined.
class State(NamedTuple):
    """State of the loop."""

    hidden: Tensor


class Cell(AbstractCell[State]):
    """The step of the loop, with its weights."""

    def initial_state(self, batch: int) -> State:
        return State(torch.zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> State:
        return State(torch.tanh(model.Wxh(x) + model.Whh(state.hidden)))


print(examine(Recurrent(Cell(1, 16)), x, scope=Scope(parts=("reach", "lyapunov"))))
