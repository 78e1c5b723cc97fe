"""One family of errors; every message says what happened, what was expected and given, how to mend it.

Each class also derives from the built-in a caller would expect, so ``except ValueError`` keeps working.
"""

from __future__ import annotations

from nurt.wording import escaped

__all__ = [
    "DataError",
    "MissingExtraError",
    "ModelFileError",
    "NonFiniteError",
    "NotFittedError",
    "NurtError",
    "NurtTypeError",
    "NurtValueError",
    "OutputError",
    "ShapeError",
    "UnavailableError",
]


class NurtError(Exception):
    """Base of every error raised on purpose by nurt.

    The message shows control characters escaped: it may quote a name or a cell of a file.

    Args:
        what: what happened and where, one sentence.
        expected: what would have been right, without a final full stop.
        got: what was given instead, without a final full stop.
        cure: how to mend it, one or two sentences.
    """

    def __init__(
        self,
        what: str,
        *,
        expected: str | None = None,
        got: str | None = None,
        cure: str | None = None,
    ) -> None:
        self.what = what
        self.expected = expected
        self.got = got
        self.cure = cure
        super().__init__(self._message())

    def _message(self) -> str:
        return escaped("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        lines = [self.what]
        if self.expected is not None and self.got is not None:
            lines.append(f"Expected {self.expected}; got {self.got}.")
        elif self.expected is not None:
            lines.append(f"Expected {self.expected}.")
        elif self.got is not None:
            lines.append(f"Got {self.got}.")
        if self.cure is not None:
            lines.append(self.cure)
        return lines

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments are lost by the default protocol; workers of a study send errors home.
        return (_rebuild, (type(self), self.__dict__.copy()))


def _rebuild(kind: type[NurtError], state: dict[str, object]) -> NurtError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    Exception.__init__(error, error._message())
    return error


class NurtValueError(NurtError, ValueError):
    """An argument has a value that cannot be used."""


class NurtTypeError(NurtError, TypeError):
    """An argument has a type that cannot be used."""


class ShapeError(NurtValueError):
    """A tensor or array has the wrong number of axes or the wrong size."""


class DataError(NurtValueError):
    """A file or a table of data is at fault: missing, damaged, ambiguous or too short."""


class OutputError(NurtError, OSError):
    """A result could not be written; nothing half-written is left behind."""


class ModelFileError(DataError):
    """A model file is damaged, foreign, of a newer format, or does not match the data."""


class NotFittedError(NurtError, ValueError, AttributeError):
    """An estimator was asked for something it learns in ``fit`` before ``fit`` was called."""


class UnavailableError(NurtError, RuntimeError):
    """What was asked for exists, but not here; the message names the alternative."""


class MissingExtraError(UnavailableError, ImportError):
    """An optional dependency is needed; the message names the extra that brings it."""


class NonFiniteError(NurtError, ArithmeticError):
    """A loss, gradient, weight or input became NaN or infinite; ``record`` says where.

    Args:
        what, expected, got, cure: as for :class:`NurtError`.
        record: facts found by replaying the batch (step, epoch, layer, series, time …), JSON-ready.
    """

    def __init__(self, what: str, *, record: dict[str, object] | None = None, **parts: str | None) -> None:
        self.record = dict(record or {})
        super().__init__(what, **parts)
