"""Write a cell of your own, have it checked, and use it like the built-in ones."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nurt.nn import AbstractCell, ContractError, build, check_cell, explain


class MGUState(NamedTuple):
    """State of a minimal gated unit: ``hidden`` (B, H)."""

    hidden: Tensor


class MGUCell(AbstractCell[MGUState]):
    """Minimal gated unit (zhou2016minimal): a GRU whose two gates are one.

    f_t = σ(W_f [x_t, h_{t-1}] + b_f)
    n_t = tanh(W_n [x_t, f_t ⊙ h_{t-1}] + b_n)
    h_t = (1 - f_t) ⊙ h_{t-1} + f_t ⊙ n_t
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def initial_state(self, batch: int) -> MGUState:
        return MGUState(self.gate.weight.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: MGUState) -> MGUState:
        forget = torch.sigmoid(self.gate(torch.cat([x, state.hidden], dim=1)))
        candidate = torch.tanh(self.candidate(torch.cat([x, forget * state.hidden], dim=1)))
        return MGUState((1 - forget) * state.hidden + forget * candidate)


class CarelessCell(MGUCell):
    """The same, centred over the batch: its rows can no longer be told apart from their neighbours."""

    def step(self, x: Tensor, state: MGUState) -> MGUState:
        return super().step(x - x.mean(dim=0), state)


def main() -> None:
    print(check_cell(lambda: MGUCell(3, 4)))
    try:
        check_cell(lambda: CarelessCell(3, 4))
    except ContractError as error:
        print(str(error).splitlines()[0])

    stack = build(MGUCell, 3, 16, num_layers=2, bidirectional=True)
    outputs, _ = stack(torch.randn(5, 9, 3), lengths=[9, 7, 4, 2, 1])
    print("outputs:", tuple(outputs.shape))
    print(explain(stack).parts["layers.0.forward_cell"])


if __name__ == "__main__":
    main()
