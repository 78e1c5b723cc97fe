"""A linear recurrence with two weights: everything about it has a closed form."""
