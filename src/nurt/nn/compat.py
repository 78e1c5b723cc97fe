"""RNN, LSTM and GRU in the place of ``torch.nn``'s: same arguments, same ``state_dict``, same numbers.

Sizes in nurt's letters: torch's documentation calls the batch N and the sequence length L; here they are B and T,
and L is the number of layers. D is 1, or 2 when bidirectional.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, final, overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from nurt.errors import NurtValueError
from nurt.kernels import Recurrence
from nurt.kernels.reference.gru import GRU as GRU_RECURRENCE
from nurt.kernels.reference.lstm import LSTM as LSTM_RECURRENCE
from nurt.kernels.reference.projected_lstm import PROJECTED_LSTM
from nurt.nn.cells.elman import NONLINEARITIES
from nurt.nn.checking import LayerTypeError, Lengths
from nurt.nn.dropin import AbstractDropIn
from nurt.nn.gradients import EXACT, AbstractGradientMethod
from nurt.nn.regularisation import NONE, Regularisation

__all__ = ["GRU", "LSTM", "RNN"]

# Those of torch.nn.RNN.
_NONLINEARITIES = ("tanh", "relu")
P = ParamSpec("P")


def _without_projection(constructor: Callable[P, None]) -> Callable[P, None]:
    """Refuse ``proj_size`` as torch does, in words; the signature has no such argument there either."""

    @wraps(constructor)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        if "proj_size" in kwargs:
            raise NurtValueError(
                f"nurt.nn.{type(args[0]).__name__}: there is no projected recurrence of this kind.",
                expected="no `proj_size`",
                got=f"proj_size={kwargs['proj_size']!r}",
                cure="The projection belongs to nurt.nn.LSTM; put a Linear layer above this one.",
            )
        constructor(*args, **kwargs)

    return checked


@final
class RNN(AbstractDropIn):
    """Layers of Elman's recurrence, in the place of :class:`torch.nn.RNN`; the equation is in :class:`ElmanCell`.

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L.
        nonlinearity: "tanh" or "relu".
        bias: whether the layers have biases.
        batch_first: inputs and outputs are (B, T, ·) rather than (T, B, ·) (does not affect the states).
        dropout: probability of zeroing between layers, in training mode.
        bidirectional: whether each layer also runs backwards.
        device: of the weights.
        dtype: of the weights.
        regularisation: what is left out at random in training mode; every layer and direction draws its own masks.
        gradient_clip: bound on the gradient between steps, see :func:`~nurt.nn.unroll`.

    Raises:
        NurtTypeError, NurtValueError: what torch refuses, with the same built-in types.

    Example:
        >>> output, h_n = RNN(3, 5, batch_first=True)(torch.randn(2, 7, 3), lengths=[7, 4])
        >>> output.shape, h_n.shape
        (torch.Size([2, 7, 5]), torch.Size([1, 2, 5]))
    """

    _frames_to_caller = 4  # one more, for the check around the constructor

    @_without_projection
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        regularisation: Regularisation = NONE,
        gradient_clip: float | None = None,
    ) -> None:
        if nonlinearity not in _NONLINEARITIES:
            raise NurtValueError(
                "nurt.nn.RNN: unknown `nonlinearity`.",
                expected=" or ".join(map(repr, _NONLINEARITIES)),
                got=repr(nonlinearity),
                cure='For \'sigmoid\' take nurt.nn.build("elman", ..., nonlinearity="sigmoid"); torch has none.',
            )
        # Before the parent's set-up, which asks for the recurrence.
        self.nonlinearity: str = nonlinearity
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
            regularisation,
            gradient_clip,
        )

    @property
    def recurrence(self) -> Recurrence[Any]:
        """The equation of every layer."""
        return NONLINEARITIES[self.nonlinearity]

    @property
    def mode(self) -> str:  # type: ignore[override]  # the nonlinearity chooses
        """Torch's name of the recurrence."""
        return f"RNN_{self.nonlinearity.upper()}"

    @overload
    def forward(
        self,
        input: Tensor,
        hx: Tensor | None = None,
        *,
        lengths: Lengths | None = None,
        gradient: AbstractGradientMethod = EXACT,
    ) -> tuple[Tensor, Tensor]: ...
    @overload
    def forward(
        self,
        input: PackedSequence,
        hx: Tensor | None = None,
        *,
        lengths: None = None,
        gradient: AbstractGradientMethod = EXACT,
    ) -> tuple[PackedSequence, Tensor]: ...
    def forward(
        self, input: Any, hx: Any = None, *, lengths: Any = None, gradient: AbstractGradientMethod = EXACT
    ) -> Any:
        """Run the layers over time.

        Args:
            input: (T, B, I), (B, T, I) with ``batch_first``, (T, I) for a single sequence, or packed.
            hx: initial state (L·D, B, H), (L·D, H) for a single sequence; None for zeros.
            lengths: steps of each row of a padded input, (B,), 0..T; None when every row has T. What lies past the
                end of a row is not used; the output there is zero, the final state is that at the row's end.
            gradient: how the gradient goes back through time, in each layer and direction by itself: :class:`Exact`,
                :class:`Truncated` or :class:`Checkpointed`. Outputs are the same for all, up to rounding.

        Returns:
            The outputs of the last layer, laid out as ``input`` with D·H features, and the final state h_n, laid
            out as ``hx``.

        Raises:
            LayerShapeError, LayerTypeError: input or state do not fit the layer, or each other.
            UnavailableError: a forced rung cannot run the layer.
        """
        output, (h_n,) = self._run(input, None if hx is None else (hx,), lengths, gradient)
        return output, h_n


