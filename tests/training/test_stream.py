"""Training on a stream: the steps of Adam, the end of a training, resumption, and long series read piece by piece."""

from __future__ import annotations

import signal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch import nn

from nurt.errors import DataError, NurtTypeError, NurtValueError, ShapeError
from nurt.nn import LSTM, Checkpointed, GRUCell, LSTMCell, Recurrent, Stack, Truncated, unroll
from nurt.training import (
    Checkpoint,
    ClippedStep,
    CosineDecay,
    StatefulLoss,
    StepEnded,
    StreamObjective,
    TrainingSettings,
    train,
)
from nurt.training.stream import detached

FLOAT64 = torch.float64


def problem(steps=11, batch=2):
    torch.manual_seed(7)
    layer = Recurrent(GRUCell(1, 3)).double()
    inputs = torch.randn(batch, steps, 1, dtype=FLOAT64)
    return layer, inputs, torch.randn(batch, steps, 3, dtype=FLOAT64)


def summed(outputs, targets):
    return (outputs - targets).square().sum()


@settings(deadline=None, max_examples=25)
@given(steps=st.integers(1, 14), stride=st.integers(1, 4), windows=st.integers(1, 3))
def test_with_weights_that_stand_still_the_losses_and_gradients_add_up_to_those_of_one_truncated_call(
    steps, stride, windows
):
    layer, inputs, targets = problem(steps)
    method, weights = Truncated(stride * windows, stride), list(layer.parameters())
    next_loss = StatefulLoss(layer, inputs, targets, summed, method)
    losses = [next_loss() for _ in range(next_loss.updates_per_pass)]
    assert next_loss.position == 0
    whole = summed(layer(inputs, gradient=method)[0], targets)
    assert_agree(torch.stack(losses).sum(), whole, OUTPUTS[FLOAT64], "loss")
    found, expected = (torch.autograd.grad(loss, weights) for loss in (sum(losses), whole))
    for mine, wanted in zip(found, expected, strict=True):
        assert_agree(mine, wanted, GRADIENTS[FLOAT64], "gradient")


def test_the_state_is_carried_on_with_the_weights_that_made_it_and_chunks_follow_each_other():
    layer, inputs, targets = problem(10)
    twin = Recurrent(GRUCell(1, 3)).double()
    twin.load_state_dict(layer.state_dict())
    next_loss = StatefulLoss(layer, inputs, targets, summed, Truncated(4))
    mine, theirs = (torch.optim.SGD(one.parameters(), lr=0.01) for one in (layer, twin))
    state = None
    for first in (0, 4, 8):
        assert next_loss.position == first
        mine.zero_grad()
        next_loss().backward()
        mine.step()
        theirs.zero_grad()
        outputs, state = twin(inputs[:, first : first + 4], state)
        state = type(state)(*(field.detach() for field in state))
        summed(outputs, targets[:, first : first + 4]).backward()
        theirs.step()
    for one, other in zip(layer.parameters(), twin.parameters(), strict=True):
        assert_agree(one, other, GRADIENTS[FLOAT64], "weights")


def test_after_the_last_step_the_series_begin_again_from_the_initial_state():
    layer, inputs, targets = problem(5)
    next_loss = StatefulLoss(layer, inputs, targets, summed, Truncated(3))
    first, _, again = (next_loss().item() for _ in range(3))
    assert first == again
    next_loss()
    next_loss()
    next_loss.rewind()
    assert next_loss().item() == first


def test_memory_mapped_series_are_read_a_window_at_a_time(tmp_path):
    layer, inputs, targets = problem(9)
    np.save(tmp_path / "inputs.npy", inputs.numpy())
    mapped = np.load(tmp_path / "inputs.npy", mmap_mode="r")
    read = []

    class Watched(nn.Module):
        def forward(self, given, state):
            read.append(given.shape[1])
            return layer(given, state)

    losses = [StatefulLoss(Watched(), series, targets, summed, Truncated(4, 2))().item() for series in (mapped, inputs)]
    assert losses[0] == losses[1]
    assert max(read) <= 4


