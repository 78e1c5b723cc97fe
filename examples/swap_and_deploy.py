"""Swap the layers of a model made with torch, then take it to places without nurt: ONNX, and torch alone."""

import onnxruntime
import torch
from torch import nn
from torch.export import Dim

import nurt


class Tagger(nn.Module):
    """Scores three tags for every step of rows of different lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 16, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(32, 3)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        outputs, _ = self.rnn(x, lengths=lengths)  # nurt's layers take lengths, without packing
        return self.head(outputs)


def main() -> None:
    torch.manual_seed(0)
    model = Tagger().eval()
    nn.utils.parametrizations.weight_norm(model.rnn, "weight_hh_l0")
    print(nurt.nn.swap(model), "- its weight norm goes along:", "parametrizations" in str(list(model.state_dict())))

    # To ONNX: two nodes for two layers; batch and time stay free.
    example = torch.randn(2, 5, 4), torch.tensor([5, 3])
    rows, steps = {0: Dim.DYNAMIC}, {1: Dim.DYNAMIC}
    program = nurt.nn.export.onnx(model, example, dynamic_shapes=(rows | steps, rows), input_names=["x", "lengths"])
    print("nodes:", [node.op_type for node in program.model.graph if node.op_type in ("LSTM", "GRU", "RNN")])
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    x, lengths = torch.randn(4, 9, 4), torch.tensor([9, 1, 6, 0])
    (scores,) = session.run(None, {"x": x.numpy(), "lengths": lengths.numpy()})
    expected = model(x, lengths).detach()
    print("onnxruntime agrees:", float((torch.as_tensor(scores) - expected).abs().max()) < 1e-5)

    # To torch alone: the number of steps is fixed, as for torch's own layers.
    plain = nurt.nn.export.without_nurt(torch.export.export(model, example, dynamic_shapes=(rows, rows)))
    print("nurt in the program:", any("nurt" in str(node.target) for node in plain.graph.nodes))
    agree = torch.allclose(
        plain.module()(x[:, :5], lengths.clamp(max=5)), model(x[:, :5], lengths.clamp(max=5)), atol=1e-6
    )
    print("torch alone agrees:", agree)

    # The weights of one layer to Keras' Bidirectional(LSTM(16)).
    layer = nn.LSTM(4, 16, bidirectional=True)
    print("for Keras:", [array.shape for array in nurt.nn.to_keras(nurt.nn.from_torch(layer))[0]])


if __name__ == "__main__":
    main()
