"""nurt.nn.RNN, LSTM and GRU against torch.nn's: outputs, states and all gradients from one state_dict."""

from __future__ import annotations

from itertools import combinations, cycle, product

import pytest
import torch
from tests.contracts.combinations import covering
from tests.tolerances import GRADIENTS, OUTPUTS, SAME_BITS, assert_agree
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import nurt.nn
from nurt.kernels import Rung, dispatch, use
from nurt.kernels.reference import loop

# torch says so once per process; it concerns its speed, not its numbers.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")

B, T, INPUT, HIDDEN = 4, 6, 3, 5
LENGTHS = torch.tensor([4, 6, 1, 3])
FAMILIES = {
    "tanh": ("RNN", {"nonlinearity": "tanh"}),
    "relu": ("RNN", {"nonlinearity": "relu"}),
    "gru": ("GRU", {}),
    "lstm": ("LSTM", {}),
    "projected": ("LSTM", {"proj_size": 2}),
}
FACTORS = {
    "family": list(FAMILIES),
    "num_layers": [1, 2, 3],
    "bidirectional": [False, True],
    "batch_first": [False, True],
    "bias": [True, False],
    "layout": ["padded", "sorted", "unsorted", "lengths", "single"],
    "dtype": [torch.float32, torch.float64],
    "rung": ["native", "torch", "adjoint", "reference"],
}
EXTRAS = {"hx": [False, True], "weights_from": ["torch", "nurt"], "training": [False, True]}
CASES = covering(FACTORS | EXTRAS)


def named(case: dict) -> str:
    return "-".join(f"{name}={value}".replace("torch.", "") for name, value in case.items())


def both(case: dict) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return our layer and torch's with the same weights."""
    kind, options = FAMILIES[case["family"]]
    arguments = {name: case[name] for name in ("num_layers", "bidirectional", "batch_first", "bias", "dtype")}
    ours = getattr(nurt.nn, kind)(INPUT, HIDDEN, **arguments, **options)
    theirs = getattr(torch.nn, kind)(INPUT, HIDDEN, **arguments, **options)
    if case["weights_from"] == "torch":
        ours.load_state_dict(theirs.state_dict())
    else:
        theirs.load_state_dict(ours.state_dict())
    return ours.train(case["training"]), theirs.train(case["training"])


