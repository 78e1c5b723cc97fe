"""What the rung of torch's operators adds to them: the lone reverse direction, empty rows, flat weights."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree

from nurt.kernels import Weights, run, run_stack, use
from nurt.kernels.reference import RECURRENCES
from nurt.kernels.torch_ops import flatten_weights

B, T, IN, H = 4, 5, 3, 6


def lstm_weights(features: int, device: str = "cpu") -> Weights:
    shapes = [(4 * H, features), (4 * H, H), (4 * H,), (4 * H,)]
    return Weights(*(torch.nn.Parameter(torch.randn(shape, device=device) * 0.3) for shape in shapes))


@pytest.mark.parametrize("lengths", [(5, 0, 3, 0), (0, 0, 0, 0), (0, 5, 5, 5)])
def test_rows_without_any_step_keep_their_state_and_take_no_part_in_gradients(lengths):
    torch.manual_seed(11)
    lstm = RECURRENCES["lstm"]
    inputs, hidden, cell = torch.randn(B, T, IN), torch.randn(2, B, H), torch.randn(2, B, H)
    weights = [[lstm_weights(IN)], [lstm_weights(H)]]
    results = {}
    for rung in ("native", "torch", "adjoint", "reference"):
        leaves = [tensor.clone().requires_grad_() for tensor in (inputs, hidden, cell)]
        with use(rung):
            outputs, finals = run_stack(lstm, leaves[0], tuple(leaves[1:]), weights, lengths=torch.tensor(lengths))
        flat = torch.cat([value.flatten() for value in (outputs, *finals)])
        wanted = [*leaves, *(weight for layer in weights for weight in layer[0][:4])]
        gradients = torch.autograd.grad(flat @ torch.linspace(1, 2, len(flat)), wanted, materialize_grads=True)
        results[rung] = (outputs, finals, gradients)
    outputs, finals, gradients = results["torch"]
    for row, length in enumerate(lengths):
        if length == 0:
            assert torch.equal(outputs[row], torch.zeros(T, H))
            assert torch.equal(finals[0][:, row], hidden[:, row])
            assert torch.equal(finals[1][:, row], cell[:, row])
            assert torch.equal(gradients[0][row], torch.zeros(T, IN))
    for rung in ("native", "torch"):
        assert_agree(results[rung][0], results["reference"][0], OUTPUTS[torch.float32], "outputs")
        for ours, reference in zip(results[rung][2], results["reference"][2], strict=True):
            assert_agree(ours, reference, GRADIENTS[torch.float32], "gradient")


def test_a_run_leaves_its_arguments_alone_and_accepts_expanded_ones():
    gru = RECURRENCES["gru"]
    weights = Weights(torch.randn(3 * H, IN), torch.randn(3 * H, H))
    inputs, state = torch.randn(1, T, IN).expand(B, T, IN), gru.state(torch.randn(1, H).expand(B, H))
    before = inputs.clone(), state.hidden.clone()
    for rung in ("native", "torch", "adjoint", "reference"):
        with use(rung):
            run(gru, inputs, state, weights, lengths=torch.tensor([5, 4, 1, 2]), reverse=True)
        assert torch.equal(inputs, before[0])
        assert torch.equal(state.hidden, before[1])


def test_flattening_weights_off_the_gpu_changes_nothing():
    weights = [[lstm_weights(IN)]]
    before = [(weight.data_ptr(), weight.clone()) for weight in weights[0][0][:4]]
    flatten_weights(RECURRENCES["lstm"], weights)
    for weight, (place, values) in zip(weights[0][0][:4], before, strict=True):
        assert weight.data_ptr() == place
        assert torch.equal(weight, values)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with cuDNN")
def test_flattened_weights_lie_in_one_block_and_keep_their_values():
    weights = [[lstm_weights(IN, "cuda")]]
    before = [weight.clone() for weight in weights[0][0][:4]]
    flatten_weights(RECURRENCES["lstm"], weights)
    assert len({weight.untyped_storage().data_ptr() for weight in weights[0][0][:4]}) == 1
    for weight, values in zip(weights[0][0][:4], before, strict=True):
        assert torch.equal(weight, values)
