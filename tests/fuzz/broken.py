"""A campaign that comes out wrong in every way there is, to see that the frame notices."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from tests.fuzz.campaign import Campaign, Finding

__all__ = ["CAMPAIGN"]


def case(generator: random.Random, folder: Path) -> str:
    """Do what the number of calls so far in this process, and the generator, say."""
    assert not list(folder.iterdir())
    (folder / "left").write_text("behind", encoding="utf-8")
    kind = generator.choice(["fine", "wrong", "foreign", "crash", "hang", "greedy", "noisy"])
    if kind == "wrong":
        raise Finding("2 is not 3")
    if kind == "foreign":
        raise KeyError("odd")
    if kind == "crash":
        os.abort()
    if kind == "hang":
        time.sleep(60)
    if kind == "greedy":
        bytearray(2**40)
    if kind == "noisy":
        print("x" * 100_000)
        os.write(2, b"x" * 100_000)
    return kind


CAMPAIGN = Campaign("everything that can go wrong", case, seconds=1.0)
