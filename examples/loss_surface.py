"""Look at the loss over two weights, and over the plane in which a network was trained."""

import torch
from torch import Tensor, nn

from nurt import diagnostics
from nurt.diagnostics import Adaptive, Grid, Overlay

START = torch.sigmoid(torch.tensor(0.5, dtype=torch.float64))


def distance(model: nn.Linear) -> Tensor:
    """Let one unit run for 50 steps on its own; return how far its state then is from 0.7, squared."""
    state = START
    for _ in range(50):
        state = torch.sigmoid(model.weight * state + model.bias)
    return (state - 0.7).square()


plane = diagnostics.weight_plane(nn.Linear(1, 1).double(), "weight", "bias")
surface = diagnostics.loss_surface(distance, plane, (3, 7), (-5, -1), Adaptive(1000), gradients=True)
weights = torch.linspace(3, 7, 50).double()
ridge = Overlay("b = 0.5 - h₀ w", weights.numpy(), (0.5 - START * weights).numpy())
walks = diagnostics.trajectories(distance, plane, start=(5.5, -2.93), steps=200)
surface = surface.with_drawn(walks, [ridge])
surface.plot().write_html("cliff.html")
print(surface, "\n")

torch.manual_seed(0)
model = nn.GRU(1, 8, batch_first=True).double()
series = torch.sin(torch.arange(64) / 3).double() + 0.1 * torch.randn(8, 64).double()


def forecast_error(model: nn.Module) -> Tensor:
    """Return the mean squared error of the next value, told by the mean of the units."""
    outputs, _ = model(series[:, :-1, None])
    return (outputs.mean(-1) - series[:, 1:]).square().mean()


print(diagnostics.check_gradient(model, forecast_error), "\n")

optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
path, losses = [], []
for _ in range(60):
    path.append(diagnostics.snapshot(model))
    optimiser.zero_grad()
    loss = forecast_error(model)
    loss.backward()
    losses.append(loss.item())
    optimiser.step()

trained = diagnostics.path_plane(model, path)
seen = diagnostics.projected_path(trained, path, losses)
around = diagnostics.loss_surface(forecast_error, trained, *seen.ranges(), Grid(20))
print(around.with_drawn([seen]))
