"""Put nurt's LSTM in the place of torch's: the same weights give the same numbers, and rows may differ in length."""

import torch

import nurt


def largest_difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return max |one - other|."""
    return float((one - other).detach().abs().max())


def main() -> None:
    torch.manual_seed(0)
    told = {"input_size": 8, "hidden_size": 32, "num_layers": 2, "batch_first": True, "bidirectional": True}
    theirs = torch.nn.LSTM(**told)
    ours = nurt.nn.LSTM(**told)  # the only line that changes
    ours.load_state_dict(theirs.state_dict())

    inputs = torch.randn(3, 7, 8)
    (expected, _), (output, _) = theirs(inputs), ours(inputs)
    print("outputs are the same up to rounding:", largest_difference(output, expected) < 1e-6)
    expected.square().sum().backward()
    output.square().sum().backward()
    pairs = zip(theirs.parameters(), ours.parameters(), strict=True)
    apart = max(largest_difference(one.grad, other.grad) for one, other in pairs)
    print("and so are all gradients:", apart < 1e-5)

    # Rows of 7, 4 and 1 steps, in any order, without packing; what lies past an end is never read.
    ragged = inputs.clone()
    ragged[1, 4:] = ragged[2, 1:] = float("nan")
    output, (h_n, c_n) = ours(ragged, lengths=[7, 4, 1])
    print("nothing past the ends:", bool((output[1, 4:] == 0).all() and output.isfinite().all()))
    alone, _ = ours(inputs[1:2, :4])
    print("a short row as if it were alone:", largest_difference(output[1:2, :4], alone) < 1e-6)
    print("states:", tuple(h_n.shape), tuple(c_n.shape))

    back = nurt.nn.to_torch(ours)
    print("and back:", type(back).__module__, type(back).__name__)
    print(nurt.nn.explain(ours, options=["ragged"]))


if __name__ == "__main__":
    main()
