"""Model files and checkpoints, damaged, or altered and sealed again by a new digest.

A file that is damaged without a new digest must be refused, or hold what the undamaged one holds to the last bit. One
that is sealed again is refused too, or what it says was meant: then everything in it must have been taken in, which is
so where writing it again gives the same tensors and the same description; and it can be used, or says in the package's
own words why not. Refusals are `ModelFileError` (of a checkpoint also `DataError`, where it is of another run), short,
and hold no character that acts on a terminal.
"""

from __future__ import annotations

import contextlib
import copy
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from tests.fuzz.campaign import Campaign, Finding
from tests.training import tiny

import nurt
from nurt.errors import DataError, ModelFileError, NurtError
from nurt.training import Checkpoint, EpochEnded, ReduceOnPlateau, TrainingSettings, train
from nurt.training.checkpoint import CheckpointWriter, _document_of, _tensors_of
from nurt.training.run import Run
from nurt.training.tensorfile import _digest, _split

__all__ = ["CAMPAIGN"]

Header = dict[str, Any]
WALK = np.random.default_rng(5).standard_normal(50).cumsum() + 20
GAPS = np.where(np.arange(50) % 17 == 3, np.nan, WALK)
# Derived when the file is written, not read.
DERIVED = ("verdict", "clipped_share")


def _forecasters() -> list[nurt.Forecaster]:
    quick = TrainingSettings(epochs=2, batch_size=8)
    common = {"look_back": 6, "horizon": 2, "hidden": 3, "training": quick}
    return [
        nurt.Forecaster(**common).fit(WALK),
        nurt.Forecaster("gru", layers=2, dropout=0.2, scaling="minmax", loss="squared", **common).fit(WALK),
        nurt.Forecaster("elman", strategy="recursive", levels=(50,), scaling="standard", **common).fit(GAPS),
        nurt.Forecaster("lru", alias="ours", scaling="none", **common).fit([WALK, WALK[::-1].copy()]),
    ]


def _settings() -> TrainingSettings:
    return TrainingSettings(**{**tiny.SETTINGS, "decay": ReduceOnPlateau(0.5, 1)})


class _Cut(Exception):
    pass


def _checkpoint(path: Path, epochs: int, validation: int) -> bytes:
    def cut(event: object) -> None:
        if isinstance(event, EpochEnded) and event.epoch == epochs:
            raise _Cut

    try:
        file = Checkpoint(path, every_steps=3, every_seconds=None)
        train(tiny.Network(), tiny.Task(validation=validation), _settings(), checkpoint=file, listener=cut)
    except _Cut:
        pass
    return path.read_bytes()


with tempfile.TemporaryDirectory() as _place:
    MODELS: list[tuple[bytes, Any]] = []
    for _number, _model in enumerate(_forecasters()):
        _path = Path(_place) / f"{_number}"
        _model.save(_path)
        _context = [WALK, GAPS] if _number == 3 else WALK
        MODELS.append((_path.read_bytes(), _context))
    CHECKPOINTS = [
        (_checkpoint(Path(_place) / f"c{epochs}{validation}", epochs, validation), validation)
        for epochs, validation in ((1, 11), (2, 11), (3, 0))
    ]


def _bits(value: Any) -> bytes:
    parts = value if isinstance(value, list) else [value]
    return b"|".join(np.ascontiguousarray(part).tobytes() for part in parts)


def _predicted(model: nurt.Forecaster, context: Any) -> bytes:
    return _bits(model.predict(context))


def _expected(content: bytes, context: Any) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return _predicted(nurt.Forecaster.load(file.name), context)


EXPECTED = [_expected(*one) for one in MODELS]

# ------------------------------------------------------------------ damage


def _flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 1, 1, 2, 8])):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _overwrite(content: bytearray, chance: random.Random) -> None:
    at, length = chance.randrange(len(content)), chance.choice([1, 2, 8, 64])
    content[at : at + length] = chance.randbytes(length)[: len(content) - at]


def _zero(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content))
    content[at : at + chance.choice([8, 64, 512])] = bytes(len(content[at : at + chance.choice([8, 64, 512])]))


def _cut_off(content: bytearray, chance: random.Random) -> None:
    del content[chance.choice([chance.randrange(len(content)), chance.randrange(16), len(content) - 1]) :]


