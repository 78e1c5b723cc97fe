"""The cells of the registry by kind, for tests that hold for one kind alone."""

from __future__ import annotations

from nurt.nn import CELLS, ProjectedLSTMCell
from nurt.nn.cells.base import DenseCell

# Dense cells whose hidden state is as wide as the cell.
DENSE = {
    name: kind
    for name, kind in CELLS.items()
    if issubclass(kind, DenseCell) and not issubclass(kind, ProjectedLSTMCell)
}
