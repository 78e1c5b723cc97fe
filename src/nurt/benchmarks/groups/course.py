"""The whole fit of the course's exchange-rate network: nurt's training beside a plain loop in torch."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from nurt.benchmarks.case import Case, CaseGroup, Contender, Contest, Outcome
from nurt.benchmarks.steps import CELLS, Shape
from nurt.data.scaling import MinMaxScaling, standardise
from nurt.data.synthetic import random_walk
from nurt.tasks.forecasting.network import ForecastNetwork, NetworkDesign
from nurt.tasks.forecasting.options import ForecastPlan

__all__ = ["SEED_JOB", "Job", "contest"]


@dataclass(frozen=True)
class Job:
    """The recipe in numbers; the series is a random walk, as exchange rates nearly are."""

    look_back: int = 60
    layers: int = 3
    hidden: int = 50
    dropout: float = 0.2
    batch: int = 32
    epochs: int = 20
    windows: int = 759
    learning_rate: float = 1e-3

    def values(self) -> Tensor:
        """Return the series, float32 (T,)."""
        walk = random_walk(n=self.look_back + self.windows, start=4.0, step=0.02)
        return torch.from_numpy(walk).float()

    def plan(self, cell: str) -> ForecastPlan:
        """Return the recipe "course" with these sizes."""
        return ForecastPlan(
            recipe="course", cell=cell, horizon=1, look_back=self.look_back, layers=self.layers, hidden=self.hidden,
            dropout=self.dropout, batch_size=self.batch, epochs=self.epochs, learning_rate=self.learning_rate,
        )  # fmt: skip


class _PlainNetwork(nn.Module):
    """The usual network in torch: recurrent layers, dropout, one linear unit on the last output."""

    def __init__(self, cell: str, job: Job) -> None:
        super().__init__()
        self.layers = CELLS[cell].theirs(1, job.hidden, num_layers=job.layers, dropout=job.dropout, batch_first=True)
        self.dropout = nn.Dropout(job.dropout)
        self.head = nn.Linear(job.hidden, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Return forecasts (B, 1) from windows (B, T)."""
        outputs, _ = self.layers(windows.unsqueeze(-1))
        forecasts: Tensor = self.head(self.dropout(outputs[:, -1]))
        return forecasts


def contest(cell: str, job: Job) -> Contest:
    """Return the whole fit; compared is the gradient of the loss on the first batch, without dropout."""
    values = job.values()
    plain = _PlainNetwork(cell, job).eval()
    return Contest(
        ours=Contender(
            "nurt", "Forecaster.fit", lambda: _fit(cell, job, values), lambda: _ours(plain, cell, job, values)
        ),
        peers=(
            Contender(
                "torch", "plain loop", lambda: _fit_plainly(cell, job, values), lambda: _theirs(plain, job, values)
            ),
        ),
        reference=lambda: _theirs(copy.deepcopy(plain).double(), job, values.double()),
        floor=Shape(job.look_back, job.windows * job.epochs, 1, job.hidden).floor(
            CELLS[cell].gates, units_above=(job.layers - 1) * 2 * job.hidden
        ),
    )


def _fit(cell: str, job: Job, values: Tensor) -> None:
    forecaster = job.plan(cell).forecaster().fit(values.numpy())
    # An interrupted training ends without an exception; a benchmark has to stop.
    if forecaster.training_record_.stopped_by == "interrupt":
        raise KeyboardInterrupt


def _cut(job: Job, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return windows (N, T) and their next values (N, 1), in units of the series' range."""
    low, high = values.min(), values.max()
    pieces = ((values - low) / (high - low)).unfold(0, job.look_back + 1, 1)
    return pieces[:, :-1], pieces[:, -1:]


def _fit_plainly(cell: str, job: Job, values: Tensor) -> nn.Module:
    torch.manual_seed(0)
    model = _PlainNetwork(cell, job)
    windows, targets = _cut(job, values)
    optimizer = torch.optim.Adam(model.parameters(), lr=job.learning_rate)
    for _ in range(job.epochs):
        for rows in torch.randperm(len(windows)).split(job.batch):  # type: ignore[no-untyped-call]  # torch leaves it untyped
            loss = functional.mse_loss(model(windows[rows]), targets[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
    return model


def _theirs(plain: nn.Module, job: Job, values: Tensor) -> Outcome:
    windows, targets = _cut(job, values)
    return _gradients(plain, functional.mse_loss(plain(windows[: job.batch]), targets[: job.batch]))


def _ours(plain: nn.Module, cell: str, job: Job, values: Tensor) -> Outcome:
    design = NetworkDesign(cell, job.layers, job.hidden, job.dropout, 1, "recursive", (0.5,))
    network = ForecastNetwork(design, MinMaxScaling().fit([values.double().numpy()])).eval()
    with torch.no_grad():
        for mine, theirs in zip(network.parameters(), plain.parameters(), strict=True):
            mine.copy_(theirs)
    windows = values.unfold(0, job.look_back + 1, 1)[: job.batch]
    units = network.statistics(windows[:, :-1])
    forecasts = network(windows[:, :-1], windows.new_zeros(*windows[:, :-1].shape, 0), units)[:, :, 0]
    loss = functional.mse_loss(forecasts, standardise(windows[:, -1:], units.anchor, units.scale))
    return dict(zip(_names(plain), _gradients(network, loss).values(), strict=True))


def _gradients(model: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    return dict(zip(_names(model), torch.autograd.grad(loss, [*model.parameters()]), strict=True))


def _names(model: nn.Module) -> list[str]:
    return [f"gradient of {name}" for name, _ in model.named_parameters()]


def _seed_job() -> list[Case]:
    job = Job()
    sizes = Shape(job.look_back, job.batch, 1, job.hidden).sizes()
    detail = f"{job.layers} layers, {job.epochs} epochs"
    return [Case("seed-job", cell, sizes, partial(contest, cell, job), detail=detail) for cell in ("lstm", "gru")]


SEED_JOB = CaseGroup(
    "seed-job",
    "The whole fit of the course's exchange-rate network on 759 windows, Adam and dropout included: "
    "nurt.Forecaster.fit against a plain training loop in torch.",
    "Bound as stacked cases are; the optimiser and the loop add to each step.",
    _seed_job,
)
