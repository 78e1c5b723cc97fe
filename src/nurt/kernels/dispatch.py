"""Which rung runs a call: a table, a way to force a row, and an account of the choice.

The first row that serves a call runs it. A person can force a row for a block of code with :func:`use`, or for a
whole process with the environment variable ``NURT_RUNG`` (read at each call; :func:`use` wins over it). A forced
row that cannot serve a call is an error that names the alternatives: there is no silent fall-back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch

from nurt.errors import NurtValueError, UnavailableError
from nurt.kernels import torch_ops
from nurt.kernels.native.rung import RUNG as NATIVE
from nurt.kernels.reference import RECURRENCES, adjoint, loop
from nurt.kernels.rung import SCAN, Request, Rung, dtype_name
from nurt.kernels.variables import variable
from nurt.results import Result

__all__ = ["ENVIRONMENT_VARIABLE", "NATIVE", "RUNGS", "Explanation", "choose", "explain", "rungs", "use"]

ENVIRONMENT_VARIABLE = "NURT_RUNG"

# In the order in which they are asked. The adjoint comes before the reference because it keeps less, not because it is
# quicker. A new rung is one line here.
RUNGS: tuple[Rung, ...] = (NATIVE, torch_ops.RUNG, adjoint.RUNG, loop.RUNG)

_forced: ContextVar[str | None] = ContextVar("nurt_forced_rung", default=None)


@dataclass(frozen=True)
class Explanation(Result):
    """Which rung runs a call, and why.

    Args:
        recurrence: name of the recurrence; None for a cell whose step no kernel knows.
        device: device type.
        dtype: name of the dtype, for example "float32".
        options: of the call, sorted.
        rung: the row that runs.
        summary: what that row is.
        reason: why it was taken.
        passed_over: every other row of the table with the reason why it was not taken.
    """

    recurrence: str | None
    device: str
    dtype: str
    options: tuple[str, ...]
    rung: str
    summary: str
    reason: str
    passed_over: Mapping[str, str]

    def __str__(self) -> str:
        call = Request(self.recurrence, self.device, getattr(torch, self.dtype), frozenset(self.options))
        lines = [f"{call}: runs on {self.rung!r} ({self.summary}), because {self.reason}."]
        lines += [f"  {name!r} not taken: {why}." for name, why in self.passed_over.items()]
        return "\n".join(lines)


@contextmanager
def use(rung: str) -> Iterator[None]:
    """Force a rung for the calls made inside the ``with`` block, in this thread or task alone.

    Args:
        rung: a name of :func:`rungs`.

    Raises:
        NurtValueError: there is no such rung.

    Example:
        >>> import nurt.kernels
        >>> with nurt.kernels.use("reference"):
        ...     nurt.kernels.explain("lstm").rung
        'reference'
    """
    _known(rung, "nurt.kernels.use")
    token = _forced.set(rung)
    try:
        yield
    finally:
        _forced.reset(token)


def rungs() -> tuple[str, ...]:
    """Return the names of the table's rows, in the order in which they are asked."""
    return tuple(rung.name for rung in RUNGS)


def choose(request: Request) -> Rung:
    """Return the rung that runs ``request``.

    Raises:
        UnavailableError: a rung was forced that cannot serve the request.
        NurtValueError: ``NURT_RUNG`` names no rung.
    """
    return _decide(request)[0]