def leaves_for(case: dict) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return inputs and initial states, all differentiable."""
    rows = case["num_layers"] * (2 if case["bidirectional"] else 1)
    batch = () if case["layout"] == "single" else (B,)
    time = (T,) if not batch else (B, T) if case["batch_first"] else (T, B)
    widths = {"lstm": (HIDDEN, HIDDEN), "projected": (2, HIDDEN)}.get(case["family"], (HIDDEN,))
    inputs = torch.randn(*time, INPUT, dtype=case["dtype"])
    states = [torch.randn(rows, *batch, width, dtype=case["dtype"]) for width in widths] if case["hx"] else []
    return inputs.requires_grad_(), tuple(state.requires_grad_() for state in states)


def called(layer: torch.nn.Module, case: dict, inputs: Tensor, states: tuple[Tensor, ...]) -> list[Tensor]:
    """Return the padded outputs and the final states; torch knows no lengths, so there it packs."""
    ours = isinstance(layer, nurt.nn.RNN | nurt.nn.GRU | nurt.nn.LSTM)
    hx = None if not states else states[0] if len(states) == 1 else states
    batch_first, layout = case["batch_first"], case["layout"]
    if layout == "lengths" and ours:
        output, finals = layer(inputs, hx, lengths=LENGTHS)
    elif layout in ("padded", "single"):
        output, finals = layer(inputs, hx)
    else:
        lengths = LENGTHS.sort(descending=True).values if layout == "sorted" else LENGTHS
        packed = pack_padded_sequence(inputs, lengths, batch_first=batch_first, enforce_sorted=layout == "sorted")
        output, finals = layer(packed, hx)
        assert isinstance(output, PackedSequence)
        output, given_back = pad_packed_sequence(output, batch_first=batch_first, total_length=T)
        assert torch.equal(given_back, lengths)
    return [output, *(finals if isinstance(finals, tuple) else (finals,))]


def compare(case: dict) -> None:
    torch.manual_seed(41)
    ours, theirs = both(case)
    inputs, states = leaves_for(case)
    with use(case["rung"]):
        mine = called(ours, case, inputs, states)
    wanted = called(theirs, case, inputs, states)
    exact = case["rung"] == "torch" and case["layout"] != "lengths"
    for name, value, expected in zip(("output", "h_n", "c_n"), mine, wanted, strict=False):
        assert_agree(value, expected, SAME_BITS if exact else OUTPUTS[case["dtype"]], f"{named(case)}: {name}")
    assert len(mine) == len(wanted)
    weights = [torch.randn_like(value) for value in wanted]
    for name, value, expected in zip(
        ["input", "h_0", "c_0"][: 1 + len(states)] + [name for name, _ in theirs.named_parameters()],
        torch.autograd.grad(mine, [inputs, *states, *ours.parameters()], weights),
        torch.autograd.grad(wanted, [inputs, *states, *theirs.parameters()], weights),
        strict=True,
    ):
        tolerance = SAME_BITS if exact else GRADIENTS[case["dtype"]]
        assert_agree(value, expected, tolerance, f"{named(case)}: gradient of {name}")


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_layer_has_the_outputs_states_and_gradients_of_torchs(case):
    compare(case)


@pytest.mark.slow
@pytest.mark.parametrize("family", FACTORS["family"])
@pytest.mark.parametrize("num_layers", FACTORS["num_layers"])
def test_every_combination_has_the_outputs_states_and_gradients_of_torchs(family, num_layers):
    rest = {name: values for name, values in FACTORS.items() if name not in ("family", "num_layers")}
    extras = cycle(product(*EXTRAS.values()))
    for values in product(*rest.values()):
        case = {"family": family, "num_layers": num_layers, **dict(zip(rest, values, strict=True))}
        compare(case | dict(zip(EXTRAS, next(extras), strict=True)))


def test_the_chosen_rows_meet_every_combination_of_three_values():
    factors = FACTORS | EXTRAS
    for names in combinations(factors, 3):
        met = {tuple(row[name] for name in names) for row in CASES}
        assert met == set(product(*(factors[name] for name in names)))


def broken_reference(fault: str) -> Rung:
    """Return the reference with one deliberate fault."""

    def run(recurrence, inputs, state, weights, *, lengths, reverse):
        match fault:
            case "gates in another order":
                weights = weights._replace(weight_ih=weights.weight_ih.roll(HIDDEN, 0))
            case "a step late":
                inputs = inputs.roll(1, 1)
            case "bias forgotten":
                weights = weights._replace(bias_hh=None)
            case "gradient of the initial state lost":
                state = recurrence.state(*(field.detach() for field in state))
            case "gradient of a weight lost":
                weights = weights._replace(weight_hh=weights.weight_hh.detach() + 0 * weights.weight_hh)
            case "lengths ignored":
                lengths = None
            case "direction ignored":
                reverse = False
        outputs, final = loop.run(recurrence, inputs, state, weights, lengths=lengths, reverse=reverse)
        match fault:
            case "sign":
                outputs = -outputs
            case "a little off everywhere":
                outputs = outputs * (1 + 1e-4)
            case "one element off":
                outputs = outputs + 1e-3 * torch.nn.functional.one_hot(torch.tensor(0), outputs.shape[-1])
            case "final state a step early":
                final = recurrence.state(*(0.5 * (old + new) for old, new in zip(state, final, strict=True)))
        return outputs, final

    return Rung(name="reference", summary="broken on purpose", refuse=loop.refuse, run=run)


@pytest.mark.parametrize(
    "fault",
    [
        "gates in another order",
        "a step late",
        "bias forgotten",
        "gradient of the initial state lost",
        "gradient of a weight lost",
        "lengths ignored",
        "direction ignored",
        "sign",
        "a little off everywhere",
        "one element off",
        "final state a step early",
    ],
)
def test_a_fault_put_into_the_reference_turns_the_comparison_red(fault, monkeypatch):
    monkeypatch.setattr(dispatch, "RUNGS", (*dispatch.RUNGS[:2], broken_reference(fault)))
    red = 0
    concerned = [case | {"rung": "reference"} for case in CASES if case["family"] == "lstm" and case["hx"]]
    for case in concerned:
        try:
            compare(case)
        except (AssertionError, RuntimeError):
            red += 1
    assert red > 0
    if fault not in ("bias forgotten", "lengths ignored", "direction ignored"):
        assert red == len(concerned)


@pytest.mark.parametrize("rung", ["native", "torch", "adjoint", "reference"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("batch", "steps", "hidden"), [(1, 1, 3), (1, 63, 17), (5, 63, 50), (3, 1, 50)])
def test_awkward_sizes_are_no_special_case(family, rung, batch, steps, hidden):
    torch.manual_seed(43)
    kind, options = FAMILIES[family]
    ours, theirs = (getattr(nn, kind)(3, hidden, bidirectional=True, **options) for nn in (nurt.nn, torch.nn))
    ours.load_state_dict(theirs.state_dict())
    inputs = torch.randn(steps, batch, 3)
    with use(rung):
        output, _ = ours(inputs)
    expected, _ = theirs(inputs)
    assert_agree(output, expected, OUTPUTS[torch.float32], "output")
    weights = torch.randn_like(output)
    mine = torch.autograd.grad(output, list(ours.parameters()), weights)
    wanted = torch.autograd.grad(expected, list(theirs.parameters()), weights)
    for (name, _), value, other in zip(ours.named_parameters(), mine, wanted, strict=True):
        assert_agree(value, other, GRADIENTS[torch.float32], name)


@pytest.mark.parametrize("rung", ["native", "torch", "adjoint", "reference"])
@pytest.mark.parametrize("family", FAMILIES)
def test_strided_expanded_and_huge_inputs_are_no_special_case(family, rung):
    torch.manual_seed(47)
    kind, options = FAMILIES[family]
    ours, theirs = (getattr(nn, kind)(3, 5, **options, dtype=torch.float64) for nn in (nurt.nn, torch.nn))
    ours.load_state_dict(theirs.state_dict())
    inputs = {
        "strided": torch.randn(3, 4, 14, dtype=torch.float64).permute(2, 1, 0)[::2],
        "expanded": torch.randn(1, 1, 3, dtype=torch.float64).expand(7, 4, 3),
        "huge": torch.randn(7, 4, 3, dtype=torch.float64) * 1e6,
    }
    for name, values in inputs.items():
        with use(rung):
            output, _ = ours(values)
        assert_agree(output, theirs(values)[0], OUTPUTS[torch.float64], name)


@pytest.mark.parametrize("rung", ["native", "torch", "adjoint", "reference"])
@pytest.mark.parametrize("family", FAMILIES)
def test_an_empty_batch_goes_through_as_in_torch(family, rung):
    kind, options = FAMILIES[family]
    layer = getattr(nurt.nn, kind)(3, 5, 2, bidirectional=True, **options)
    inputs = torch.randn(7, 0, 3, requires_grad=True)
    expected = getattr(torch.nn, kind)(3, 5, 2, bidirectional=True, **options)(inputs)[0].shape
    with use(rung):
        output, _ = layer(inputs)
    assert output.shape == expected
    output.sum().backward()
    assert inputs.grad.shape == inputs.shape
    assert all(torch.equal(weight.grad, torch.zeros_like(weight)) for weight in layer.parameters())


@pytest.mark.parametrize("layout", ["padded", "packed", "lengths"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_under_one_seed_dropout_drops_what_torch_drops(family, bidirectional, layout):
    kind, options = FAMILIES[family]
    options = {"dropout": 0.4, "bidirectional": bidirectional, **options}
    # In float64: where the readout cancels, float32 leaves too few digits to tell one mask from another.
    options["dtype"] = torch.float64
    ours, theirs = (getattr(nn, kind)(3, 5, 3, **options) for nn in (nurt.nn, torch.nn))
    ours.load_state_dict(theirs.state_dict())
    inputs = torch.randn(6, 4, 3, dtype=torch.float64)
    packed = pack_padded_sequence(inputs, torch.tensor([6, 5, 3, 1]))
    torch.manual_seed(53)
    expected, _ = theirs(inputs if layout == "padded" else packed)
    torch.manual_seed(53)
    if layout == "lengths":
        output, _ = ours(inputs, lengths=[6, 5, 3, 1])
        assert_agree(output, pad_packed_sequence(expected)[0], OUTPUTS[torch.float64], "output")
    elif layout == "packed":
        output, _ = ours(packed)
        assert_agree(output.data, expected.data, OUTPUTS[torch.float64], "output")
    else:
        assert_agree(ours(inputs)[0], expected, OUTPUTS[torch.float64], "output")


@pytest.mark.parametrize("rung", ["native", "adjoint", "reference"])
@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_a_layer_drops_between_layers_alone_and_in_training_alone(layout, rung):
    layer = nurt.nn.GRU(3, 5, 2, dropout=1.0)
    inputs = torch.randn(6, 4, 3)
    given = inputs if layout == "padded" else pack_padded_sequence(inputs, [6, 5, 3, 1])

    def data(values: Tensor | PackedSequence) -> Tensor:
        return values.data if isinstance(values, PackedSequence) else values

    upper = nurt.nn.GRU(5, 5)
    upper.load_state_dict(
        {name.replace("l1", "l0"): value for name, value in layer.state_dict().items() if "l1" in name}
    )
    silent = torch.zeros(6, 4, 5)
    with use(rung):
        output, _ = layer(given)
        expected, _ = upper(silent if layout == "padded" else pack_padded_sequence(silent, [6, 5, 3, 1]))
        assert torch.equal(data(output), data(expected))
        assert not torch.equal(data(layer.eval()(given)[0]), data(expected))