@pytest.mark.parametrize(
    "layer",
    [LSTM(1, 3, num_layers=2, batch_first=True), Stack([Recurrent(LSTMCell(1, 3)), Recurrent(GRUCell(3, 3))])],
    ids=["drop-in", "stack"],
)
def test_states_of_every_layout_are_carried(layer):
    _, inputs, targets = problem(8)
    inputs, targets = inputs.float(), targets.float()
    next_loss = StatefulLoss(layer, inputs, targets, summed, Truncated(2))
    losses = torch.stack([next_loss() for _ in range(4)])
    assert_agree(losses.sum(), summed(layer(inputs)[0], targets), OUTPUTS[torch.float32], "loss")


def test_a_network_learns_an_echo_that_its_windows_link_and_not_one_they_do_not():
    generator = torch.Generator().manual_seed(0)
    bits = torch.randint(0, 2, (16, 1200), generator=generator).float()
    shares = {}
    for delay in (2, 6):
        torch.manual_seed(1)
        cell, readout = GRUCell(1, 16), nn.Linear(16, 1)

        def model(inputs, state, cell=cell, readout=readout):
            outputs, state = unroll(cell, inputs, state)
            return readout(outputs).squeeze(2), state

        late = torch.zeros_like(bits)
        late[:, delay:] = bits[:, :-delay]
        right = []

        def loss(odds, wanted, right=right):
            right.append(float(((odds > 0) == (wanted > 0.5)).float().mean()))
            return nn.functional.binary_cross_entropy_with_logits(odds, wanted)

        next_loss = StatefulLoss(model, bits.unsqueeze(2), late, loss, Truncated(4))
        optimizer = torch.optim.Adam([*cell.parameters(), *readout.parameters()], lr=0.01)
        for _ in range(next_loss.updates_per_pass):
            optimizer.zero_grad()
            next_loss().backward()
            optimizer.step()
        shares[delay] = sum(right[-30:]) / 30
    assert shares[2] > 0.95
    assert shares[6] < 0.65


def test_what_does_not_fit_is_refused():
    layer, inputs, targets = problem(5)
    with pytest.raises(NurtTypeError, match="says nothing of windows"):
        StatefulLoss(layer, inputs, targets, summed, Checkpointed(every=2))
    for wrong in (targets[:, :4], targets[:1], targets[0, 0]):
        with pytest.raises(ShapeError, match="do not belong together"):
            StatefulLoss(layer, inputs, wrong, summed, Truncated(2))
    with pytest.raises(ShapeError, match="do not belong together"):
        StatefulLoss(layer, inputs[:, :0], targets[:, :0], summed, Truncated(2))


def test_a_detached_state_keeps_its_kind_and_values():
    state = LSTMCell(1, 2).initial_state(1)
    nested = (type(state)(*(field.requires_grad_() * 2 for field in state)), None, [torch.ones(1)])
    cut = detached(nested)
    assert type(cut[0]) is type(state)
    assert not cut[0].cell.requires_grad
    assert cut[1] is None
    assert torch.equal(cut[2][0], torch.ones(1))


class Steeper:
    """Fresh batches of a linear problem, steeper and steeper."""

    def __init__(self, model):
        self.model, self.generator, self.drawn = model, torch.Generator().manual_seed(3), 0

    def __call__(self):
        self.drawn += 1
        inputs = torch.randn(5, 3, generator=self.generator)
        return self.drawn * (self.model(inputs) - inputs.sum(dim=1, keepdim=True)).square().mean()


def linear():
    model = nn.Linear(3, 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.9, 1.2, 0.8]]))
        model.bias.zero_()
    return model


def once(**changes):
    return TrainingSettings(**{"epochs": 1, "learning_rate": 0.005, **changes})


