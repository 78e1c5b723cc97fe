"""A text whose dependencies are known: phrases that close with the letter that agrees with their opening one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["ALPHABET", "CLOSERS", "FILLERS", "OPENERS", "PhraseText", "Windows"]

OPENERS, CLOSERS, FILLERS = "ab", "AB", "mnop"
ALPHABET = OPENERS + CLOSERS + FILLERS
# Chance that a filler is followed by the next one in the cycle m n o p; the rest is spread over all four.
CYCLE = 0.7


@dataclass(frozen=True)
class Windows:
    """Windows of the text, each with the letter that follows it.

    Args:
        letters: places in the alphabet, (B, T).
        following: the letter after the window, (B,).
        distance: steps from the opening letter to the one that follows, (B,), 0 where that closes nothing.
    """

    letters: np.ndarray
    following: np.ndarray
    distance: np.ndarray


@dataclass(frozen=True)
class PhraseText:
    """Phrases without end: an opening letter, fillers, and the closing letter that agrees with the opening.

    ``a m n o A b p B …``: openings are drawn evenly, the number of fillers evenly from 1 to ``longest``, and the
    fillers are a chain in which each favours its successor. The last letter tells much about the next one, the closing
    letter depends on one letter ``d`` steps ago, and nothing else matters. What closes is known only from the opening:
    guessing is right half of the time.

    Args:
        longest: most fillers in a phrase.
    """

    longest: int = 30

    def letters(self, count: int, stream: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return ``count`` letters and, at closing letters, the distance to the opening one; 0 elsewhere."""
        text: list[int] = []
        distance: list[int] = []
        while len(text) < count:
            kind, fillers = int(stream.integers(2)), int(stream.integers(1, self.longest + 1))
            first = len(OPENERS) + len(CLOSERS)
            walk = stream.integers(len(FILLERS), size=fillers)
            follow = stream.random(fillers) < CYCLE
            for index in range(1, fillers):
                if follow[index]:
                    walk[index] = (walk[index - 1] + 1) % len(FILLERS)
            text += [kind, *(first + walk).tolist(), len(OPENERS) + kind]
            distance += [*[0] * (fillers + 1), fillers + 1]
        return np.array(text[:count]), np.array(distance[:count])

    def windows(self, count: int, steps: int, stream: np.random.Generator) -> Windows:
        """Return windows that end anywhere, (B, T), of stretches of their own."""
        # A stretch begins with a phrase; windows begin at least one phrase later, anywhere in it.
        lead = self.longest + 2
        rows = [self.letters(2 * lead + steps + 1, stream) for _ in range(count)]
        starts = stream.integers(lead, 2 * lead, size=count)
        return self._cut(rows, starts, steps)

    def closing_windows(self, distance: int, count: int, steps: int, stream: np.random.Generator) -> Windows:
        """Return windows that end just before a closing letter whose opening is ``distance`` steps back, 2 or more."""
        before = [self.letters(steps, stream)[0] for _ in range(count)]
        kinds = stream.integers(2, size=count)
        first = len(OPENERS) + len(CLOSERS)
        rows = []
        for row, kind in zip(before, kinds, strict=True):
            walk = stream.integers(len(FILLERS), size=distance - 1)
            for index in range(1, distance - 1):
                if stream.random() < CYCLE:
                    walk[index] = (walk[index - 1] + 1) % len(FILLERS)
            # What comes before the phrase must end with a closing letter, as in the text.
            row[-1] = len(OPENERS) + int(stream.integers(2))
            rows.append(np.concatenate([row, [kind], first + walk])[-steps:])
        return Windows(np.stack(rows), len(OPENERS) + kinds, np.full(count, distance))

    def _cut(self, rows: list[tuple[np.ndarray, np.ndarray]], starts: np.ndarray, steps: int) -> Windows:
        letters = np.stack([text[start : start + steps] for (text, _), start in zip(rows, starts, strict=True)])
        after = [(text[start + steps], far[start + steps]) for (text, far), start in zip(rows, starts, strict=True)]
        following, distance = np.array(after).T
        return Windows(letters, following, distance)