def _insert(content: bytearray, chance: random.Random) -> None:
    at = chance.choice([chance.randrange(len(content)), len(content)])
    content[at:at] = chance.randbytes(chance.choice([1, 8, 100]))


def _delete(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content))
    del content[at : at + chance.choice([1, 4, 32])]


def _repeat(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content))
    content[at:at] = content[at : at + chance.choice([8, 128, 2048])]


def _length(content: bytearray, chance: random.Random) -> None:
    content[:8] = chance.choice([0, 1, 2, 7, 2**32, 2**63, 2**64 - 1, len(content)]).to_bytes(8, "little")


def _token(content: bytearray, chance: random.Random) -> None:
    length = int.from_bytes(content[:8], "little")
    header = bytes(content[8 : 8 + length])
    old = chance.choice([b"F32", b"F64", b"shape", b"data_offsets", b"0", b"1", b"network", b"[", b"}", b'\\"', b","])
    new = chance.choice([b"F64", b"I64", b"BF16", b"U8", b"-1", b"9" * 30, b"null", b"NaN", b"", b"[", b'"', b"\xff"])
    at = header.find(old, chance.randrange(max(1, len(header))))
    if at >= 0:
        changed = header[:at] + new + header[at + len(old) :]
        content[: 8 + length] = len(changed).to_bytes(8, "little") + changed


DAMAGES = [_flip, _flip, _overwrite, _zero, _cut_off, _insert, _delete, _repeat, _length, _token, _token]

# ------------------------------------------------------------- sealed again


def _parts(content: bytes) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    header, _ = _split(content)
    return json.loads(header["__metadata__"]["nurt"]), dict(safetensors.torch.load(content))


def _sealed(text: str, tensors: dict[str, torch.Tensor]) -> bytes:
    dense = {name: one.clone().contiguous() for name, one in tensors.items()}
    header, data = _split(safetensors.torch.save(dense, {"nurt": text}))
    return safetensors.torch.save(dense, {"nurt": text, "sha256": _digest(text, header, data)})


def _paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path for name, one in value.items() for path in [(*before, name), *_paths(one, (*before, name))]]
    if isinstance(value, list):
        some = list(enumerate(value))[:6]
        return [path for place, one in some for path in [(*before, place), *_paths(one, (*before, place))]]
    return []


def _absurd(chance: random.Random, old: Any) -> Any:
    choices: list[Any] = [
        None, True, False, 0, 1, -1, 2, 10**9, 10**18, 2**63, 10**400, -(10**9), 0.0, -0.0, 0.5, 1e-320, 1e308, -1.5,
        float("nan"), float("inf"), "", "x", "3", "lstm", "\x1b[31m\u202e", "\ud800", "y" * 5000, [], {}, [[]],
        {"kind": 1}, {"kind": "ReduceOnPlateau"}, [0.5], [1, 2, 3], ["a"], [None], {"a": 1},
    ]  # fmt: skip
    if isinstance(old, int | float) and not isinstance(old, bool) and abs(old) < 1e100:
        choices += [old + 1, -old, old * 2, old * 1e30, str(old), [old], old / 3]
    if isinstance(old, list):
        choices += [old[::-1], old[1:], [*old, *old[:1]], old * 50]
    if isinstance(old, str):
        choices += [old.upper(), old + " ", old[::-1]]
    return chance.choice(choices)


def _changed_document(document: dict[str, Any], chance: random.Random) -> str:
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        *place, last = chance.choice(_paths(document))
        holder = document
        for step in place:
            holder = holder[step]
        act = chance.random()
        if act < 0.7:
            holder[last] = _absurd(chance, holder[last])
        elif act < 0.8:
            del holder[last]
        elif act < 0.9 and isinstance(holder, dict):
            holder[chance.choice(["surprise", "", "kind", "__class__", "\x1b]0;x\x07"])] = _absurd(chance, None)
        elif isinstance(holder, dict):
            other = chance.choice(list(holder))
            holder[last], holder[other] = holder[other], holder[last]
    text = json.dumps(document)
    if chance.random() < 0.03:
        text = text.replace("{", '{"format": 1, ', 1)
    if chance.random() < 0.03:
        text = text.replace("null", "[" * 100_000 + "]" * 100_000, 1)
    if chance.random() < 0.03:
        text = text.replace("0.", "1e9990.", 1)
    return text


