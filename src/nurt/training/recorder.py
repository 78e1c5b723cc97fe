"""The clipping ledger for a training loop of one's own."""

from __future__ import annotations

from nurt.training.clipping import Parameters, clip_gradients
from nurt.training.ledger import ClippedStep, ClippingLedger
from nurt.training.ledger_book import LedgerBook
from nurt.training.limits import Clipping

__all__ = ["ClippingRecorder"]


class ClippingRecorder:
    """Clips the gradients of every update and keeps the ledger; for any optimiser.

    Args:
        clipping: ``ClipByNorm(limit)``, ``ClipByValue(limit)``, or None, which changes nothing and writes down alone.

    Example:
        >>> from nurt.training import ClipByNorm
        >>> layer = torch.nn.Linear(2, 1, bias=False)
        >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        >>> recorder = ClippingRecorder(ClipByNorm(1.0))
        >>> for _ in range(3):
        ...     optimizer.zero_grad()
        ...     (layer(torch.tensor([3.0, 4.0])) - 100.0).backward()
        ...     if recorder.step(layer.named_parameters(), learning_rate=0.1).is_finite:
        ...         optimizer.step()
        >>> ledger = recorder.ledger()
        >>> ledger.clipped_share, ledger.longest_run
        (1.0, 3)
    """

    def __init__(self, clipping: Clipping | None) -> None:
        self.clipping = clipping
        self._book = LedgerBook()

    def step(self, parameters: Parameters, learning_rate: float = 1.0) -> ClippedStep:
        """Clip the gradients in place and enter the update; to be called between ``backward`` and ``optimizer.step``.

        A gradient that is not finite is entered by its kind and left as it is: skip the update where ``is_finite`` of
        what is returned is False.

        Args:
            parameters: ``model.parameters()``, or ``model.named_parameters()`` for a ledger with names.
            learning_rate: η of the update, for ``removed_length``; 1 gives the length of the gradients themselves.
        """
        found, _ = clip_gradients(parameters, self.clipping)
        self._book.note(found, learning_rate)
        return found

    def ledger(self) -> ClippingLedger:
        """Return what was entered so far."""
        return self._book.ledger(self.clipping)
