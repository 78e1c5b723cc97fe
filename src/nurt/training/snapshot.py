"""A run as tensors and plain values, and back: everything that decides what the next step will be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nurt.errors import NurtTypeError
from nurt.training.progress import Progress
from nurt.training.randomness import generator_states, set_generator_states
from nurt.training.run import Run

__all__ = ["differences", "document_of", "environment_notes", "restore", "tensors_of"]


_ADDED_LATER = {"clip_value": None}
"""Settings that older checkpoints do not name, and what they were then."""


def tensors_of(run: Run) -> dict[str, Tensor]:
    """Return weights, best weights, Adam's moments, generators and the steps of the epoch under way, by name."""
    found = {f"weights/{name}": value for name, value in run.model.state_dict().items()}
    found |= {f"best/{name}": value for name, value in (run.best or {}).items()}
    moments = run.optimizer.state_dict()["state"]
    for number, (name, _) in enumerate(run.named_parameters):
        found |= {f"adam/{name}/{key}": value for key, value in moments.get(number, {}).items()}
    found |= {f"generator/{device}": state for device, state in generator_states(run.devices).items()}
    found["steps/losses"] = torch.tensor(run.progress.losses, dtype=torch.float64)
    found["steps/norms"] = torch.tensor(run.progress.norms, dtype=torch.float64)
    return found


def document_of(run: Run) -> dict[str, Any]:
    """Return what belongs to the run besides tensors, JSON-ready."""
    return {
        "settings": run.settings.to_dict(),
        "binding": _binding(run),
        "environment": _environment(run),
        "progress": {key: value for key, value in run.progress.to_dict().items() if key not in ("losses", "norms")},
    }


def differences(run: Run, document: Mapping[str, Any]) -> list[str]:
    """Return in words where the stored run and this one are not the same; empty when it can be resumed."""
    stored, present = document["binding"], _binding(run)
    found = _changed("setting", {**_ADDED_LATER, **stored["settings"]}, present["settings"])
    tensors = _changed("tensor of the model", stored["tensors"], present["tensors"])
    found += tensors
    if not tensors and stored["model"] != present["model"]:
        found.append("the structure of the model")
    if stored["examples"] != present["examples"]:
        found.append(f"the number of training examples ({stored['examples']} then, {present['examples']} now)")
    elif stored["data"] != present["data"]:
        found.append("the data or the loss (their fingerprint has changed)")
    return found


def environment_notes(run: Run, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a sentence for everything outside the run that may change its last digits."""
    stored = document["environment"]
    return tuple(
        f"Resumed with {name} {now} instead of {stored.get(name)}: the last digits may differ from those of an "
        "uninterrupted run."
        for name, now in _environment(run).items()
        if stored.get(name) != now
    )


def restore(run: Run, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
    """Put a run of the same settings, model and data where the stored one stood."""
    places = {name: value.device for name, value in run.model.state_dict().items()}
    run.model.load_state_dict(_under("weights/", tensors))
    best = _under("best/", tensors)
    run.best = {name: value.to(places[name]) for name, value in best.items()} or None
    _restore_moments(run, tensors)
    set_generator_states(_under("generator/", tensors), run.devices)
    steps = {key: tensors[f"steps/{key}"].tolist() for key in ("losses", "norms")}
    run.progress = Progress.from_dict({**document["progress"], **steps})


def _restore_moments(run: Run, tensors: Mapping[str, Tensor]) -> None:
    moments = {}
    for number, (name, _) in enumerate(run.named_parameters):
        own = {key: value for key, value in _under(f"adam/{name}/", tensors).items() if "/" not in key}
        if own:
            moments[number] = own
    groups = run.optimizer.state_dict()["param_groups"]
    run.optimizer.load_state_dict({"state": moments, "param_groups": groups})


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _binding(run: Run) -> dict[str, Any]:
    """Return what a resumed run must share with the stored one."""
    return {
        "settings": run.settings.binding(),
        "model": _printed(run.model),
        "tensors": {name: _form(name, value) for name, value in run.model.state_dict().items()},
        "data": run.objective.fingerprint,
        "examples": run.objective.examples,
    }


def _printed(model: nn.Module) -> str:
    """Return the model as it prints itself: tells apart what has the same weights, such as another dropout."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(model))


def _form(name: str, value: object) -> str:
    if not isinstance(value, Tensor):
        raise NurtTypeError(
            f"`{name}` in the state of the model cannot be kept in a checkpoint.",
            expected="a tensor",
            got=type(value).__name__,
            cure="Keep such state out of get_extra_state, or train without a checkpoint.",
        )
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def _changed(what: str, stored: Mapping[str, object], present: Mapping[str, object]) -> list[str]:
    return [
        f"{what} `{name}` ({stored.get(name, 'absent')} then, {present.get(name, 'absent')} now)"
        for name in sorted(stored.keys() | present.keys())
        if stored.get(name, "absent") != present.get(name, "absent")
    ]


def _environment(run: Run) -> dict[str, object]:
    return {
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "device": ", ".join(sorted({parameter.device.type for parameter in run.model.parameters()})),
    }