def _changed_tensors(tensors: dict[str, torch.Tensor], chance: random.Random) -> None:
    for _ in range(chance.choice([1, 1, 2])):
        name = chance.choice(list(tensors))
        one = tensors[name]
        act = chance.randrange(9)
        if act == 0:
            del tensors[name]
        elif act == 1:
            tensors[chance.choice(["network.extra", "extra", name + "x", "network.", ""])] = tensors.pop(name)
        elif act == 2:
            kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
            tensors[name] = one.to(chance.choice(kinds))
        elif act == 3:
            tensors[name] = one.reshape(chance.choice([(-1,), (1, *one.shape), (*one.shape, 1)]))
        elif act == 4 and one.dim():
            tensors[name] = one[: one.shape[0] // 2]
        elif act == 5:
            tensors[name] = one.new_zeros(chance.choice([(0,), (0, 10**9), (3, 0, 7), ()]))
        elif act == 6 and one.numel():
            flat = one.clone().flatten()
            value = chance.choice([0, 1, -1, 100] + [float("nan"), float("inf"), 1e30] * one.is_floating_point())
            flat[chance.randrange(flat.numel())] = value
            tensors[name] = flat.view(one.shape)
        elif act == 7:
            kinds = [torch.float64, torch.float16]
            kind = chance.choice(kinds)
            for each in tensors:
                tensors[each] = tensors[each].to(kind) if tensors[each].dtype == torch.float32 else tensors[each]
        elif act == 8:
            other = chance.choice(list(tensors))
            tensors[name], tensors[other] = tensors[other], tensors[name]
        if not tensors:
            tensors["left"] = torch.zeros(1)


def _changed_header(content: bytes, chance: random.Random) -> bytes:
    """Return the file with another header whose digest is right, as far as there is one."""
    header, data = _split(content)
    header = copy.deepcopy(header)
    name = chance.choice([one for one in header if one != "__metadata__"])
    entry = header[name]
    act = chance.randrange(6)
    if act == 0:
        entry["shape"] = chance.choice([[10**9, 10**9], [-1], [2**63], [], [0], "3", [1.5], [True]])
    elif act == 1:
        entry["dtype"] = chance.choice(["F64", "I8", "F8_E5M2", "C64", "X", "", 3, None, "F4"])
    elif act == 2:
        entry["data_offsets"] = chance.choice([[0, 8], [8, 0], [-4, 4], [0, 2**70], [0], [0, 4, 8], "ab", [0.0, 4.0]])
    elif act == 3:
        header[name + "'"] = dict(entry)
    elif act == 4:
        header["__metadata__"] = chance.choice([{}, [], "x", None, {"nurt": 3}, {**header["__metadata__"], "x": "y"}])
    else:
        header[name] = chance.choice([None, [], 3, {}, {"dtype": "F32"}])
    with contextlib.suppress(TypeError, KeyError, ValueError, AttributeError):
        header["__metadata__"]["sha256"] = _digest(header["__metadata__"]["nurt"], header, data)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data)


def _mutant(content: bytes, chance: random.Random) -> tuple[bytes, bool]:
    """Return another file, and whether it is sealed by a right digest."""
    way = chance.random()
    if way < 0.35:
        damaged = bytearray(content)
        chance.choice(DAMAGES)(damaged, chance)
        return bytes(damaged), False
    if way < 0.45:
        return _changed_header(content, chance), True
    document, tensors = _parts(content)
    if way < 0.8:
        try:
            return _sealed(_changed_document(document, chance), tensors), True
        except UnicodeEncodeError:
            return content[:-1], False
    _changed_tensors(tensors, chance)
    return _sealed(json.dumps(document), tensors), True


# ------------------------------------------------------------------- oracle


def _refused(error: NurtError, kind: str) -> str:
    message = str(error)
    if len(message) > 6000 or any(not sign.isprintable() and sign != "\n" for sign in message):
        raise Finding(f"{kind}: a message of {len(message)} characters that is not fit to print: {message[:500]!r}")
    if not message.strip():
        raise Finding(f"{kind}: an empty message")
    return f"{kind} refused"


def _same_tensors(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype
        and one[name].shape == other[name].shape
        and torch.equal(one[name].flatten().view(torch.uint8), other[name].flatten().view(torch.uint8))
        for name in one
    )


