"""Look at the loss over two weights, and over the plane in which a network was trained."""

import torch
from torch import Tensor, nn

from nurt import diagnostics
from nurt.diagnostics import Adaptive, Grid, Overlay

START = torch.sigmoid(torch.tensor(0.5, dtype=torch.float64))


class Cliff(nn.Module):
    """One unit that runs for 50 steps on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(5.0, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(-2.5, dtype=torch.float64))

    def forward(self) -> Tensor:
        """Return the last state."""
        state = START
        for _ in range(50):
            state = torch.sigmoid(self.w * state + self.b)
        return state


def distance(model: Cliff) -> Tensor:
    """Return how far the last state is from 0.7, squared."""
    return (model() - 0.7).square()


cliff = Cliff()
plane = diagnostics.weight_plane(cliff, "w", "b")
surface = diagnostics.loss_surface(distance, plane, (3, 7), (-5, -1), Adaptive(1000), gradients=True)
weights = torch.linspace(3, 7, 50).double()
ridge = Overlay("b = 0.5 - h₀ w", weights.numpy(), (0.5 - START * weights).numpy())
walks = diagnostics.trajectories(distance, plane, start=(5.5, -2.93), steps=200)
surface = surface.with_drawn(walks, [ridge])
surface.plot().write_html("cliff.html")
print(surface)

torch.manual_seed(0)
model = nn.GRU(1, 8, batch_first=True).double()
series = torch.sin(torch.arange(64) / 3).double() + 0.1 * torch.randn(8, 64).double()


def forecast_error(model: nn.Module) -> Tensor:
    """Return the mean squared error of the next value, told by the mean of the units."""
    outputs, _ = model(series[:, :-1, None])
    return (outputs.mean(-1) - series[:, 1:]).square().mean()


print("\n" + str(diagnostics.check_gradient(model, forecast_error)))

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
print("\n" + str(around.with_drawn([seen])))
