"""One safetensors file that holds tensors and a JSON document, sealed by a digest, and is written whole or not at all.

Model files and checkpoints share this form. The metadata of the safetensors header carry two entries: ``nurt``, the
document, with ``format`` and ``format_version`` among its keys, and ``sha256``, a digest over the document and over
name, dtype, shape and bytes of every tensor. Reading runs no code from the file: it is JSON and raw numbers. Without
the digest a flipped bit in a weight would go unseen, because every bit pattern is a number.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from nurt.errors import NurtTypeError, NurtValueError
from nurt.wording import name_in_words
from nurt.writing import write_whole

__all__ = ["UnreadableError", "read_tensor_file", "write_tensor_file"]

_UNKNOWN_DTYPES = (torch.complex32, torch.complex64, torch.complex128)
_LARGEST_HEADER_BYTES = 100_000_000
_LARGEST_FILE_BYTES = 2**63


class UnreadableError(Exception):
    """A file cannot be used.

    Args:
        reason: continues the sentence "The file … ".
        fault: "other" for a file that is not the one meant, "damaged", or "newer" than this version of nurt.
    """

    def __init__(self, reason: str, fault: Literal["other", "damaged", "newer"] = "other") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault


def write_tensor_file(
    path: str | os.PathLike[str], tensors: Mapping[str, Tensor], document: Mapping[str, object]
) -> None:
    """Write the file; a reader sees the former file or the whole new one, also after a crash in between.

    Args:
        path: where to; an existing file is replaced, folders on the way are made.
        tensors: name → dense tensor on any device.
        document: JSON-ready values with ``format`` and ``format_version``.

    Raises:
        NurtTypeError: a value is no tensor that safetensors can hold.
        NurtValueError: the document holds NaN, an infinity or something that JSON has no form for.
        OutputError: the place cannot be written.
    """
    write_whole(path, _encode(tensors, document))


def read_tensor_file(
    path: str | os.PathLike[str], *, kind: str, version: int
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the file and check it to the last bit.

    Args:
        path: the file.
        kind: the ``format`` its document must name.
        version: the newest ``format_version`` that is understood.

    Returns:
        The tensors, on the CPU, and the document.

    Raises:
        UnreadableError: the file is absent, unreadable, foreign, newer or damaged.
    """
    content = _read_whole(Path(path), kind)
    header, data = _split(content)
    text = header["__metadata__"]["nurt"]
    document = _document(text, kind, version)
    if header["__metadata__"].get("sha256") != _digest(text, header, data):
        raise UnreadableError("is damaged: its contents do not match their digest", "damaged")
    try:
        tensors = safetensors.torch.load(content)
    # A header that names an unknown type, or sizes beyond every tensor, is refused by the library in many words.
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise UnreadableError(f"is damaged: {_cut(error)}", "damaged") from error
    # Copies lie where torch would put them and do not keep the bytes of the whole file alive.
    return {name: tensor.clone() for name, tensor in tensors.items()}, document


