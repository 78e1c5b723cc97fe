"""A linear recurrence with two weights, whose loss and gradients have closed forms."""
