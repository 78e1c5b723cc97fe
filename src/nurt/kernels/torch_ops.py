"""The rung of torch's own fused operators: oneDNN or torch's loop on a CPU, cuDNN on a GPU.

They run a whole stack in one call, on padded or packed data, forwards or in both directions. What they lack, a
lone reverse direction and rows of length zero, is supplied here by reordering rows, never by another algorithm.
Transforms of ``torch.func`` and forward-mode derivatives are refused, because most of these operators have none; the
reference rung has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from nurt.kernels.following import traced
from nurt.kernels.randomness import lending
from nurt.kernels.recurrence import (
    Recurrence,
    StateT,
    Weights,
    alive_steps,
    remade,
    without_padding,
    zero_states,
    zero_unless,
)
from nurt.kernels.rung import PLAIN, Request, Rung, StepOptions, dtype_name, no_step_options

__all__ = ["RUNG", "flatten_weights", "rows_of", "run", "run_stack"]

# An operator of torch with everything bound but the data: (data, batch_sizes or None, states) -> (outputs, states).
_Operator = Callable[[Tensor, Tensor | None, tuple[Tensor, ...]], tuple[Tensor, tuple[Tensor, ...]]]

# One name covers a padded and a packed overload, which a single type cannot say.
_OPERATORS: dict[str, Callable[..., Any]] = {
    "elman_tanh": torch.rnn_tanh,
    "elman_relu": torch.rnn_relu,
    "lstm": torch.lstm,
    "projected_lstm": torch.lstm,
    "gru": torch.gru,
}
_CUDNN_MODES = {
    "elman_tanh": "RNN_TANH",
    "elman_relu": "RNN_RELU",
    "projected_lstm": "LSTM",
    "lstm": "LSTM",
    "gru": "GRU",
}
_DEVICES = ("cpu", "cuda", "meta")
_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def refuse(request: Request) -> str | None:
    """Return why torch's operators cannot serve ``request``, or None."""
    if request.recurrence not in _OPERATORS:
        return f"torch has no operator for {request.recurrence or 'a step of its own'}"
    if "transformed" in request.options:
        return "torch's operators have no vmap rule and no forward-mode derivative"
    if "recording" in request.options:
        return "torch's operators record nothing"
    if request.device not in _DEVICES:
        return f"torch's operators are not offered on {request.device}"
    if request.dtype not in _DTYPES:
        return f"torch's operators are not offered in {dtype_name(request.dtype)}"
    return no_step_options(request, "torch's operator")


def run(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    state: StateT,
    weights: Weights,
    *,
    lengths: Tensor | None,
    reverse: bool,
    options: StepOptions = PLAIN,  # noqa: ARG001 - refused beforehand
) -> tuple[Tensor, StateT]:
    """Run one layer in one direction; arguments and results as for :class:`~nurt.kernels.rung.Kernel`."""
    outputs, states = run_stack(
        recurrence,
        _reversed_in_time(inputs, lengths) if reverse else inputs,
        tuple(field.unsqueeze(0) for field in state),
        [[weights]],
        lengths=lengths,
        batch_sizes=None,
        dropout=0.0,
        # Without dropout the flag decides one thing: whether cuDNN keeps what its backward pass needs. A trace is
        # compared with a second one that is made without gradients.
        training=torch.is_grad_enabled() or traced(),
    )
    if reverse:
        outputs = _reversed_in_time(outputs, lengths)
    return outputs, remade(state, (field.squeeze(0) for field in states))


