"""Ask which code runs a recurrence and why, force another, and compare the numbers."""

import torch

import nurt
from nurt.errors import UnavailableError


def main() -> None:
    torch.manual_seed(0)
    layer = nurt.nn.GRU(3, 5, batch_first=True)
    inputs = torch.randn(2, 7, 3)
    print(nurt.nn.explain(layer))

    output, _ = layer(inputs)
    with nurt.kernels.use("reference"):
        print(nurt.nn.explain(layer))
        readable, _ = layer(inputs)
    print("the two differ by at most", float((output - readable).detach().abs().max()))

    # What is asked for and cannot be had is an error, never a quiet change.
    with nurt.kernels.use("torch"):
        try:
            nurt.nn.build("linear", 3, 5)(inputs)
        except UnavailableError as error:
            print(error)


if __name__ == "__main__":
    main()
