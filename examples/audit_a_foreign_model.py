"""Ask any forecaster what it can see: a head that reads the wrong outputs is blind to the newest inputs."""

import numpy as np
from torch import Tensor, nn

from nurt.evaluation.forecasts.audits.causality import BlackBox, Differentiable, audit_causality, structure_copy

LOOK_BACK, HORIZON = 60, 30


class FromLastState(nn.Module):
    """Every step is read from the last state, which has seen the whole window."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(1, 16, batch_first=True)
        self.head = nn.Linear(16, HORIZON)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs, _ = self.encoder(inputs)
        return self.head(outputs[:, -1])


class FromLastOutputs(FromLastState):
    """Step k is read from the k-th of the last 30 outputs, which came too early to see what followed."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(16, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs, _ = self.encoder(inputs)
        return self.head(outputs[:, -HORIZON:]).squeeze(-1)


def centred_mean(inputs: np.ndarray) -> np.ndarray:
    """Stand for a program without gradients that smooths over the origin: it is given the steps after it, too."""
    around = inputs[:, LOOK_BACK - 2 : LOOK_BACK + 3, 0]
    return np.repeat(around.mean(axis=1, keepdims=True), HORIZON, axis=1)


def main() -> None:
    for kind in (FromLastState, FromLastOutputs):
        report = audit_causality(Differentiable(structure_copy(kind())), look_back=LOOK_BACK, horizon=HORIZON)
        print(f"{kind.__name__}: {report.verdict}. {report.text}")
        print("  newest input of 60 seen at steps 1, 2, 10, 20, 30:", report.latest_input[[0, 1, 9, 19, 29]])
    report = audit_causality(BlackBox(centred_mean, sees_future=True), look_back=LOOK_BACK, horizon=HORIZON)
    print(f"centred_mean: {report.verdict}. {report.text}")


if __name__ == "__main__":
    main()
