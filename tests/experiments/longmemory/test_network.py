"""The network of the benchmarks: how it starts, where it answers, and how it is judged."""

from __future__ import annotations

import pytest
import torch

from nurt.data.synthetic import AddingProblem, AddingProblem1997, CopyingMemory
from nurt.experiments.longmemory.network import build, loss_of, tensors


def test_the_lstm_remembers_from_the_start_and_the_rectified_network_is_the_identity() -> None:
    lstm = dict(build("LSTM", AddingProblem(5), 4, 0).named_parameters())
    assert (lstm["layer.bias_ih_l0"] + lstm["layer.bias_hh_l0"])[4:8].tolist() == [1.0] * 4
    irnn = dict(build("IRNN", AddingProblem(5), 4, 0).named_parameters())
    assert torch.equal(irnn["layer.weight_hh_l0"], torch.eye(4))
    assert irnn["layer.weight_ih_l0"].abs().max() < 0.01


def test_the_loss_is_that_of_torch() -> None:
    copying = CopyingMemory(2)
    network = build("GRU", copying, 4, 0)
    inputs, targets, _ = tensors(copying.draw(3, 0))
    answers = network.at_every_step(inputs)[0]
    expected = -answers.log_softmax(-1).gather(-1, targets[:, :, None]).mean()
    loss = loss_of(network, copying.loss, inputs, targets, None)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-6)


def test_the_answer_at_the_end_is_read_at_the_end_of_each_row() -> None:
    benchmark = AddingProblem1997(20)
    network = build("LSTM", benchmark, 4, 0)
    inputs, _, lengths = tensors(benchmark.draw(6, 1))
    assert lengths is not None
    together = network.at_the_end(inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = network.at_every_step(inputs[row : row + 1, :length])[0][:, -1]
        torch.testing.assert_close(together[row : row + 1], alone)
