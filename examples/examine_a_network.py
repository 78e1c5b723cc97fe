"""Examine a network of torch's layers: how far back its gradient and its memory reach."""

import torch

from nurt.diagnostics import Scope, examine

torch.manual_seed(0)


class Reader(torch.nn.Module):
    """Two layers of GRU, read at the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.GRU(1, 16, num_layers=2, batch_first=True)
        self.head = torch.nn.Linear(16, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return one number per row."""
        return self.head(self.layers(inputs)[0][:, -1])


found = examine(Reader(), torch.randn(8, 50, 1), scope=Scope(parts=("reach", "gradient", "gates", "memory")))
print(found)