def test_an_update_is_a_clipped_gradient_and_a_step_of_adam():
    model, twin = linear(), linear()
    seen: list[StepEnded] = []

    def listen(event):
        if isinstance(event, StepEnded):
            seen.append(event)

    record = train(model, StreamObjective(Steeper(model), 25), once(learning_rate=0.01, clip_norm=0.7), listener=listen)
    optimizer, stream = torch.optim.Adam(twin.parameters(), lr=0.01), Steeper(twin)
    losses, norms = [], []
    for _ in range(25):
        optimizer.zero_grad()
        loss = stream()
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(twin.parameters(), 0.7)))
        losses.append(float(loss.detach()))
        optimizer.step()
    np.testing.assert_allclose([event.loss for event in seen], losses, rtol=1e-4)
    steps = [event.clipping for event in seen if isinstance(event.clipping, ClippedStep)]
    np.testing.assert_allclose([step.norm for step in steps], norms, rtol=1e-4)
    assert 0.0 < record.clipping.clipped_share == np.mean(np.array(norms) > 0.7) < 1.0
    assert record.clipping.trace.norms == tuple(step.norm for step in steps)
    assert (record.updates, record.stopped_by, record.best_epoch) == (25, "updates", 1)
    assert [event.step for event in seen] == list(range(1, 26))
    assert not model.training


def test_a_stream_that_stops_being_finite_ends_the_training_before_the_weights_are_lost():
    model = linear()
    stream = Steeper(model)
    kept = []
    losses = []

    def next_loss():
        loss = stream()
        if stream.drawn == 4:
            kept.append(model.weight.detach().clone())
            return loss * float("nan")
        return loss

    def listen(event):
        if isinstance(event, StepEnded):
            losses.append(event.loss)

    record = train(model, StreamObjective(next_loss, 10), once(), listener=listen)
    assert (record.updates, record.stopped_by) == (3, "non-finite")
    assert torch.equal(kept[0], model.weight)
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    assert (record.clipping.nan, record.clipping.first_bad, record.clipping.first_bad_parameter) == (1, 4, "weight")


def test_an_interrupt_ends_after_the_current_update():
    model = linear()
    seen = []

    def listen(event):
        if isinstance(event, StepEnded):
            seen.append(event.step)
            if event.step == 7:
                signal.raise_signal(signal.SIGINT)

    record = train(model, StreamObjective(Steeper(model), 50), once(), listener=listen)
    assert (record.updates, record.stopped_by) == (7, "interrupt")
    assert seen == list(range(1, 8))
    last = train(model, StreamObjective(Steeper(model), 7), once(), listener=listen)
    assert (last.updates, last.stopped_by) == (7, "interrupt")


def test_a_stream_without_updates_is_refused():
    with pytest.raises(NurtValueError, match="updates"):
        StreamObjective(lambda: torch.zeros(()), 0)


