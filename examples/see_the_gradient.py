"""Watch the gradient travel back through time while a network runs as it always does."""

import torch

from nurt import diagnostics

torch.manual_seed(0)
model = torch.nn.ModuleDict(
    {"lstm": torch.nn.LSTM(1, 16, num_layers=2, batch_first=True), "head": torch.nn.Linear(16, 1)}
)
series = torch.sin(torch.arange(41) / 3) + 0.1 * torch.randn(8, 41)
inputs, targets = series[:, :-1, None], series[:, -1:]

with diagnostics.record(model) as seen:
    outputs, _ = model["lstm"](inputs)
    loss = (model["head"](outputs[:, -1]) - targets).square().mean()
    loss.backward()

print(seen)
upper = seen.layer("lstm", layer=1)
direct, total = upper.gradients()
print(f"|dL/dh_t| at the last step {total[:, -1].norm():.3g}, ten steps before {total[:, -11].norm():.3g}")
print(diagnostics.gradient_by_lag(upper))
print(diagnostics.cell_paths(upper))
print(diagnostics.highway_reach(upper))
print(diagnostics.unit_memory(upper))
print(diagnostics.gate_statistics(upper))

parts = diagnostics.step_contributions(upper)
print(parts)
print(
    "they add up to autograd's:",
    torch.allclose(parts.gradients["weight_hh"], model["lstm"].weight_hh_l1.grad, atol=1e-7),
)
