"""Benchmarks of long memory: what recurrent networks learn in a budget, and what costs nothing beside it."""
