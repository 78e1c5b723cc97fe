"""What went bad first, and when: the facts of a non-finite value and the sentences that tell them."""

from __future__ import annotations

from dataclasses import dataclass

from nurt.errors import NonFiniteError
from nurt.results import Result
from nurt.training.ledger import BadKind

__all__ = ["Concerned", "Finding", "Moment", "error_of"]

_SQUARE_OVERFLOWS = 1e19
"""About the root of the largest float32: the square of anything above is infinite."""


@dataclass(frozen=True)
class Moment(Result):
    """When it happened.

    Args:
        epoch: the epoch under way, from 1; 0 for the validation of the untrained model.
        step: the step within it, from 1; None when it was found after the steps.
        learning_rate: the rate of the epoch.
        gradient_norms: global norms before clipping of the last finished steps, across epochs.
        loss: the loss that was seen, as text, because JSON knows no "nan"; None when it was not the loss.
        gradient: "nan" when the gradient of the step held NaN, "inf" when it held infinities alone; None when it was
            finite, or not looked at.
    """

    epoch: int
    step: int | None
    learning_rate: float
    gradient_norms: tuple[float, ...]
    loss: str | None = None
    gradient: BadKind | None = None


@dataclass(frozen=True)
class Concerned(Result):
    """The training examples that are concerned.

    Args:
        windows: their numbers, the first ten.
        windows_total: how many they are.
        series: names of the series of the windows listed.
        first: label of the earliest time in the windows listed.
        last: label of the latest time in the windows listed.
    """

    windows: tuple[int, ...] = ()
    windows_total: int = 0
    series: tuple[str, ...] = ()
    first: object = None
    last: object = None


@dataclass(frozen=True)
class Finding(Result):
    """What went bad first.

    Args:
        cause: "weight", "input", "forward", "loss", "backward", "validation" or "unknown".
        rows: positions in the batch of the examples concerned; empty when it may be all.
        time_step: step within the window, from 0, where it began, if the shape of the tensor tells.
        column: column of the bad input: its name, or its number where columns have none.
        parameter: the bad weight, or the first parameter with a bad gradient.
        module: where forward or backward first went bad, as in ``named_modules``; "" is the model itself.
        module_type: the class of that module.
        side: "input" or "output" of that module.
        largest: largest magnitude on either side of a module, up to where it went bad.
    """

    cause: str
    rows: tuple[int, ...] = ()
    time_step: int | None = None
    column: str | None = None
    parameter: str | None = None
    module: str | None = None
    module_type: str | None = None
    side: str | None = None
    largest: float | None = None


def error_of(finding: Finding, moment: Moment, concerned: Concerned) -> NonFiniteError:
    """Return the error that tells the facts in words and carries them as a JSON-ready record."""
    place = f"epoch {moment.epoch}" + ("" if moment.step is None else f", step {moment.step}")
    seen = "" if moment.loss is None else f" The loss is {moment.loss}."
    return NonFiniteError(
        f"Training stopped in {place}: a value is not finite.{seen} {_sentence(finding)}{_where(concerned)}",
        cure=_cure(finding, moment),
        record={**moment.to_dict(), **finding.to_dict(), **concerned.to_dict()},
    )


def _sentence(finding: Finding) -> str:
    step = "" if finding.time_step is None else f", at time step {finding.time_step} of the window"
    module = "the model itself" if finding.module == "" else f"module `{finding.module}` ({finding.module_type})"
    match finding.cause:
        case "weight":
            seen = "" if finding.module is None else f" It is first felt in the {finding.side} of {module}{step}."
            return f"The weight `{finding.parameter}` holds NaN or an infinity.{seen}"
        case "input":
            return f"The inputs hold NaN or an infinity in column {finding.column}{step}."
        case "forward" if finding.side == "input":
            return f"It arises before {module}, outside of any module, and enters there{step}."
        case "forward":
            return f"It arises in {module}, whose inputs are finite and whose output is not{step}."
        case "loss":
            return f"The outputs of all modules are finite, up to {finding.largest:.3g}; the loss made of them is not."
        case "backward" if finding.module is None:
            return f"The loss is finite; the gradient of `{finding.parameter}` is not."
        case "backward" if finding.side == "input":
            return f"The loss is finite; the gradient turns bad on its way back through {module}{step}."
        case "backward":
            return f"The loss is finite; the gradient is bad where it reaches the output of {module}{step}."
        case "validation":
            return "All weights are finite; the loss on the validation part is not."
        case _:
            return "The batch was run again and gave finite values: something in it is not repeatable."


def _where(concerned: Concerned) -> str:
    if not concerned.windows:
        return ""
    numbers = ", ".join(str(window) for window in concerned.windows)
    more = concerned.windows_total - len(concerned.windows)
    others = f" and {more} more" if more else ""
    series = ", ".join(concerned.series)
    return f" Concerned: windows {numbers}{others}, series {series}, {concerned.first} to {concerned.last}."


def _cure(finding: Finding, moment: Moment) -> str:
    calmer = f"lower the learning rate (now {moment.learning_rate:g}) or clip gradients by `clip_norm`"
    match finding.cause:
        case "weight" if not moment.gradient_norms:
            return "No step had been taken: initialise or load the model anew."
        case "weight":
            return f"An update was too large: {calmer}."
        case "input":
            return "Fill or drop these values before training."
        case "forward":
            return f"If the numbers have grown too large, {calmer}, or scale the inputs; else look at that place."
        case "loss" | "validation" if finding.largest is not None and finding.largest > _SQUARE_OVERFLOWS:
            return f"The outputs have grown so large that their square overflows: {calmer}."
        case "loss" | "validation":
            return "Look at the targets: a logarithm of 0, a division by 0, a missing value that is not masked."
        case "backward":
            return f"Look for a slope without bound there, such as that of a square root at 0; else {calmer}."
        case _:
            return "Repeat the run with torch.use_deterministic_algorithms(True) to make it repeatable."
