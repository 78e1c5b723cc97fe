"""Single units and gates: saturation, memory, patterns of states, connectivity, blocks of weights."""
