"""Random models as ONNX: the layers of a seeded draw of options, run by onnxruntime beside torch."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.export import Dim

import nurt.nn
from nurt.nn.export import onnx

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:.*dynamic_shapes:UserWarning"
)

SEED, MODELS, LAYERS_EACH = 20261130, 8, 13
WITHIN = 1e-5
FREE = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}


class Case(nn.Module):
    """One layer with drawn options, called as they say."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.kind = draw.choice(["LSTM", "GRU", "RNN"])
        self.features, units = draw.randint(1, 5), draw.randint(1, 7)
        options = {
            "num_layers": draw.randint(1, 3),
            "bidirectional": draw.random() < 0.5,
            "batch_first": draw.random() < 0.5,
            "bias": draw.random() < 0.7,
            "dropout": draw.choice([0.0, 0.3]),
        }
        if self.kind == "RNN":
            options["nonlinearity"] = draw.choice(["tanh", "relu"])
        if options["num_layers"] == 1:
            options["dropout"] = 0.0
        self.layer = getattr(nurt.nn, self.kind)(self.features, units, **options)
        self.ragged, self.started = draw.random() < 0.5, draw.random() < 0.5
        self.options = options

    def forward(self, x, lengths, scale):
        hx = None
        rows = x.shape[1]
        sides = self.layer.num_layers * (1 + self.layer.bidirectional)
        if self.started:
            state = scale * torch.ones(sides, 1, self.layer.hidden_size).expand(-1, rows, -1)
            hx = (state, 2 * state) if self.kind == "LSTM" else state
        given = x[..., : self.features]
        given = given.transpose(0, 1) if self.layer.batch_first else given
        outputs, states = self.layer(given, hx, lengths=lengths if self.ragged else None)
        states = states if self.kind == "LSTM" else (states,)
        return (outputs.transpose(0, 1) if self.layer.batch_first else outputs, *states)


class Many(nn.Module):
    """Several of them side by side, because an export takes longer than a layer."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.cases = nn.ModuleList([Case(draw) for _ in range(LAYERS_EACH)])

    def forward(self, x, lengths, scale):
        return tuple(one for case in self.cases for one in case(x, lengths, scale))


@pytest.mark.parametrize("number", range(MODELS))
def test_random_options_give_the_numbers_of_the_layer(number):
    from onnxruntime import InferenceSession

    draw = random.Random(SEED + number)
    torch.manual_seed(SEED + number)
    model = Many(draw).eval()
    example = torch.randn(6, 4, 5), torch.tensor([6, 2, 3, 1]), torch.tensor(0.3)
    shapes = (FREE, {0: Dim.DYNAMIC}, None)
    session = InferenceSession(onnx(model, example, dynamic_shapes=shapes).model_proto.SerializeToString())
    for steps, rows in ((draw.randint(2, 12), draw.randint(2, 6)), (6, 4)):
        lengths = torch.tensor([draw.randint(0, steps) for _ in range(rows - 1)] + [steps])
        given = torch.randn(steps, rows, 5), lengths, torch.tensor(draw.uniform(-0.5, 0.5))
        with torch.no_grad():
            expected = model(*given)
        names = [place.name for place in session.get_inputs()]
        by_name = dict(zip(["x", "lengths", "scale"], given, strict=True))
        found = session.run(None, {name: by_name[name].numpy() for name in names})
        places = [case.options for case in model.cases for _ in range(3 if case.kind == "LSTM" else 2)]
        assert len(found) == len(expected)
        for one, other, options in zip(found, expected, places, strict=True):
            np.testing.assert_allclose(one, other.numpy(), rtol=0, atol=WITHIN, err_msg=str(options))
