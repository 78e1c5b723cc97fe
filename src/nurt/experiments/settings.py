"""What a run of an experiment depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

__all__ = ["FileSettings", "Settings", "SettingsT"]


@dataclass(frozen=True)
class Settings:
    """What a run depends on; every experiment adds its own fields.

    Args:
        seed: of everything random.
    """

    seed: int = 0


@dataclass(frozen=True)
class FileSettings(Settings):
    """What a run on files of one's own depends on.

    Args:
        seed: of everything random.
        files: paths, in any order.
    """

    files: tuple[str, ...] = ()


SettingsT = TypeVar("SettingsT", bound=Settings)
