"""Examine a whole network, layer by layer, and say what follows by stated rules."""
