"""Adding and subtracting binary numbers with a small tanh network, trained and exact."""
