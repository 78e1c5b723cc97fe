"""What an examination is given: rows and steps in any layout, and words that help where the batch is none."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.data import DataLoader, TensorDataset

import nurt.nn
from nurt.diagnostics import Scope, examine, record
from nurt.diagnostics.look.arguments import first_rows
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn import Bidirectional, ElmanCell, GRUCell, LSTMCell, Recurrent, Stack

STEPS, ROWS, FEATURES = 23, 11, 3
QUICK = Scope(("reach", "gradient", "gates"))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


class TimeFirst(nn.Module):
    """The default layout of torch: steps, then rows."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][-1])


class Transposing(TimeFirst):
    """Rows first outside, time first inside."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(0, 1))


class RowsFirst(TimeFirst):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


class WithState(TimeFirst):
    def forward(self, x: Tensor, state: Tensor, scale: float) -> Tensor:
        return self.head(self.layer(x * scale, state)[0][-1])


class WithLengths(nn.Module):
    """Rows of different lengths, by a packed sequence inside."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.GRU(FEATURES, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        outputs, _ = pad_packed_sequence(self.layer(packed)[0], batch_first=True)
        return self.head(outputs[torch.arange(len(x)), lengths - 1])


TIME_FIRST = torch.randn(STEPS, ROWS, FEATURES, generator=torch.Generator().manual_seed(3))
ROWS_FIRST = TIME_FIRST.transpose(0, 1).contiguous()


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN, nurt.nn.LSTM, nurt.nn.GRU, nurt.nn.RNN])
@pytest.mark.parametrize("rows", [1, 4, STEPS, 40])
def test_no_step_is_lost_where_time_comes_first(kind: Any, rows: int) -> None:
    inputs = torch.randn(STEPS, rows, FEATURES)
    found = examine(TimeFirst(kind(FEATURES, 4)), inputs, scope=QUICK)
    assert (found.rows, found.steps) == (min(rows, 8), STEPS)
    assert any("rows were looked at" in note.en for note in found.notes) == (rows > 8)


@pytest.mark.parametrize(
    ("model", "batch"),
    [
        (lambda: Transposing(nn.LSTM(FEATURES, 4)), ROWS_FIRST),
        (lambda: RowsFirst(nn.LSTM(FEATURES, 4, batch_first=True)), ROWS_FIRST),
        (lambda: RowsFirst(Recurrent(GRUCell(FEATURES, 4))), ROWS_FIRST),
        (lambda: RowsFirst(Stack([Recurrent(LSTMCell(FEATURES, 5)), Recurrent(GRUCell(5, 4))])), ROWS_FIRST),
        (lambda: RowsFirst(Bidirectional(GRUCell(FEATURES, 2), ElmanCell(FEATURES, 2))), ROWS_FIRST),
        (lambda: WithState(nn.GRU(FEATURES, 4)), (TIME_FIRST, torch.randn(1, ROWS, 4), 0.5)),
        (lambda: WithState(nn.GRU(FEATURES, 4)), {"x": TIME_FIRST, "scale": 1.0, "state": torch.zeros(1, ROWS, 4)}),
        (lambda: WithState(nn.GRU(FEATURES, 4)), UserDict(x=TIME_FIRST, scale=1.0, state=torch.zeros(1, ROWS, 4))),
        (lambda: WithLengths(), (ROWS_FIRST, torch.arange(STEPS - ROWS + 1, STEPS + 1))),
        (lambda: nn.LSTM(FEATURES, 4), TIME_FIRST),
        (lambda: nurt.nn.LSTM(FEATURES, 4, bidirectional=True), TIME_FIRST),
    ],
)
def test_rows_are_cut_and_steps_never(model: Any, batch: Any) -> None:
    found = examine(model(), batch, scope=QUICK)
    assert (found.rows, found.steps) == (8, STEPS)
    assert f"The first 8 of {ROWS} rows were looked at." in [note.en for note in found.notes]


