"""Does every step of the history count equally? Trained networks on a text with known dependencies."""
