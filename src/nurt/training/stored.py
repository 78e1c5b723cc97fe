"""The state of a run as a checkpoint holds it, checked as a whole before anything of it is taken in.

A sound digest says that the file is what somebody wrote, not that a run wrote it: a checkpoint may be made by hand or
altered and sealed again. Tensors are therefore compared with those of the run, and what is counted must fit together.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nurt.errors import NurtValueError
from nurt.training.declared import mistyped
from nurt.training.run import LAST_NORMS, Run, RunProgress, all_finite

__all__ = ["StoredState"]

_MOMENTS = frozenset({"step", "exp_avg", "exp_avg_sq"})
_PARTS = ("weights/", "best/", "adam/", "generator/", "source/", "steps/")


@dataclass(frozen=True)
class StoredState:
    """What a run is restored from.

    Args:
        weights: the state of the model.
        best: that of the best epoch; empty without one.
        moments: number of a parameter → Adam's moments.
        generators: device → state.
        source: state of the source of batches.
        progress: how far the run has come.
    """

    weights: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    moments: Mapping[int, Mapping[str, Tensor]]
    generators: Mapping[str, Tensor]
    source: Mapping[str, Tensor]
    progress: RunProgress

    @classmethod
    def checked(cls, run: Run, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> StoredState:
        """Return the state in a file that belongs to ``run``.

        Raises:
            NurtValueError: a tensor is missing, left over, of another form or not finite, or the counts contradict
                each other. Forged descriptions raise what Python raises for them.
        """
        _require_keys(document["progress"])
        stray = [name for name in tensors if not name.startswith(_PARTS)]
        _require(not stray, "a tensor that belongs nowhere")
        steps = _under("steps/", tensors)
        _require(steps.keys() == {"losses", "norms"}, "losses and norms of the steps")
        _require(all(one.dtype == torch.float64 and one.dim() == 1 for one in steps.values()), "the form of the steps")
        kept = {name: steps[name].tolist() for name in ("losses", "norms")}
        state = cls(
            weights=_under("weights/", tensors),
            best=_under("best/", tensors),
            moments=_moments(run, tensors),
            generators=_under("generator/", tensors),
            source=_under("source/", tensors),
            progress=RunProgress.from_dict({**document["progress"], **kept}),
        )
        _require_same_forms(run.model.state_dict(), state.weights, "the weights")
        if state.best:
            _require_same_forms(run.model.state_dict(), state.best, "the best weights")
        _check_generators(state.generators)
        _check_progress(run, state)
        return state

    def restore(self, run: Run) -> None:
        """Take the state into the run.

        Raises:
            KeyError, ValueError, …: the source of the batches cannot be restored; the model is as it was.
        """
        before = copy.deepcopy(run.model.state_dict())
        places = {name: value.device for name, value in before.items()}
        run.model.load_state_dict(dict(self.weights))
        try:
            with run.randomness.drawing():
                run.source.restore(self.source)
        except Exception:
            run.model.load_state_dict(before)
            raise
        # After the source, which may run the model.
        run.randomness.restore(self.generators)
        run.best = {name: value.to(places[name]) for name, value in self.best.items()} or None
        groups = run.optimizer.state_dict()["param_groups"]
        run.optimizer.load_state_dict({"state": {k: dict(v) for k, v in self.moments.items()}, "param_groups": groups})
        run.progress = self.progress


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise NurtValueError(f"The checkpoint is of no training: {what} cannot be used.")


def _require_keys(progress: Mapping[str, Any]) -> None:
    """Refuse a description with other parts than that of a run: a part left out would be replaced by a default.

    A checkpoint from before the ledger has none, which is right.
    """
    wanted = RunProgress().to_dict()
    for name in ("losses", "norms"):
        del wanted[name]
    _require(progress.keys() | {"ledger"} == wanted.keys(), "the progress")
    if "ledger" in progress:
        _require(progress["ledger"].keys() == wanted["ledger"].keys(), "the ledger")
        _require(progress["ledger"]["trace"].keys() == wanted["ledger"]["trace"].keys(), "the trace")


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _require_same_forms(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], what: str) -> None:
    forms = [{name: (one.shape, one.dtype) for name, one in some.items()} for some in (wanted, found)]
    _require(forms[0] == forms[1] and all(all_finite([one]) for one in found.values()), what)


def _moments(run: Run, tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """Return Adam's moments by the number of their parameter; one without a gradient so far has none."""
    found, used = {}, 0
    for number, (name, parameter) in enumerate(run.named_parameters):
        own = {key: value for key, value in _under(f"adam/{name}/", tensors).items() if "/" not in key}
        if not own:
            continue
        _require(own.keys() == _MOMENTS, f"the moments of {name}")
        form = {name: torch.empty_like(parameter, device="meta") for name in ("exp_avg", "exp_avg_sq")}
        _require_same_forms(form, {key: own[key] for key in form}, f"the moments of {name}")
        step = own["step"]
        _require(step.shape == () and step.dtype == torch.float32, f"the steps of {name}")
        _require(bool(step >= 1) and bool(step == step.floor()), f"the steps of {name}")
        _require(bool((own["exp_avg_sq"] >= 0).all()), f"the moments of {name}")
        found[number], used = own, used + len(own)
    _require(used == len(_under("adam/", tensors)), "a moment of no parameter")
    return found


def _check_generators(states: Mapping[str, Tensor]) -> None:
    _require("cpu" in states, "the generator")
    generator = torch.Generator().set_state(states["cpu"])
    # Torch passes over parts that no state of its own has.
    _require(torch.equal(generator.get_state(), states["cpu"]), "the generator")


def _check_progress(run: Run, state: StoredState) -> None:
    progress = state.progress
    wrong = mistyped(progress)
    _require(wrong is None, f"the progress at {wrong}")
    ledger = progress.ledger
    counts = (progress.epoch, progress.clipped, progress.epoch_started, ledger.updates, ledger.clipped)
    _require(min(counts) >= 0, "a count below 0")
    _require(len(progress.losses) == len(progress.norms) <= len(run.batches()), "the steps of the epoch")
    _require(progress.clipped <= len(progress.losses) and len(progress.last_norms) <= LAST_NORMS, "the last steps")
    numbers = [entry.epoch for entry in progress.history]
    # The history first: a forged number of epochs makes no long list.
    first = len(numbers) - progress.epoch
    _require(first in (0, 1) and numbers == list(range(1 - first, progress.epoch + 1)), "the history")
    _require(ledger.directed >= 1 or not ledger.share_sums, "the shares")
    keeps = any(run.keeps(entry) for entry in progress.history)
    _require(bool(state.best) == keeps, "the best weights")
    points = ledger.trace
    _require(points.width >= 1 and all(len(one) == 5 for one in points.columns), "the ledger")
    _require(all(one[0] >= 1 for one in points.columns) and len(points.columns) <= points.points, "the trace")
