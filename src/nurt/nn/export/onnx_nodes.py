"""The operator ``nurt::recurrence`` as nodes of ONNX: one LSTM, GRU or RNN per layer, with lengths and directions.

Only :func:`translations` is called from elsewhere; it imports ``onnxscript``, which the extra ``onnx`` brings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from nurt.kernels.native.autograd import with_absent
from nurt.kernels.native.call import CELLS

__all__ = ["NODES", "Node", "translations"]


@dataclass(frozen=True)
class Node:
    """How ONNX writes a recurrence.

    Args:
        operator: "LSTM", "GRU" or "RNN".
        gates: ONNX's order of gates, each as its place in nurt's order.
        activation: of a recurrence without gates; None for the standard ones.
        reset_after: of a GRU, whether the reset acts after the product with the recurrent weights.
    """

    operator: str
    gates: tuple[int, ...]
    activation: str | None = None
    reset_after: bool | None = None


_IOFC = (0, 3, 1, 2)  # from nurt's i, f, g, o
_ZRH = (1, 0, 2)  # from nurt's r, z, n
NODES = {
    "lstm": Node("LSTM", _IOFC),
    "gru": Node("GRU", _ZRH, reset_after=True),
    "reset_before_gru": Node("GRU", _ZRH, reset_after=False),
    "elman_tanh": Node("RNN", (0,), "Tanh"),
    "elman_relu": Node("RNN", (0,), "Relu"),
    "elman_sigmoid": Node("RNN", (0,), "Sigmoid"),
}
_INT32 = 6  # onnx.TensorProto.INT32, the type of the lengths of a node
_DIRECTIONS = {(False,): "forward", (True,): "reverse", (False, True): "bidirectional"}


def translations() -> dict[Any, Callable[..., Any]]:
    """Return what ``torch.onnx.export(custom_translation_table=...)`` takes."""
    from onnxscript import opset18

    # Its types know tensors alone, where a list of numbers is taken as a constant.
    op: Any = opset18

    def by_gate(gates: Sequence[int], weight: Any) -> Any:
        """Return the rows of a weight in ONNX's order of gates, with an axis of directions."""
        if len(gates) > 1:
            # Slices, which the exporter computes beforehand; it leaves a Split as it is.
            units = weight.shape[0] // len(gates)
            blocks = [op.Slice(weight, [gate * units], [(gate + 1) * units], [0]) for gate in gates]
            weight = op.Concat(*blocks, axis=0)
        return op.Unsqueeze(weight, [0])

    def joined(parts: list[Any]) -> Any:
        return parts[0] if len(parts) == 1 else op.Concat(*parts, axis=0)

    def nurt_recurrence(
        inputs: Any,
        hidden: Any,
        cell_state: Any,
        weights: Sequence[Any],
        lengths: Any = None,
        masks: Any = None,  # noqa: ARG001 - refused beforehand, and so are the next three and packed inputs
        hidden_mask: Any = None,  # noqa: ARG001
        keep_hidden: Any = None,  # noqa: ARG001
        keep_cell: Any = None,  # noqa: ARG001
        cell: str = "",
        layers: int = 1,
        reverse: Sequence[int] = (),
        packed: bool = False,  # noqa: ARG001
        scale: float = 1.0,  # noqa: ARG001
        gradient_clip: float | None = None,  # noqa: ARG001 - nothing is differentiated here
        constants: Sequence[float] | None = None,  # noqa: ARG001
        present: Sequence[int] = (),
        keep: bool = False,  # noqa: ARG001
    ) -> Any:
        node, count, directions = NODES[cell], len(CELLS[cell].fields), len(reverse)
        below = op.Transpose(inputs, perm=[1, 0, 2])
        ends = None if lengths is None else op.Cast(lengths, to=_INT32)
        empty_rows = None if lengths is None else op.Unsqueeze(op.Equal(lengths, op.Constant(value_int=0)), [0, 2])
        options: dict[str, Any] = {"direction": _DIRECTIONS[tuple(map(bool, reverse))]}
        if node.activation is not None:
            options["activations"] = [node.activation] * directions
        if node.reset_after is not None:
            options["linear_before_reset"] = int(node.reset_after)
        fields: Sequence[Any] = with_absent(weights, list(map(bool, present)))
        finals: list[list[Any]] = []
        for layer in range(layers):
            rows = range(layer * directions, (layer + 1) * directions)
            sides = [fields[row * count : (row + 1) * count] for row in rows]
            w, r = (joined([by_gate(node.gates, side[place]) for side in sides]) for place in (0, 1))
            bias = None
            if sides[0][2] is not None:
                both = [op.Concat(*[by_gate(node.gates, side[place]) for place in (2, 3)], axis=1) for side in sides]
                bias = joined(both)
            started = [
                None if state is None else op.Slice(state, [rows[0]], [rows[-1] + 1], [0])
                for state in (hidden, cell_state)[: 2 if node.operator == "LSTM" else 1]
            ]
            run = getattr(op, node.operator)
            above, *states = run(below, w, r, bias, ends, *started, hidden_size=sides[0][1].shape[1], **options)
            if ends is not None:
                # A row without a step keeps its state; ONNX leaves open what comes out, and onnxruntime gives zeros.
                pairs = zip(states, started, strict=True)
                states = [new if old is None else op.Where(empty_rows, old, new) for new, old in pairs]
            finals.append(states)
            # (T, D, B, H) to (T, B, D·H)
            below = op.Reshape(op.Transpose(above, perm=[0, 2, 1, 3]), [0, 0, -1])
        outputs = op.Transpose(below, perm=[1, 0, 2])
        ended = [joined(list(states)) for states in zip(*finals, strict=True)]
        absent = op.Constant(value_floats=[0.0])
        return (outputs, *ended, *[absent] * (3 - len(ended)))

    return {torch.ops.nurt.recurrence.default: nurt_recurrence}
