"""Types of the native module; see cpu/bindings.cpp."""

from collections.abc import Sequence
from typing import Any

Rows = tuple[int, int, int]

class Side:
    """One direction of one layer; addresses, 0 for absent."""

    def __init__(self) -> None: ...
    def learned(self, index: int, address: int, /) -> None: ...
    def grad_learned(self, index: int, address: int, /) -> None: ...

    weight_ih: int
    weight_hh: int
    bias_ih: int
    bias_hh: int
    hidden_mask: int
    keep_hidden: Rows
    keep_cell: Rows
    gates: int
    cells: int
    made: int
    made_cells: int
    normals: int
    grad_weight_ih: int
    grad_weight_hh: int
    grad_bias_ih: int
    grad_bias_hh: int
    total_grad_hidden: int
    total_grad_cell: int

class Layer:
    """One layer; addresses, 0 for absent."""

    outputs: int
    mask: int
    grad_outputs: int

class Stack:
    """Layers and directions of one call."""

    def __init__(
        self,
        cell: int,
        scalar: int,
        threads: int,
        packed: bool,
        batch: int,
        time: int,
        features: int,
        hidden: int,
        outputs: int,
        layers: int,
        reverse: Sequence[bool],
        lengths: int,
    ) -> None: ...
    def layer(self, index: int, /) -> Layer: ...
    def side(self, index: int, direction: int, /) -> Side: ...
    scale: float
    clear_past_end: bool
    gradient_clip: float
    constants: Sequence[float]
    memory: Sequence[int]
    inputs: Rows
    grad_outputs: Rows
    initial_hidden: int
    initial_cell: int
    final_hidden: int
    final_cell: int
    grad_final_hidden: int
    grad_final_cell: int
    grad_inputs: int
    grad_initial_hidden: int
    grad_initial_cell: int

class ScanCall:
    """Sizes and options of one diagonal scan."""

    def __init__(
        self, number: int, threads: int, reverse: bool, batch: int, time: int, size: int, lengths: int
    ) -> None: ...
    memory: Sequence[int]

class Stream:
    """Layers stepped one moment at a time, weights packed once."""

    def __init__(
        self, isa: str, cell: int, scalar: int, batch: int, threads: int, constants: Sequence[float], /
    ) -> None: ...
    def add_layer(
        self,
        inputs: int,
        hidden: int,
        columns: int,
        side: Side,
        state_hidden: int,
        state_cell: int,
        outputs: int,
        /,
    ) -> None: ...
    def step(self, inputs: int, outputs: int, /) -> None: ...

def cells() -> list[dict[str, Any]]: ...
def instruction_sets() -> list[str]: ...
def compiler() -> str: ...
def forward(isa: str, stack: Stack, /) -> None: ...
def backward(isa: str, stack: Stack, /) -> None: ...
def map(isa: str, function: int, scalar: int, source: int, target: int, count: int, /) -> None: ...
def scan_forward(isa: str, call: ScanCall, a: Rows, b: Rows, initial: int, outputs: Rows, final: int, /) -> None: ...
def scan_backward(
    isa: str,
    call: ScanCall,
    a: Rows,
    outputs: Rows,
    initial: int,
    grad_outputs: Rows,
    grad_final: int,
    shared_by_rows: bool,
    shared_by_steps: bool,
    grad_a: Rows,
    grad_b: Rows,
    grad_initial: int,
    /,
) -> None: ...
def draw(isa: str, generator: int, keep: float, mask: int, count: int, /) -> None: ...
def poison_scratch(on: bool, /) -> None: ...
