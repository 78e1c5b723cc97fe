"""``python -m nurt`` is the command ``nurt``."""

from nurt.cli.main import run

run()
