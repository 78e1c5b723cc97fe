"""Models with nurt's layers for places where nurt is not installed: ONNX files, and programs of torch's operators."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from nurt.errors import MissingExtraError, NurtTypeError, UnavailableError
from nurt.nn.export.decomposing import decomposed
from nurt.nn.export.onnx_nodes import NODES, translations

__all__ = ["onnx", "onnx_translations", "without_nurt"]

_OPERATOR = "nurt::recurrence"
_SCAN = "nurt::scan"
# Where in the operator's arguments what is.
_CARRY, _CELL, _MASKS, _PACKED = slice(6, 9), 9, 5, 12
_FIXED = "Export with the number of steps fixed: leave the axis of time out of `dynamic_shapes`."


def onnx(
    model: nn.Module,
    args: Sequence[Any],
    path: str | PathLike[str] | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    dynamic_shapes: Any = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    opset_version: int = 18,
) -> torch.onnx.ONNXProgram:
    """Write ``model`` as ONNX, its recurrent layers as the LSTM, GRU and RNN nodes of ONNX, one per layer.

    Layers in both directions, initial states and ``lengths`` become inputs and attributes of those nodes, so batch and
    time stay free where ``dynamic_shapes`` says so. A recurrence that ONNX lacks is written out step by step; then
    the number of steps is fixed. The extra ``nurt[onnx]`` is needed.

    Args:
        model: in evaluation mode; float32 on the CPU.
        args: example inputs of the model.
        path: where to write; None for nowhere.
        kwargs: example inputs by name.
        dynamic_shapes: axes whose size may vary, as for ``torch.export.export``.
        input_names: of the file's inputs.
        output_names: of the file's outputs.
        opset_version: of the file, at least 18.

    Returns:
        torch's ``ONNXProgram``; its ``model_proto`` is the file's contents.

    Raises:
        MissingExtraError: ``onnx`` or ``onnxscript`` is not installed.
        UnavailableError: dropout at work, packed inputs, another precision, or a recurrence that ONNX lacks with a free
            number of steps; the message names the way out.
        NurtTypeError: not a module.

    Example:
        >>> layer = nurt.nn.LSTM(3, 5, batch_first=True).eval()
        >>> program = nurt.nn.export.onnx(layer, (torch.randn(2, 7, 3),))
        >>> [node.op_type for node in program.model.graph if node.op_type == "LSTM"]
        ['LSTM']
    """
    where = "nurt.nn.export.onnx"
    _require_onnx(where)
    if not isinstance(model, nn.Module):
        raise NurtTypeError(f"{where}: not a module.", expected="a torch.nn.Module", got=type(model).__name__)
    program = torch.export.export(model, tuple(args), dict(kwargs or {}), dynamic_shapes=dynamic_shapes)
    _check_precision(where, program)
    program = _decomposed(where, program, lambda arguments: not _is_a_node(arguments))
    with warnings.catch_warnings():
        # The exporter uses parts of its own library that the library has since renamed.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        written = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            opset_version=opset_version,
            custom_translation_table=translations(),
            input_names=input_names,
            output_names=output_names,
        )
    assert written is not None, "torch returns the program where no file is asked for"
    if path is not None:
        written.save(path)
    return written


def onnx_translations() -> dict[Any, Callable[..., Any]]:
    """Return the translations of nurt's operator, for a call of ``torch.onnx.export`` of one's own.

    ``torch.onnx.export(model, args, dynamo=True, custom_translation_table=onnx_translations())``. :func:`onnx` also
    refuses beforehand what has no translation, and writes out recurrences that ONNX lacks.

    Raises:
        MissingExtraError: ``onnx`` or ``onnxscript`` is not installed.
    """
    _require_onnx("nurt.nn.export.onnx_translations")
    return translations()


def without_nurt(program: ExportedProgram) -> ExportedProgram:
    """Return an exported program in torch's operators alone, for places where nurt is not installed.

    The program that ``torch.export.export`` makes keeps nurt's operator: it is fast, takes any number of steps and
    needs nurt where it is loaded (``import nurt.nn`` before ``torch.export.load``). Here each step is written out, as
    torch does with its own recurrent layers; so the number of steps is fixed, while the batch may vary.

    Args:
        program: of a model with nurt's layers.

    Raises:
        UnavailableError: the number of steps is free, or inputs are packed.
        NurtTypeError: not an exported program.

    Example:
        >>> layer = nurt.nn.GRU(3, 5, batch_first=True).eval()
        >>> program = without_nurt(torch.export.export(layer, (torch.randn(2, 7, 3),)))
        >>> any("nurt" in str(node.target) for node in program.graph.nodes)
        False
    """
    where = "nurt.nn.export.without_nurt"
    if not isinstance(program, ExportedProgram):
        raise NurtTypeError(
            f"{where}: not an exported program.",
            expected="what torch.export.export(model, args) returns",
            got=type(program).__name__,
        )
    return _decomposed(where, program, lambda _: True)


def _decomposed(where: str, program: ExportedProgram, chosen: Callable[[Sequence[Any]], bool]) -> ExportedProgram:
    """Return the program with those calls of nurt's operator written out that are ``chosen`` by their arguments."""
    some = False
    for node in program.graph.nodes:
        if _SCAN in _name(node):
            raise UnavailableError(
                f"{where}: the program scans a diagonal recurrence, for which there is no such operator.",
                expected="layers and cells whose step is dense",
                got=_SCAN,
                cure='Export inside `with nurt.kernels.use("reference"):`, with the number of steps fixed.',
            )
        if not _name(node).startswith(_OPERATOR):
            continue
        _check_call(where, node.args)
        steps = node.args[0].meta["val"].shape[1]
        if chosen(node.args):
            some = True
            if not isinstance(steps, int):
                raise UnavailableError(
                    f"{where}: {node.args[_CELL]} is written out step by step, and the number of steps is free.",
                    expected="a fixed number of steps",
                    got=str(steps),
                    cure=_FIXED,
                )
    if not some:
        return program

    def written_out(*arguments: Any) -> Any:
        return decomposed(*arguments) if chosen(arguments) else NotImplemented

    with warnings.catch_warnings():
        # torch uses parts of itself that it has since renamed.
        warnings.simplefilter("ignore", FutureWarning)
        rewritten: ExportedProgram = program.run_decompositions({torch.ops.nurt.recurrence.default: written_out})
    return rewritten