def _plain(document: Any) -> Any:
    """Return a description without what is derived, without empty values, and with numbers as they compare."""
    if isinstance(document, dict):
        return {name: _plain(one) for name, one in document.items() if one is not None and name not in DERIVED}
    return [_plain(one) for one in document] if isinstance(document, list) else document


def _difference(one: Any, other: Any, place: str = "") -> str:
    """Return where two descriptions differ first, and how; "" where they are the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [(f"{place}.{name}", one.get(name), other.get(name)) for name in {**one, **other}]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(f"{place}[{number}]", *pair) for number, pair in enumerate(zip(one, other, strict=True))]
    else:
        return "" if one == other else f"{place}: {str(one)[:200]!r} and {str(other)[:200]!r}"
    return next(filter(None, (_difference(first, second, where) for where, first, second in pairs)), "")


def _model_case(chance: random.Random, folder: Path) -> str:
    number = chance.randrange(len(MODELS))
    content, context = MODELS[number]
    mutant, sealed = _mutant(content, chance)
    path = folder / "model.safetensors"
    path.write_bytes(mutant)
    try:
        model = nurt.Forecaster.load(path)
    except ModelFileError as error:
        return _refused(error, "model")
    if not sealed:
        if _predicted(model, context) != EXPECTED[number]:
            raise Finding("a damaged model was taken for a sound one")
        return "model unharmed"
    model.save(folder / "again")
    first, again = _parts(mutant), _parts((folder / "again").read_bytes())
    if not _same_tensors(first[1], again[1]):
        raise Finding("tensors of a sealed file were not taken as they are")
    for document in (first[0], again[0]):
        document.pop("nurt_version", None)
        # Nothing is what is written where nothing is known.
        for part in ("data", "metrics", "training"):
            document.setdefault(part, {})
    differing = _difference(_plain(first[0]), _plain(again[0]))
    if differing:
        raise Finding(f"a description was not taken as it is: {differing}")
    try:
        _predicted(model, context)
        str(model.training_record_)
    except NurtError as error:
        return _refused(error, "use of a model")
    return "model altered and taken"


def _checkpoint_case(chance: random.Random, folder: Path) -> str:
    content, validation = chance.choice(CHECKPOINTS)
    mutant, sealed = _mutant(content, chance)
    path = folder / "run.safetensors"
    path.write_bytes(mutant)
    network = tiny.Network()
    before = copy.deepcopy(network.state_dict())
    run = Run.begin(network, tiny.Task(validation=validation), _settings())
    try:
        CheckpointWriter(Checkpoint(path), run, lambda _: None).resume()
    except DataError as error:
        if not tiny.same_bits(before, network.state_dict()):
            raise Finding("a refused checkpoint changed the model") from error
        if not isinstance(error, ModelFileError) and "another run" not in str(error):
            raise Finding(f"a damaged checkpoint is no ModelFileError: {error}") from error
        return _refused(error, "checkpoint")
    document, tensors = _parts(mutant if sealed else content)
    found = json.loads(json.dumps(_document_of(run)))
    taken = _tensors_of(run)
    if not _same_tensors(tensors, taken):
        names = [name for name in {**tensors, **taken} if not (name in tensors and name in taken)]
        names += [name for name in tensors.keys() & taken.keys() if not torch.equal(tensors[name], taken[name])]
        raise Finding(f"tensors of a checkpoint were not taken as they are: {names}")
    for one in (document, found):
        one["progress"].pop("seconds")
    if "ledger" not in document["progress"]:
        # As in a checkpoint from before there was one.
        del found["progress"]["ledger"]
    differing = _difference(_plain(document["progress"]), _plain(found["progress"]))
    if differing:
        raise Finding(f"the progress was not taken as it is: {differing}")
    if chance.random() < 0.1:
        try:
            train(network, tiny.Task(validation=validation), _settings(), checkpoint=Checkpoint(path), resume=True)
        except NurtError as error:
            return _refused(error, "use of a checkpoint")
    return "checkpoint altered and taken" if sealed else "checkpoint unharmed"


def _case(chance: random.Random, folder: Path) -> str:
    cases: list[Callable[[random.Random, Path], str]] = [_model_case, _model_case, _checkpoint_case]
    return chance.choice(cases)(chance, folder)


CAMPAIGN = Campaign("model files and checkpoints, damaged, or altered and sealed again", _case)
