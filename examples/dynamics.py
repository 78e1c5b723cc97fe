"""Look at how a network carries its past: Jacobians, exponents, the weights, and what truncation would leave out."""

import torch

from nurt import diagnostics

torch.manual_seed(0)
model = torch.nn.LSTM(1, 20, num_layers=2, batch_first=True)
series = torch.sin(torch.arange(64) / 3) + 0.1 * torch.randn(8, 64)
inputs, targets = series[:, :-1, None], series[:, 1:, None]

for run in diagnostics.observe(model, inputs):
    jacobians = diagnostics.step_jacobians(run)
    print(diagnostics.jacobian_products(jacobians, lags=[1, 10, 60]))
    print(diagnostics.lyapunov_exponents(jacobians, count=3, discard=10))

forget = next(block for block in diagnostics.recurrent_blocks(model) if block.gate == "f")
print(diagnostics.weight_spectrum(forget.weight, forget.name))


def loss(outputs: torch.Tensor) -> torch.Tensor:
    """Return the loss of every step, averaged over the batch."""
    return (outputs.mean(-1, keepdim=True) - targets).square().mean(dim=(0, 2))


print(diagnostics.input_connectivity(run))
print(diagnostics.truncation_ledger(run, loss, tolerance=0.01))