def _check_call(where: str, arguments: Sequence[Any]) -> None:
    if arguments[_MASKS] is not None:
        raise UnavailableError(
            f"{where}: the model drops features at random.",
            expected="a model in evaluation mode",
            got="dropout between layers",
            cure="Call model.eval() before exporting.",
        )
    if arguments[_PACKED]:
        raise UnavailableError(
            f"{where}: the model packs its sequences inside.",
            expected="padded sequences and `lengths`",
            got="a PackedSequence",
            cure="Call the layer with layer(inputs, lengths=lengths) in place of packing.",
        )


def _is_a_node(arguments: Sequence[Any]) -> bool:
    """Return whether ONNX has a node for a call."""
    return arguments[_CELL] in NODES and all(one is None for one in arguments[_CARRY])


def _check_precision(where: str, program: ExportedProgram) -> None:
    for node in program.graph.nodes:
        if _name(node).startswith(_OPERATOR) and (dtype := node.args[0].meta["val"].dtype) != torch.float32:
            raise UnavailableError(
                f"{where}: the recurrent nodes of ONNX are computed in float32.",
                expected="torch.float32",
                got=str(dtype),
                cure="Export a copy: copy.deepcopy(model).float().",
            )


def _name(node: torch.fx.Node) -> str:
    """Return the name of the operator that a node calls."""
    named: Callable[[], str] | None = getattr(node.target, "name", None)
    return named() if callable(named) else ""


def _require_onnx(where: str) -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as fault:
        raise MissingExtraError(
            f"{where}: a package that writes ONNX is not installed.",
            expected="onnx and onnxscript",
            got=str(fault),
            cure="Install them with: pip install 'nurt[onnx]'.",
        ) from fault
