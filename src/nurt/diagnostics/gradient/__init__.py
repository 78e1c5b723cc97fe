"""Back-propagated gradients: by lag, step and path, truncated, attributed to inputs, and checked."""
