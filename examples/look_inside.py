"""Let a layer run as always, and see its gradient travel back through time."""

import torch

from nurt import diagnostics

torch.manual_seed(0)
layer = torch.nn.LSTM(1, 16, batch_first=True)  # torch's or nurt's
inputs = torch.sin(torch.arange(40) / 3).view(1, 40, 1) + 0.1 * torch.randn(8, 40, 1)

with diagnostics.record(layer) as seen:
    outputs, _ = layer(inputs)
    outputs[:, -1].square().mean().backward()

found = seen.layer()
direct, total = found.gradients()  # from above, and by all ways through time: (B, T, H) each
print(found)
print(f"dL/dh_t at the last step {total[:, -1].norm():.2g}, ten steps before {total[:, -11].norm():.2g}")
print(diagnostics.gradient_by_lag(found))
print(diagnostics.unit_memory(found))