@pytest.mark.parametrize("loss", [None, lambda said: said.square().mean() / 2])
def test_time_first_and_rows_first_find_the_same(loss: Any) -> None:
    first = TimeFirst(nn.LSTM(FEATURES, 4))
    second = RowsFirst(nn.LSTM(FEATURES, 4, batch_first=True))
    second.load_state_dict(first.state_dict())
    one, two = (examine(model, batch, loss) for model, batch in ((first, TIME_FIRST), (second, ROWS_FIRST)))
    assert one.loss == pytest.approx(two.loss)
    assert one.rows == two.rows == 8
    assert one.top.gradient.norms.median == pytest.approx(two.top.gradient.norms.median, rel=1e-4)
    assert one.top.gates.gates["forget"].mean == pytest.approx(two.top.gates.gates["forget"].mean, rel=1e-4)


def test_the_first_rows_are_those_of_a_batch_of_them_alone() -> None:
    layer = nurt.nn.LSTM(FEATURES, 4, batch_first=True).double()
    seen = []
    for rows in (ROWS, 5):
        with record(layer) as one:
            layer(ROWS_FIRST[:rows].double())[0][:, -1].square().sum().backward()
        seen.append(one.layer())
    (whole, few), cut = seen, first_rows(seen, 5)[0][0]
    for name in ("lengths", "hidden", "cell", "direct", "total", "total_cell", "inputs", "within"):
        torch.testing.assert_close(getattr(cut, name), getattr(few, name), rtol=1e-12, atol=1e-12)
    for name, values in few.gates.items():
        torch.testing.assert_close(cut.gates[name], values, rtol=1e-12, atol=1e-12)
    assert whole.hidden.shape[0] == ROWS


def test_unbatched_input_is_one_row() -> None:
    for layer in (nn.LSTM(FEATURES, 4), nurt.nn.GRU(FEATURES, 4)):
        found = examine(layer, TIME_FIRST[:, 0], scope=QUICK)
        assert (found.rows, found.steps, found.notes) == (1, STEPS, ())
        # The loss is that of the last step.
        assert found.whole is not None


def test_packed_sequences_and_lengths() -> None:
    lengths = torch.tensor([STEPS, 4, 9])
    packed = pack_padded_sequence(ROWS_FIRST[:3], lengths, batch_first=True, enforce_sorted=False)
    found = examine(nn.GRU(FEATURES, 4), packed, lambda said: said[0].data.square().mean(), scope=QUICK)
    assert (found.rows, found.steps) == (3, STEPS)


def test_of_rows_of_different_lengths_the_loss_is_at_the_last_step_of_each() -> None:
    layer, lengths = Recurrent(GRUCell(FEATURES, 4)), torch.tensor([STEPS, 4, 0])
    found = examine(layer, (ROWS_FIRST[:3], None, lengths), scope=QUICK)
    outputs, state = layer(ROWS_FIRST[:3], None, lengths)
    assert found.loss == pytest.approx(float(state.hidden[:2].square().mean().detach() / 2))
    assert outputs[1, -1].abs().sum() == 0


class Sequences(nn.Module):
    """Returns all outputs and the state, as the recurrent layers do."""

    def __init__(self, layer: nn.Module, transposed: bool) -> None:
        super().__init__()
        self.layer, self.transposed = layer, transposed

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        outputs, state = self.layer(x.transpose(0, 1) if self.transposed else x)
        return outputs.transpose(0, 1) if self.transposed else outputs, state


def test_the_last_step_of_returned_sequences_is_found_in_either_layout() -> None:
    layer = nn.GRU(FEATURES, 4)
    for model, batch in ((Sequences(layer, False), TIME_FIRST), (Sequences(layer, True), ROWS_FIRST)):
        found = examine(model, batch, scope=QUICK)
        assert found.loss == pytest.approx(float(layer(TIME_FIRST)[0][-1].square().mean().detach() / 2))
        assert found.whole is not None
    square = torch.randn(6, 6, FEATURES)
    with pytest.raises(NurtValueError, match="cannot be told apart"):
        examine(Sequences(layer, True), square)
    # A loss ends the doubt, and so does a layer with rows first.
    examine(Sequences(layer, True), square, lambda said: said[0][:, -1].square().mean())
    batch_first = Sequences(nn.GRU(FEATURES, 4, batch_first=True), False)
    assert examine(batch_first, square, scope=QUICK).whole is not None