@final
class GRU(AbstractDropIn):
    """Layers of gated recurrent units, in the place of :class:`torch.nn.GRU`; the equations are in :class:`GRUCell`.

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L.
        bias: whether the layers have biases.
        batch_first: inputs and outputs are (B, T, ·) rather than (T, B, ·) (does not affect the states).
        dropout: probability of zeroing between layers, in training mode.
        bidirectional: whether each layer also runs backwards.
        device: of the weights.
        dtype: of the weights.
        regularisation: what is left out at random in training mode; every layer and direction draws its own masks.
        gradient_clip: bound on the gradient between steps, see :func:`~nurt.nn.unroll`.

    Raises:
        NurtTypeError, NurtValueError: what torch refuses, with the same built-in types.

    Example:
        >>> output, h_n = GRU(3, 5, num_layers=2)(torch.randn(7, 2, 3))
        >>> output.shape, h_n.shape
        (torch.Size([7, 2, 5]), torch.Size([2, 2, 5]))
    """

    mode = "GRU"
    recurrence: Recurrence[Any] = GRU_RECURRENCE

    _frames_to_caller = 4  # one more, for the check around the constructor

    @_without_projection
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        regularisation: Regularisation = NONE,
        gradient_clip: float | None = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
            regularisation,
            gradient_clip,
        )

    @overload
    def forward(
        self,
        input: Tensor,
        hx: Tensor | None = None,
        *,
        lengths: Lengths | None = None,
        gradient: AbstractGradientMethod = EXACT,
    ) -> tuple[Tensor, Tensor]: ...
    @overload
    def forward(
        self,
        input: PackedSequence,
        hx: Tensor | None = None,
        *,
        lengths: None = None,
        gradient: AbstractGradientMethod = EXACT,
    ) -> tuple[PackedSequence, Tensor]: ...
    def forward(
        self, input: Any, hx: Any = None, *, lengths: Any = None, gradient: AbstractGradientMethod = EXACT
    ) -> Any:
        """Run the layers over time; arguments, results and errors as for :meth:`RNN.forward`."""
        output, (h_n,) = self._run(input, None if hx is None else (hx,), lengths, gradient)
        return output, h_n


@final
class LSTM(AbstractDropIn):
    """Layers of LSTM, in the place of :class:`torch.nn.LSTM`; the equations are in :class:`LSTMCell`.

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L.
        bias: whether the layers have biases.
        batch_first: inputs and outputs are (B, T, ·) rather than (T, B, ·) (does not affect the states).
        dropout: probability of zeroing between layers, in training mode.
        bidirectional: whether each layer also runs backwards.
        proj_size: features of a projected hidden state, below H; 0 for none. See :class:`ProjectedLSTMCell`.
        device: of the weights.
        dtype: of the weights.
        regularisation: what is left out at random in training mode; every layer and direction draws its own masks.
        gradient_clip: bound on the gradient between steps, see :func:`~nurt.nn.unroll`.

    Raises:
        NurtTypeError, NurtValueError: what torch refuses, with the same built-in types.

    Example:
        >>> output, (h_n, c_n) = LSTM(3, 5, batch_first=True, proj_size=2)(torch.randn(4, 7, 3))
        >>> output.shape, h_n.shape, c_n.shape
        (torch.Size([4, 7, 2]), torch.Size([1, 4, 2]), torch.Size([1, 4, 5]))
    """

    mode = "LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        regularisation: Regularisation = NONE,
        gradient_clip: float | None = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
            regularisation,
            gradient_clip,
        )

    @property
    def recurrence(self) -> Recurrence[Any]:
        """The equation of every layer."""
        return PROJECTED_LSTM if self.proj_size else LSTM_RECURRENCE

    @overload
    def forward(
        self,
        input: Tensor,
        hx: tuple[Tensor, Tensor] | None = None,
        *,
        lengths: Lengths | None = None,
        gradient: AbstractGradientMethod = EXACT,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]: ...
    @overload
    def forward(
        self,
        input: PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
        *,
        lengths: None = None,
        gradient: AbstractGradientMethod = EXACT,
    ) -> tuple[PackedSequence, tuple[Tensor, Tensor]]: ...
    def forward(
        self, input: Any, hx: Any = None, *, lengths: Any = None, gradient: AbstractGradientMethod = EXACT
    ) -> Any:
        """Run the layers over time.

        Arguments, results and errors as for :meth:`RNN.forward`, but the state is a pair: h (L·D, B, H), with
        ``proj_size`` features where projected, and c (L·D, B, H).
        """
        if hx is not None and not isinstance(hx, tuple | list):
            raise LayerTypeError("nurt.nn.LSTM: `hx` is not a pair.", expected="(h_0, c_0)", got=type(hx).__name__)
        return self._run(input, None if hx is None else tuple(hx), lengths, gradient)

    def _state_sizes(self) -> dict[str, int]:
        return {"h_0": self.proj_size or self.hidden_size, "c_0": self.hidden_size}
