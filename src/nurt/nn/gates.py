"""Where the weights of each gate lie, in any recurrent module: nurt's cells and layers, and torch.nn's.

And what follows from it for the update gate of the GRU, which has two senses.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from nurt.errors import NurtTypeError
from nurt.kernels import Recurrence

__all__ = ["GateWeights", "flip_update_gate", "gate_order", "gate_weights"]

# As Recurrence.order.
_TORCH_ORDER: dict[type[nn.Module], str] = {
    nn.RNN: "h",
    nn.LSTM: "ifgo",
    nn.GRU: "rzn",
    nn.RNNCell: "h",
    nn.LSTMCell: "ifgo",
    nn.GRUCell: "rzn",
}


@dataclass(frozen=True)
class GateWeights:
    """The learned tensors of one layer in one direction.

    Args:
        place: where it stands, for messages.
        order: one letter per block of H rows.
        weight_ih: (G·H, I).
        weight_hh: (G·H, ·).
        bias_ih: (G·H,) or None.
        bias_hh: (G·H,) or None.
    """

    place: str
    order: str
    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.weight_hh.shape[0] // len(self.order)

    def rows(self, gate: str) -> slice:
        """Return the rows of ``gate``, a letter of ``order``."""
        first = self.order.index(gate) * self.hidden_size
        return slice(first, first + self.hidden_size)

    def recurrent_blocks(self) -> Iterator[Tensor]:
        """Yield the block of W_hh of each gate, (H, ·), a view."""
        for gate in self.order:
            yield self.weight_hh[self.rows(gate)]

    def biases(self) -> tuple[Tensor, Tensor]:
        """Return both biases.

        Raises:
            NurtTypeError: there are none.
        """
        if self.bias_ih is None or self.bias_hh is None:
            raise NurtTypeError(
                f"nurt.nn.init: {self.place} has no biases.", expected="a module with bias=True", got="bias=False"
            )
        return self.bias_ih, self.bias_hh


def gate_order(recurrence: Recurrence[Any]) -> str:
    """Return one letter per block of H rows of the weights of ``recurrence``, from the top."""
    return recurrence.order


def gate_weights(where: str, module: nn.Module) -> list[GateWeights]:
    """Return the weights of every layer and direction inside ``module``.

    Raises:
        NurtTypeError: there is none, or its weights are computed from others (parametrised).
    """
    if not isinstance(module, nn.Module):
        raise NurtTypeError(f"{where}: not a module.", expected="a torch.nn.Module", got=type(module).__name__)
    found = [part for name, inner in module.named_modules() for part in _of(where, name, inner)]
    if not found:
        raise NurtTypeError(
            f"{where}: nothing recurrent inside this module.",
            expected="a cell or layer of nurt.nn or torch.nn, or a module that holds some",
            got=type(module).__name__,
        )
    return found


def _of(where: str, name: str, module: nn.Module) -> Iterator[GateWeights]:
    recurrence = getattr(module, "recurrence", None)
    if isinstance(recurrence, Recurrence):
        order = gate_order(recurrence)
    else:
        order = next((order for kind, order in _TORCH_ORDER.items() if isinstance(module, kind)), "")
    if not order:
        return
    place = f"{name or 'the module'} ({type(module).__name__})"
    own = dict(module.named_parameters(recurse=False))
    suffixes = [match[1] for match in (re.fullmatch(r"weight_hh(.*)", key) for key in own) if match]
    if not suffixes or any(f"weight_ih{suffix}" not in own for suffix in suffixes):
        raise NurtTypeError(
            f"{where}: the weights of {place} are not its own parameters.",
            expected="parameters weight_ih and weight_hh",
            got="parametrised weights",
            cure="Initialise before registering a parametrisation.",
        )
    for suffix in suffixes:
        tensors = (own.get(f"{kind}{suffix}") for kind in ("bias_ih", "bias_hh"))
        yield GateWeights(place, order, own[f"weight_ih{suffix}"], own[f"weight_hh{suffix}"], *tensors)


ModuleT = TypeVar("ModuleT", bound=nn.Module)


def flip_update_gate(module: ModuleT) -> ModuleT:
    """Return a copy of ``module`` whose GRUs mean the same with the update gate in the opposite sense.

    nurt, torch, Keras, ONNX and [cho2014learning] keep the old state where z_t is 1; [chung2014empirical] and many
    lecture notes take the new one:

        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}        here
        h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t        the opposite

    Because σ(-a) = 1 - σ(a), the one becomes the other when the rows of z in all weights and biases change sign. So
    weights learned elsewhere in the opposite sense go into a GRU here, are flipped, and compute what they did; flipped
    again they are what they were. Other recurrences in the module stay as they are.

    Args:
        module: a GRU cell or layer of nurt.nn or torch.nn, with the reset before or after the product, or a module
            that holds some; not changed.

    Raises:
        NurtTypeError: no GRU inside.

    Example:
        >>> cell = GRUCell(3, 5)
        >>> torch.equal(flip_update_gate(flip_update_gate(cell)).weight_hh, cell.weight_hh)
        True
    """
    flipped = copy.deepcopy(module)
    gated = [part for part in gate_weights("nurt.nn.flip_update_gate", flipped) if "z" in part.order]
    if not gated:
        raise NurtTypeError(
            "nurt.nn.flip_update_gate: no GRU inside this module.",
            expected="a GRUCell, ResetBeforeGRUCell or GRU",
            got=type(module).__name__,
        )
    with torch.no_grad():
        for part in gated:
            for tensor in (part.weight_ih, part.weight_hh, part.bias_ih, part.bias_hh):
                if tensor is not None:
                    tensor[part.rows("z")].neg_()
    return flipped
