"""What may be chance: tests of a difference, bootstrap intervals, and the spread between seeds."""
