"""Types of the native module; see cpu/bindings.cpp."""

Rows = tuple[int, int, int]

class Call:
    """Sizes and options of one recurrence."""

    def __init__(
        self,
        cell: int,
        scalar: int,
        threads: int,
        reverse: bool,
        packed: bool,
        batch: int,
        time: int,
        inputs: int,
        hidden: int,
        lengths: int,
    ) -> None: ...

class ScanCall:
    """Sizes and options of one diagonal scan."""

    def __init__(
        self, number: int, threads: int, reverse: bool, batch: int, time: int, size: int, lengths: int
    ) -> None: ...

class Stream:
    """Layers stepped one moment at a time, weights packed once."""

    def __init__(self, isa: str, cell: int, scalar: int, batch: int, threads: int, /) -> None: ...
    def add_layer(
        self,
        inputs: int,
        hidden: int,
        weight_ih: int,
        weight_hh: int,
        bias_ih: int,
        bias_hh: int,
        state_hidden: int,
        state_cell: int,
        outputs: int,
        /,
    ) -> None: ...
    def step(self, inputs: int, outputs: int, /) -> None: ...

def instruction_sets() -> list[str]: ...
def compiler() -> str: ...
def forward(
    isa: str,
    call: Call,
    inputs: Rows,
    weight_ih: int,
    weight_hh: int,
    bias_ih: int,
    bias_hh: int,
    initial_hidden: int,
    initial_cell: int,
    outputs: Rows,
    gates: Rows,
    cells: Rows,
    final_hidden: int,
    final_cell: int,
    clear_past_end: bool,
    /,
) -> None: ...
def backward(
    isa: str,
    call: Call,
    inputs: Rows,
    outputs: Rows,
    gates: Rows,
    cells: Rows,
    weight_ih: int,
    weight_hh: int,
    initial_hidden: int,
    initial_cell: int,
    grad_outputs: Rows,
    grad_final_hidden: int,
    grad_final_cell: int,
    grad_inputs: Rows,
    grad_weight_ih: int,
    grad_weight_hh: int,
    grad_bias_ih: int,
    grad_bias_hh: int,
    grad_initial_hidden: int,
    grad_initial_cell: int,
    total_grad_hidden: Rows,
    total_grad_cell: Rows,
    /,
) -> None: ...
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
def poison_scratch(on: bool, /) -> None: ...
