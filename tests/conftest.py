"""A hostile place to run: poisoned buffers, one thread, real data only where it lies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data beside the checkout; ``NURT_DATA`` names another place."""
    folder = Path(os.environ.get("NURT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"real data are not part of the project and {folder} does not exist; set NURT_DATA to run this test"
        )
    return folder


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """Listen to SIGINT also where a shell started the process in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _poisoned_buffers() -> None:
    """Fill torch.empty with NaN, also where C++ allocates it, so that an unwritten cell is seen."""
    try:
        import torch
    except ImportError:
        return
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
