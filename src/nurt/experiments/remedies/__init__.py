"""Remedies against exploding and vanishing gradients, on one case of each."""