Y = torch.randn(ROWS, 1)
MODEL = TimeFirst(nn.LSTM(FEATURES, 4))


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        ([TIME_FIRST, Y], ["a list of 2", "lambda said: loss(said, y)", "goes into a tuple"]),
        ((TIME_FIRST, Y), ["forward(x: ", "a tensor (23, 11, 3), a tensor (11, 1)", "lambda said: loss(said, y)"]),
        ({"x": TIME_FIRST, "y": Y}, ["'y'", "forward(x: ", "x=a tensor (23, 11, 3)"]),
        ({"input": TIME_FIRST}, ["'x'", "input=a tensor"]),
        ({0: TIME_FIRST}, ["got dict", "(batch,)"]),
        (TIME_FIRST.numpy(), ["NumPy", "torch.from_numpy"]),
        ((TIME_FIRST.numpy(),), ["NumPy"]),
        (TIME_FIRST.tolist(), ["a list of 23"]),
        (DataLoader(TensorDataset(ROWS_FIRST, Y)), ["got DataLoader", "next(iter(loader))"]),
        (TensorDataset(ROWS_FIRST, Y), ["got TensorDataset", "torch.stack"]),
        (iter([TIME_FIRST]), ["this is no batch", "list_iterator"]),
        (None, ["this is no batch", "NoneType"]),
        ("a.csv", ["this is no batch", "str"]),
        ((), ["missing a required argument", "got nothing"]),
    ],
)
def test_what_is_no_batch_is_told_what_to_pass(batch: Any, words: list[str]) -> None:
    with pytest.raises(NurtTypeError) as caught:
        examine(MODEL, batch)
    for word in words:
        assert word in str(caught.value)


def test_targets_in_the_place_of_a_state_are_named() -> None:
    with pytest.raises(NurtTypeError, match="without the targets"):
        examine(nn.LSTM(FEATURES, 4), (TIME_FIRST, Y))
    with pytest.raises(ShapeError, match="without the targets"):
        examine(nn.GRU(FEATURES, 4), (TIME_FIRST, Y))


def test_a_model_that_takes_a_list_or_a_dict_gets_it_in_a_tuple() -> None:
    class Lists(TimeFirst):
        def forward(self, xs: Any) -> Tensor:
            return super().forward(torch.stack(list(xs.values() if isinstance(xs, dict) else xs), dim=1))

    rows = [torch.randn(5, FEATURES), torch.randn(5, FEATURES)]
    for batch in ((rows,), (dict(enumerate(rows)),)):
        assert examine(Lists(nn.GRU(FEATURES, 4)), batch, scope=QUICK).rows == 2


@pytest.mark.parametrize(
    ("loss", "error", "words"),
    [
        (Y, NurtTypeError, "no function"),
        (nn.MSELoss(), NurtValueError, "missing 1 required positional argument"),
        (lambda said: said[0].no_such_name, NurtValueError, "no_such_name"),
        (lambda _: 1.0, NurtValueError, "no finite number"),
        (lambda said: said.sum() * torch.inf, NurtValueError, "no finite number"),
    ],
)
def test_what_is_no_loss(loss: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        examine(MODEL, TIME_FIRST, loss)


def test_the_precision_of_the_weights_is_named() -> None:
    class Linear(TimeFirst):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(nn.functional.linear(x, torch.eye(3, dtype=self.head.weight.dtype)))

    with pytest.raises(NurtValueError, match=r"pass the inputs as x\.to\(torch\.float32\)"):
        examine(Linear(nn.GRU(FEATURES, 4)), TIME_FIRST.double())


def test_what_is_no_module() -> None:
    for model in (nn.LSTM, object(), 3):
        with pytest.raises(NurtTypeError, match="no module"):
            examine(model, TIME_FIRST)  # type: ignore[arg-type]
