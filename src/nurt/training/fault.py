"""What went bad first, and when: the facts of a non-finite value and the sentences that report them."""

from __future__ import annotations

from dataclasses import dataclass

from nurt.errors import NonFiniteError
from nurt.results import Result
from nurt.training.ledger import BadKind
from nurt.training.objective import Description

__all__ = ["FaultTime", "FaultyExamples", "FirstFault", "error_of"]

_SQUARE_OVERFLOWS = 1e19
"""About the root of the largest float32: the square of anything above is infinite."""


@dataclass(frozen=True)
class FaultTime(Result):
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
class FaultyExamples:
    """The training examples concerned.

    Args:
        numbers: their numbers, the first ten.
        total: how many they are.
        words: the task's words for those listed.
    """

    numbers: tuple[int, ...]
    total: int
    words: Description

    def to_dict(self) -> dict[str, object]:
        """Return the numbers under the name of their unit, and what the task said of them."""
        unit = self.words.unit
        return {unit: list(self.numbers), f"{unit}_total": self.total, **self.words.facts}


@dataclass(frozen=True)
class FirstFault(Result):
    """What went bad first.

    Args:
        cause: "weight", "input", "forward", "loss", "backward", "validation" or "unknown".
        rows: positions in the batch of the examples concerned; empty when it may be all.
        time_step: step of the sequence, from 0, where it began, if the shape of the tensor shows it.
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


def error_of(fault: FirstFault, time: FaultTime, examples: FaultyExamples | None = None) -> NonFiniteError:
    """Return the error that reports the facts in words and carries them as a JSON-ready record."""
    place = f"epoch {time.epoch}" + ("" if time.step is None else f", step {time.step}")
    seen = "" if time.loss is None else f" The loss is {time.loss}."
    concerned = {} if examples is None else examples.to_dict()
    return NonFiniteError(
        f"Training stopped in {place}: a value is not finite.{seen} {_sentence(fault)}{_concerned(examples)}",
        cure=_cure(fault, time),
        record={**time.to_dict(), **fault.to_dict(), **concerned},
    )


def _sentence(fault: FirstFault) -> str:
    step = "" if fault.time_step is None else f", at time step {fault.time_step}"
    module = "the model itself" if fault.module == "" else f"module `{fault.module}` ({fault.module_type})"
    match fault.cause:
        case "weight":
            seen = "" if fault.module is None else f" It first appears in the {fault.side} of {module}{step}."
            return f"The weight `{fault.parameter}` holds NaN or an infinity.{seen}"
        case "input":
            return f"The inputs hold NaN or an infinity in column {fault.column}{step}."
        case "forward" if fault.side == "input":
            return f"It arises before {module}, outside of any module, and enters there{step}."
        case "forward":
            return f"It arises in {module}, whose inputs are finite and whose output is not{step}."
        case "loss":
            return f"The outputs of all modules are finite, up to {fault.largest:.3g}; their loss is not."
        case "backward" if fault.module is None:
            return f"The loss is finite; the gradient of `{fault.parameter}` is not."
        case "backward" if fault.side == "input":
            return f"The loss is finite; the gradient turns bad on its way back through {module}{step}."
        case "backward":
            return f"The loss is finite; the gradient is bad where it reaches the output of {module}{step}."
        case "validation":
            return "All weights are finite; the loss on the validation part is not."
        case _:
            return "The batch was computed again and gave finite values: something in it is not repeatable."


def _concerned(examples: FaultyExamples | None) -> str:
    if examples is None:
        return ""
    numbers = ", ".join(str(number) for number in examples.numbers)
    more = examples.total - len(examples.numbers)
    others = f" and {more} more" if more else ""
    where = f", {examples.words.where}" if examples.words.where else ""
    return f" Concerned: {examples.words.unit} {numbers}{others}{where}."


def _cure(fault: FirstFault, time: FaultTime) -> str:
    calmer = f"lower the learning rate (now {time.learning_rate:g}) or clip gradients by `clip_norm`"
    match fault.cause:
        case "weight" if not time.gradient_norms:
            return "No step had been taken: initialise or load the model anew."
        case "weight":
            return f"An update was too large: {calmer}."
        case "input":
            return "Fill or drop these values before training."
        case "forward":
            return f"If the numbers have grown too large, {calmer}, or scale the inputs; else look at that place."
        case "loss" | "validation" if fault.largest is not None and fault.largest > _SQUARE_OVERFLOWS:
            return f"The outputs have grown so large that their square overflows: {calmer}."
        case "loss" | "validation":
            return "Look at the targets: a logarithm of 0, a division by 0, a missing value that is not masked."
        case "backward":
            return f"Look for a slope without bound there, such as that of a square root at 0; else {calmer}."
        case _:
            return "Repeat the run with torch.use_deterministic_algorithms(True) to make it repeatable."