def explain(
    recurrence: str | None,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    options: Iterable[str] = (),
) -> Explanation:
    """Say which rung runs a recurrence here and now, and why.

    Args:
        recurrence: name of a recurrence, for example "lstm"; "scan" for the diagonal scan; None for a cell with a step
            of its own.
        device: where the inputs lie.
        dtype: of the inputs.
        options: "ragged" for rows of different lengths, "reverse" for time running backwards,
            "transformed" for a call inside ``torch.func`` transforms or a forward-mode derivative, "traced" for one
            that ``torch.jit.trace`` follows, "recording" for one inside a block of
            :func:`~nurt.kernels.recording`, "zoneout", "state_dropout" and
            "gradient_clip" for :class:`~nurt.kernels.StepOptions`.

    Returns:
        The account; ``print`` it.

    Raises:
        UnavailableError: a rung was forced that cannot serve such a call, as the call itself would.
        NurtValueError: unknown recurrence or option.

    Example:
        >>> print(explain("gru"))
        gru on cpu, float32: runs on 'native' (the native engine), because it is the first that serves the call.
          'torch' not taken: it comes after 'native' in the table.
          'adjoint' not taken: it comes after 'native' in the table.
          'reference' not taken: it comes after 'native' in the table.
    """
    if recurrence not in (None, SCAN, *RECURRENCES):
        raise NurtValueError(
            "nurt.kernels.explain: unknown recurrence.",
            expected=f"one of {', '.join(map(repr, (*RECURRENCES, SCAN)))}, or None",
            got=repr(recurrence),
        )
    request = Request(recurrence, torch.device(device).type, dtype, frozenset(options))
    rung, reason = _decide(request)
    return Explanation(
        recurrence=recurrence,
        device=request.device,
        dtype=dtype_name(dtype),
        options=tuple(sorted(request.options)),
        rung=rung.name,
        summary=rung.summary,
        reason=reason,
        passed_over={
            other.name: other.refuse(request) or _outranked(other, rung) for other in RUNGS if other is not rung
        },
    )


def _decide(request: Request) -> tuple[Rung, str]:
    forced, by = _forced_rung()
    if forced is not None:
        refusal = forced.refuse(request)
        if refusal is not None:
            raise _unavailable(request, forced, by, refusal)
        return forced, f"{by} forces it"
    for rung in RUNGS:
        if rung.refuse(request) is None:
            return rung, "it is the first that serves the call"
    raise UnavailableError(
        f"nurt.kernels: no rung serves {request}.",
        expected=f"a call that one of {', '.join(map(repr, rungs()))} serves",
        got="; ".join(f"{rung.name}: {rung.refuse(request)}" for rung in RUNGS),
    )


def _forced_rung() -> tuple[Rung | None, str]:
    """Return the forced rung, if any, and what forces it."""
    name, variable = _forcing()
    if name is not None:
        return _known(name, "nurt.kernels.use"), f'use("{name}")'
    if variable:
        return _known(variable, f"environment variable {ENVIRONMENT_VARIABLE}"), f"{ENVIRONMENT_VARIABLE}={variable}"
    return None, ""


# A compiler cannot follow a context variable: compiled code keeps the rung that was chosen while it was compiled.
def _forcing() -> tuple[str | None, str | None]:
    """Return the names that :func:`use` and the environment variable give."""
    return _forced.get(), variable(ENVIRONMENT_VARIABLE)


# All that torch.compiler.assume_constant_result does, which would load the whole compiler beforehand.
_forcing._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _known(name: str, where: str) -> Rung:
    for rung in RUNGS:
        if rung.name == name:
            return rung
    raise NurtValueError(
        f"{where}: there is no such rung.", expected=f"one of {', '.join(map(repr, rungs()))}", got=repr(name)
    )


def _unavailable(request: Request, forced: Rung, by: str, refusal: str) -> UnavailableError:
    able = [rung.name for rung in RUNGS if rung.refuse(request) is None]
    cure = f"Use {' or '.join(map(repr, able))} instead, or force none." if able else "No other rung serves it either."
    return UnavailableError(
        f"nurt.kernels: the rung {forced.name!r} cannot serve {request}.",
        expected=f"a call that {forced.name!r} serves, because {by} forces it",
        got=f"one it does not: {refusal}",
        cure=cure,
    )


def _outranked(other: Rung, taken: Rung) -> str:
    after = RUNGS.index(other) > RUNGS.index(taken)
    return f"it comes after {taken.name!r} in the table" if after else f"{taken.name!r} is forced"