@pytest.mark.parametrize("validated", [False, True])
def test_without_a_validation_part_the_last_weights_stay_and_with_one_the_best(validated):
    model, drawn, weights = linear(), [], []

    def next_loss():
        # The loss on ever harder examples grows although the weights follow their gradient.
        drawn.append(1)
        return len(drawn) - model.weight.sum()

    def validate():
        return [3.0, 1.0, 2.0, 4.0][len(drawn) // 2]

    def listen(event):
        if isinstance(event, StepEnded):
            weights.append(model.weight.detach().clone())

    stream = StreamObjective(next_loss, 2, validate=validate if validated else None)
    record = train(model, stream, once(epochs=3, decay=CosineDecay()), listener=listen)
    assert [entry.learning_rate for entry in record.history[-3:]] == pytest.approx([5e-3, 3.75e-3, 1.25e-3])
    assert [entry.train_loss for entry in record.history[-3:]] == sorted(e.train_loss for e in record.history[-3:])
    assert (record.updates, record.best_epoch) == (6, 1 if validated else 3)
    assert torch.equal(model.weight, weights[1 if validated else 5])


class Echo(nn.Module):
    """A recurrent layer with dropout and a read-out at every step."""

    def __init__(self, seed=1, layer=None):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer = Recurrent(GRUCell(1, 4)) if layer is None else layer()
            self.dropout, self.readout = nn.Dropout(0.3), nn.Linear(4, 1)

    def forward(self, inputs, state):
        outputs, state = self.layer(inputs, state)
        return self.readout(self.dropout(outputs)), state


def fresh(generator):
    """Return a stream of fresh batches for a model, drawn from a generator of a library."""

    def made(model, before_loss, updates):
        def next_loss():
            before_loss()
            if isinstance(generator(), torch.Generator):
                inputs = torch.randn(3, 5, 1, generator=own)
            else:
                inputs = torch.from_numpy(own.standard_normal((3, 5, 1))).float()
            return nn.functional.mse_loss(model(inputs, None)[0], inputs.cumsum(1))

        own = generator()
        return StreamObjective(next_loss, updates, generator=own)

    return made


def carried(method, steps=11):
    """Return a stream that reads long series piece by piece."""

    def made(model, before_loss, updates):
        inputs = torch.randn(2, steps, 1, generator=torch.Generator().manual_seed(5))

        def loss(outputs, targets):
            before_loss()
            return nn.functional.mse_loss(outputs, targets)

        return StreamObjective(StatefulLoss(model, inputs, inputs.cumsum(1), loss, method), updates)

    return made


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    ("made", "layer"),
    [
        (fresh(lambda: torch.Generator().manual_seed(3)), None),
        (fresh(lambda: np.random.default_rng(3)), None),
        (fresh(lambda: np.random.RandomState(3)), None),
        (fresh(lambda: np.random.Generator(np.random.MT19937(3))), None),
        (carried(Truncated(3)), None),
        (carried(Truncated(4, 2)), lambda: LSTM(1, 4, num_layers=2, batch_first=True)),
        (carried(Truncated(4, 2)), lambda: Stack([Recurrent(LSTMCell(1, 3)), Recurrent(GRUCell(3, 4))])),
        (carried(Truncated(50)), None),
        (carried(Truncated(1), steps=1), None),
    ],
    ids=["torch", "numpy", "legacy", "MT19937", "chunks", "windows-lstm", "windows-stack", "one-chunk", "one-step"],
)
@pytest.mark.parametrize(("epochs", "updates"), [(1, 5), (2, 3)])
def test_a_stream_interrupted_at_any_update_and_resumed_ends_with_the_same_bits(
    tiny, tmp_path, made, layer, epochs, updates
):
    settings = once(epochs=epochs, learning_rate=0.02, clip_norm=0.4, weight_decay=0.01, decay=CosineDecay())
    whole = Echo(layer=layer)
    record = train(whole, made(whole, lambda: None, updates), settings)
    for update in range(1, epochs * updates + 1):
        drawn = []

        def press(update=update, drawn=drawn):
            drawn.append(1)
            if len(drawn) == update:
                signal.raise_signal(signal.SIGINT)

        checkpoint = Checkpoint(tmp_path / f"{update}.safetensors")
        broken, resumed = Echo(layer=layer), Echo(seed=99, layer=layer)
        assert train(broken, made(broken, press, updates), settings, checkpoint=checkpoint).stopped_by == "interrupt"
        torch.manual_seed(update)
        rest = []
        stream = made(resumed, lambda rest=rest: rest.append(1), updates)
        again = train(resumed, stream, settings, checkpoint=checkpoint, resume=True)
        assert len(rest) == epochs * updates - update
        assert tiny.same_bits(whole.state_dict(), resumed.state_dict())
        assert tiny.without_seconds(again) == tiny.without_seconds(record)


def test_another_stream_is_refused_on_resume(tmp_path):
    checkpoint, model = Checkpoint(tmp_path / "run.safetensors"), Echo()
    train(model, carried(Truncated(3))(model, lambda: None, 3), once(), checkpoint=checkpoint)
    for other in (carried(Truncated(4)), carried(Truncated(3), steps=12), fresh(lambda: np.random.default_rng(3))):
        with pytest.raises(DataError, match="the data or the loss"):
            train(model, other(model, lambda: None, 3), once(), checkpoint=checkpoint, resume=True)