def run_stack(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    states: tuple[Tensor, ...] | None,
    weights: Sequence[Sequence[Weights]],
    *,
    lengths: Tensor | None,
    batch_sizes: Tensor | None,
    dropout: float,
    training: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a whole stack; arguments and results as for :class:`~nurt.kernels.rung.StackKernel`."""
    if states is None:
        states = zero_states(recurrence, weights, inputs, rows_of(inputs, batch_sizes))
    has_biases = weights[0][0].bias_ih is not None
    settings = (_flat(weights), has_biases, len(weights), dropout, training, len(weights[0]) == 2)

    def operator(
        data: Tensor, batch_sizes: Tensor | None, states: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        call = _OPERATORS[recurrence.name]
        hx = states if len(states) > 1 else states[0]
        draws = lending() if dropout and training else nullcontext()
        with draws:
            if batch_sizes is None:
                outputs, *finals = call(data, hx, *settings, True)
            else:
                outputs, *finals = call(data, batch_sizes, hx, *settings)
        return outputs, tuple(finals)

    if lengths is None:
        return operator(inputs, batch_sizes, states)
    if traced():
        return _run_traced(operator, inputs, states, lengths.cpu())
    return _run_ragged(operator, inputs, states, lengths.cpu())


def flatten_weights(recurrence: Recurrence[Any], weights: Sequence[Sequence[Weights]]) -> None:
    """Move the weights into the one block of memory that cuDNN wants; do nothing where cuDNN is not at work.

    Args:
        recurrence: which one.
        weights: per layer, per direction; parameters, which keep their values and identity.
    """
    flat = _flat(weights)
    distinct = len({weight.data_ptr() for weight in flat}) == len(flat)
    uniform = len({weight.dtype for weight in flat}) == 1
    if not (uniform and distinct and all(weight.is_cuda and weight.is_leaf for weight in flat)):
        return
    # torch.backends carries no types.
    cudnn: Any = torch.backends.cudnn
    if not all(cudnn.is_acceptable(weight) for weight in flat):
        return
    first = weights[0][0]
    with torch.cuda.device(first.weight_ih.device), torch.no_grad():
        torch._cudnn_rnn_flatten_weight(
            flat,
            len(flat) // (len(weights) * len(weights[0])),
            first.weight_ih.shape[1],
            cudnn.rnn.get_cudnn_mode(_CUDNN_MODES[recurrence.name]),
            first.weight_ih.shape[0] // recurrence.gates,
            0 if first.weight_hr is None else first.weight_hr.shape[0],
            len(weights),
            True,
            len(weights[0]) == 2,
        )


def rows_of(inputs: Tensor, batch_sizes: Tensor | None) -> Any:
    """Return B: a number, or in a trace a tensor, so that another batch runs there too."""
    if batch_sizes is None:
        return inputs.shape[0]
    return batch_sizes[0] if traced() else int(batch_sizes[0])


def _run_ragged(
    operator: _Operator, inputs: Tensor, states: tuple[Tensor, ...], lengths: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run padded rows as one packed sequence; rows without any step keep their state and put out zeros."""
    rows = lengths.nonzero().squeeze(1)
    if len(rows) < len(lengths):
        return _run_some_rows(operator, inputs, states, lengths, rows)
    return _run_sorted(operator, inputs, states, lengths)


def _run_sorted(
    operator: _Operator, inputs: Tensor, states: tuple[Tensor, ...], lengths: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run padded rows of at least one step as one packed sequence."""
    # Rows do not see each other, so the order of equal ones is free; a trace may go to ONNX, which has no stable sort.
    lengths, order = lengths.sort(descending=True) if traced() else lengths.sort(descending=True, stable=True)
    order = order.to(inputs.device)
    back = order.argsort()
    packed = pack_padded_sequence(inputs.index_select(0, order), lengths, batch_first=True)
    sorted_states = tuple(field.index_select(1, order) for field in states)
    data, finals = operator(packed.data, packed.batch_sizes, sorted_states)
    outputs, _ = pad_packed_sequence(
        PackedSequence(data, packed.batch_sizes), batch_first=True, total_length=inputs.shape[1]
    )
    return outputs.index_select(0, back), tuple(field.index_select(1, back) for field in finals)


def _run_traced(
    operator: _Operator, inputs: Tensor, states: tuple[Tensor, ...], lengths: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run padded rows without a decision on their lengths, for a trace keeps decisions: empty rows take one step."""
    alive = alive_steps(inputs, lengths)
    assert alive is not None, "lengths are given"
    outputs, finals = _run_sorted(operator, without_padding(inputs, alive), states, lengths.clamp(min=1))
    taken = (lengths > 0).to(inputs.device).unsqueeze(1)
    kept = (torch.where(taken, final, state) for final, state in zip(finals, states, strict=True))
    return zero_unless(alive, outputs), tuple(kept)


def _run_some_rows(
    operator: _Operator, inputs: Tensor, states: tuple[Tensor, ...], lengths: Tensor, rows: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    index = rows.to(inputs.device)
    some_inputs = inputs.index_select(0, index)
    some_states = tuple(field.index_select(1, index) for field in states)
    if len(rows) == 0:
        # torch packs no empty batch, but runs a padded one.
        some_outputs, some_finals = operator(some_inputs, None, some_states)
    else:
        some_outputs, some_finals = _run_ragged(operator, some_inputs, some_states, lengths[rows])
    outputs = some_outputs.new_zeros(len(inputs), *some_outputs.shape[1:]).index_copy(0, index, some_outputs)
    finals = (field.index_copy(1, index, some) for field, some in zip(states, some_finals, strict=True))
    return outputs, tuple(finals)


def _reversed_in_time(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Return ``values`` (B, T, ·) with the steps of each row in reverse order; padding stays where it is."""
    if lengths is None:
        return values.flip(1)
    steps = torch.arange(values.shape[1], device=values.device)
    ends = lengths.to(values.device).unsqueeze(1)
    source = torch.where(steps < ends, ends - 1 - steps, steps)
    return values.gather(1, source.unsqueeze(2).expand_as(values))


def _flat(weights: Sequence[Sequence[Weights]]) -> list[Tensor]:
    return [weight for layer in weights for direction in layer for weight in direction if weight is not None]


RUNG = Rung(
    name="torch",
    summary="torch's own fused operator, cuDNN on a GPU",
    refuse=refuse,
    run=run,
    run_stack=run_stack,
)
