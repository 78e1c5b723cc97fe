"""``torch.fx.symbolic_trace``: layers of nurt stand in a graph as calls of modules, as torch's own layers do."""

from __future__ import annotations

import pytest
import torch
from torch import fx, nn
from torch.nn.utils import prune

from nurt.nn import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    DropInGRUCell,
    DropInLSTMCell,
    DropInRNNCell,
    GRUCell,
    LSTMCell,
    Recurrent,
    Stack,
)


class Between(nn.Module):
    """A layer between operators that a graph keeps, called with what the test gives."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs, hx=None):
        outputs = self.layer(inputs * 2, hx)
        return outputs[0].relu(), outputs[1]


LAYERS = {
    "LSTM": lambda: LSTM(3, 4, 2, bidirectional=True),
    "projected": lambda: LSTM(3, 4, proj_size=2, batch_first=True),
    "GRU": lambda: GRU(3, 4, bias=False),
    "RNN": lambda: RNN(3, 4, nonlinearity="relu"),
    "Recurrent": lambda: Recurrent(LSTMCell(3, 4)),
    "Bidirectional": lambda: Bidirectional(GRUCell(3, 4), GRUCell(3, 4)),
    "Stack": lambda: Stack([Recurrent(GRUCell(3, 4)), Recurrent(GRUCell(4, 2))]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_one_node_that_takes_other_sizes_and_gradients(name):
    model = Between(LAYERS[name]())
    graph = fx.symbolic_trace(model)
    assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == ["layer"]
    for shape in ((5, 2, 3), (1, 1, 3), (7, 4, 3)):
        inputs = torch.randn(shape)
        found, expected = (run(inputs)[0] for run in (graph, model))
        assert torch.equal(found, expected)
        pairs = [torch.autograd.grad(values.sum(), list(model.parameters())) for values in (found, expected)]
        assert all(map(torch.equal, *pairs))


def test_an_initial_state_may_stand_in_the_graph_too():
    model, inputs = Between(LSTM(3, 4)), torch.randn(5, 2, 3)
    state = (torch.randn(1, 2, 4), torch.randn(1, 2, 4))
    assert torch.equal(fx.symbolic_trace(model)(inputs, state)[0], model(inputs, state)[0])


@pytest.mark.parametrize("kind", [DropInLSTMCell, DropInGRUCell, DropInRNNCell])
def test_a_cell_is_one_node(kind):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = kind(3, 4)

        def forward(self, inputs):
            return self.cell(input=inputs * 2)

    model, inputs = Model(), torch.randn(2, 3)
    for found, expected in zip(fx.symbolic_trace(model)(inputs), model(inputs), strict=True):
        assert torch.equal(found, expected)


def test_hooks_and_pruning_act_once():
    model, inputs = Between(GRU(3, 4)), torch.randn(5, 2, 3)
    prune.l1_unstructured(model.layer, "weight_hh_l0", 0.5)
    model.layer.register_forward_pre_hook(lambda _, given: (given[0] + 1, *given[1:]))
    model.layer.register_forward_hook(lambda _, __, results: (results[0] * 3, results[1]))
    assert torch.equal(fx.symbolic_trace(model)(inputs)[0], model(inputs)[0])
