"""The gradient on its way back: by lag, by step, by path, truncated, attributed to inputs, and checked."""