def _encode(tensors: Mapping[str, Tensor], document: Mapping[str, object]) -> bytes:
    try:
        # In the given order: that of the parameters in a ledger is the order of the model.
        text = json.dumps(document, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise NurtValueError(
            f"The description of a {document.get('format')} file cannot be written as JSON: {error}.",
            expected="strings, finite numbers, truth values, None, lists and dicts of these",
        ) from error
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or tensor.layout is not torch.strided or tensor.dtype in _UNKNOWN_DTYPES:
            kind = f"{tensor.layout} {tensor.dtype}" if isinstance(tensor, Tensor) else type(tensor).__name__
            raise NurtTypeError(
                f"`{name}` cannot be kept in a safetensors file.",
                expected="a dense tensor of real numbers, integers or truth values",
                got=kind,
            )
    # Clones: safetensors refuses tensors that share memory, as tied weights do.
    dense = {
        name: tensor.detach().to("cpu").clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    header, data = _split(safetensors.torch.save(dense, {"nurt": text}))
    return safetensors.torch.save(dense, {"nurt": text, "sha256": _digest(text, header, data)})


def _split(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the header and a view of the data of a whole file."""
    length = int.from_bytes(content[:8], "little")
    return _parsed(content[8 : 8 + length]), memoryview(content)[8 + length :]


def _parsed(text: bytes | str) -> Any:
    """Return parsed JSON, which is in UTF-8, holds finite numbers alone, and names each key of an object once.

    Raises:
        ValueError, RecursionError: it is something else, or too deep.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    return json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_object)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _no_number(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _cut(error: Exception) -> str:
    """Return what an error says, in one line of bounded length."""
    return name_in_words(str(error), 200)


def _digest(text: str, header: Mapping[str, Any], data: memoryview) -> str:
    """Return the SHA-256 over the document and all tensors by name; where in the file they lie does not matter."""
    digest = hashlib.sha256()
    _update(digest, text.encode("utf-8", "surrogatepass"))
    for name in sorted(header.keys() - {"__metadata__"}):
        entry = header[name]
        begin, end = entry["data_offsets"]
        _update(digest, json.dumps([name, entry["dtype"], entry["shape"]]).encode())
        _update(digest, data[begin:end])
    return digest.hexdigest()


def _update(digest: hashlib._Hash, part: bytes | memoryview) -> None:
    """Add a part preceded by its length, so that no two sequences of parts read alike."""
    digest.update(len(part).to_bytes(8, "little"))
    digest.update(part)


def _read_whole(path: Path, kind: str) -> bytes:
    """Return the bytes of the file; what is plainly no file of ours is refused before it is read as a whole."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UnreadableError("is a folder, not a file")
        if not stat.S_ISREG(mode):
            raise UnreadableError("is no regular file")
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if not 2 <= length <= _LARGEST_HEADER_BYTES:
                raise UnreadableError(f"is no {kind} file: it does not begin with a safetensors header")
            header_bytes = file.read(length)
            missing = _bytes_described(header_bytes, kind) - (path.stat().st_size - 8 - length)
            if missing or len(header_bytes) < length:
                end = "its end is missing" if missing >= 0 else "more follows after its end"
                raise UnreadableError(f"is damaged: {end}", "damaged")
            return start + header_bytes + file.read()
    except FileNotFoundError as error:
        raise UnreadableError("does not exist") from error
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from error


def _bytes_described(header_bytes: bytes, kind: str) -> int:
    """Return how many bytes of tensors the header announces, after checking that it is one of ours."""
    try:
        header = _parsed(header_bytes)
        metadata = header.pop("__metadata__", {})
        ours = isinstance(metadata, dict) and isinstance(metadata.get("nurt"), str)
        ends = [_checked_end(**entry) for entry in header.values()]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise UnreadableError(f"is damaged, or no {kind} file: its header cannot be read", "damaged") from error
    if not ours:
        raise UnreadableError(f"is no {kind} file: it was written by another program")
    return max(ends, default=0)


def _checked_end(dtype: object, shape: object, data_offsets: Sequence[object]) -> int:
    """Return where the bytes of one tensor end; the digest later says whether dtype and shape are the right ones."""
    del dtype, shape
    begin, end = data_offsets
    if not (type(begin) is int and type(end) is int and 0 <= begin <= end < _LARGEST_FILE_BYTES):
        raise ValueError("offsets are two ordered whole numbers")
    return end


def _document(text: str, kind: str, version: int) -> dict[str, Any]:
    """Return the parsed document, after checking that this version of nurt understands it."""
    try:
        document = _parsed(text)
        found_kind, found_version = document["format"], document["format_version"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise UnreadableError("is damaged: its description cannot be read", "damaged") from error
    if found_kind != kind:
        raise UnreadableError(f"is no {kind} file but a {name_in_words(str(found_kind))} file")
    if type(found_version) is not int or found_version < 1:
        raise UnreadableError(f"is damaged: {name_in_words(repr(found_version))} is no format version", "damaged")
    if found_version > version:
        raise UnreadableError(
            f"has format version {name_in_words(str(found_version))}; this version of nurt reads versions up to "
            f"{version}, so a newer nurt is needed",
            "newer",
        )
    return dict(document)
