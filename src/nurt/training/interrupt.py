"""Ctrl-C as a request: the first asks training to stop after the step in hand, the second goes through."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

__all__ = ["Interrupt"]


class Interrupt:
    """While entered, the first SIGINT sets ``requested`` instead of raising.

    An optimiser step torn in the middle would leave weights that belong to no step at all; waiting for its end is
    what lets an interrupted run be resumed bit for bit. Someone else's handler is left in place, and so is everything
    outside the main thread, where Python allows no handler: there a KeyboardInterrupt arrives as it does elsewhere.
    """

    def __init__(self) -> None:
        self.requested = False
        self._installed = False

    def __enter__(self) -> Interrupt:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._ask)
            self._installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
