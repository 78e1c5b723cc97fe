"""Examples are drawn without a deadline: how long one takes depends on who else uses the machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
