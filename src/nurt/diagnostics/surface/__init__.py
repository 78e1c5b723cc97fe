"""The loss over a plane in the space of the weights: two weights, two directions, or where training went."""
