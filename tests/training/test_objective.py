"""Sources of batches: every example once per epoch, in an order that follows from seed and epoch, within the budget."""

from __future__ import annotations

import itertools
import signal

import pytest
import torch
from torch import nn

from nurt.errors import DataError, NonFiniteError, NurtValueError
from nurt.training import (
    Checkpoint,
    Description,
    LengthBuckets,
    Objective,
    ReduceOnPlateau,
    ShuffledExamples,
    SourcedObjective,
    TrainingSettings,
    train,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def settings_of(**changes):
    return TrainingSettings(**{"batch_size": 16, "seed": 7, **changes})


@pytest.mark.parametrize("examples", [1, 2, 63, 500])
def test_every_epoch_visits_every_example_once(examples):
    for source in (ShuffledExamples(examples), LengthBuckets([1 + i % 5 for i in range(examples)], tokens=12)):
        numbers = torch.cat(list(source.batches(1, settings_of())))
        assert sorted(numbers.tolist()) == list(range(examples))


def buckets():
    return LengthBuckets([1 + i % 7 for i in range(63)], tokens=30)


@pytest.mark.parametrize("source", [ShuffledExamples(63), buckets()], ids=["shuffled", "buckets"])
def test_the_order_depends_on_seed_and_epoch_alone(source):
    def order(seed, epoch):
        return [batch.tolist() for batch in source.batches(epoch, settings_of(seed=seed))]

    torch.manual_seed(1)
    first = order(7, 3)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert order(7, 3) == first
    assert torch.equal(before, torch.get_rng_state())
    assert first not in [order(7, 4), order(8, 3)]
    assert source.state() == {}


@pytest.mark.parametrize(
    ("lengths", "tokens", "most"),
    [
        ([1], 1, 64),
        ([50], 3, 64),
        ([1] * 10, 4, 64),
        ([5, 5, 5, 5, 5], 1000, 64),
        ([5, 5, 5, 5, 5], 1000, 2),
        ([2, 9, 1, 3, 3, 8, 2, 40, 1, 1, 7], 16, 64),
        (list(range(1, 64)), 100, 5),
    ],
)
def test_a_bucket_holds_similar_lengths_within_its_budget(lengths, tokens, most):
    source = LengthBuckets(lengths, tokens)
    for shuffle in (True, False):
        batches = source.batches(2, settings_of(batch_size=most, shuffle=shuffle))
        spans = sorted(sorted(lengths[number] for number in batch.tolist()) for batch in batches)
        # The buckets do not overlap: cut out of all lengths in order.
        assert [length for span in spans for length in span] == sorted(lengths)
        for span in spans:
            assert len(span) == 1 or (len(span) <= most and len(span) * span[-1] <= tokens)
    found = [[lengths[number] for number in batch.tolist()] for batch in batches]
    assert found == sorted(found, key=max)
    # None could have taken the shortest of the next one.
    for one, following in itertools.pairwise(found):
        assert len(one) == most or (len(one) + 1) * following[0] > tokens


def test_the_epochs_have_the_same_shapes_in_another_order_and_mix_examples_of_equal_length():
    lengths = [1 + i % 7 for i in range(63)]
    first, second = (buckets().batches(epoch, settings_of()) for epoch in (1, 2))

    def shapes(batches):
        return [(len(batch), max(lengths[number] for number in batch.tolist())) for batch in batches]

    assert sorted(shapes(first)) == sorted(shapes(second))
    assert shapes(first) != shapes(second)
    assert {frozenset(batch.tolist()) for batch in first} != {frozenset(batch.tolist()) for batch in second}


@pytest.mark.parametrize(("lengths", "tokens", "word"), [([3, 0], 5, "lengths"), ([3], 0, "tokens")])
def test_a_bucket_of_nothing_is_refused(lengths, tokens, word):
    with pytest.raises(NurtValueError, match=f"`{word}` is out of range"):
        LengthBuckets(lengths, tokens)


class Tagger(nn.Module):
    """One layer over padded sequences and a number from the last valid step of each."""

    def __init__(self, seed=3):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer = nn.GRU(1, 5, batch_first=True)
            self.dropout, self.head = nn.Dropout(0.3), nn.Linear(5, 1)

    def forward(self, inputs, lengths):
        outputs, _ = self.layer(inputs)
        return self.head(self.dropout(outputs[torch.arange(len(inputs)), lengths - 1])).squeeze(-1)


class Sums:
    """The sums of sequences of unequal length, in buckets; ``shapes`` are those of the batches it was asked for."""

    def __init__(self, lengths, tokens=30, validation=4, before_loss=None, seed=1):
        generator = torch.Generator().manual_seed(seed)
        self.sequences = [torch.rand(length, generator=generator) for length in lengths]
        self.held_out = [torch.rand(length, generator=generator) for length in range(1, validation + 1)]
        if tokens is not None:
            self.source = LengthBuckets(lengths, tokens)
        self.examples, self.fingerprint = len(lengths), f"sums {seed}"
        self.before_loss, self.shapes, self.steps = before_loss, [], 0

    def loss(self, model, indices):
        self.steps += 1
        if self.before_loss is not None:
            self.before_loss(self.steps)
        return self._loss(model, [self.sequences[number] for number in indices.tolist()])

    def validate(self, model):
        return float(self._loss(model, self.held_out)) if self.held_out else None

    def _loss(self, model, sequences):
        padded = nn.utils.rnn.pad_sequence(sequences, batch_first=True)
        self.shapes.append(tuple(padded.shape))
        lengths = torch.tensor([len(one) for one in sequences])
        return nn.functional.mse_loss(
            model(padded.unsqueeze(2), lengths), torch.stack([one.sum() for one in sequences])
        )

    def describe(self, indices):
        return Description("sentences", f"of {len(self.sequences[int(indices[0])])} words")

    def inputs(self, indices):
        del indices


LENGTHS = [1 + (5 * i) % 11 for i in range(23)]
TRAINING = {
    "epochs": 4,
    "learning_rate": 0.02,
    "clip_norm": 0.4,
    "weight_decay": 0.01,
    "decay": ReduceOnPlateau(0.5, 1),
}


def test_sequences_in_buckets_are_learnt_with_little_padding():
    model, task = Tagger(), Sums(LENGTHS, validation=0)
    assert isinstance(task, SourcedObjective)
    record = train(model, task, settings_of(**{**TRAINING, "epochs": 30, "decay": None, "clip_norm": None}))
    assert record.history[-1].train_loss < 0.5 * record.history[0].train_loss
    epoch = task.shapes[: len(task.shapes) // 30]
    assert sum(rows for rows, _ in epoch) == len(LENGTHS)
    assert all(rows * steps <= 30 for rows, steps in epoch)
    assert sum(rows * steps for rows, steps in epoch) < 1.25 * sum(LENGTHS)


@pytest.mark.parametrize("validation", [0, 4])
@pytest.mark.parametrize(
    ("lengths", "tokens"),
    [(LENGTHS, 30), ([1] * 5, 1000), ([3], 30), ([1, 1, 60], 7), ([3], None), ([2, 1, 4], None), ([1] * 17, None)],
)
def test_a_run_interrupted_anywhere_and_resumed_ends_with_the_same_bits(tiny, tmp_path, lengths, tokens, validation):
    """Without ``tokens`` the examples are shuffled."""
    settings = settings_of(**TRAINING)
    whole, task = Tagger(), Sums(lengths, tokens, validation)
    record = train(whole, task, settings)
    for step in range(1, task.steps):

        def press(number, step=step):
            if number == step:
                signal.raise_signal(signal.SIGINT)

        checkpoint = Checkpoint(tmp_path / f"{step}.safetensors")
        broken = Sums(lengths, tokens, validation, before_loss=press)
        assert train(Tagger(), broken, settings, checkpoint=checkpoint).stopped_by == "interrupt"
        resumed, rest = Tagger(seed=99), Sums(lengths, tokens, validation)
        again = train(resumed, rest, settings, checkpoint=checkpoint, resume=True)
        assert rest.steps == task.steps - step
        assert tiny.same_bits(whole.state_dict(), resumed.state_dict())
        assert tiny.without_seconds(again) == tiny.without_seconds(record)


def test_other_buckets_are_refused_on_resume(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.safetensors")
    train(Tagger(), Sums(LENGTHS), settings_of(**TRAINING), checkpoint=checkpoint)
    with pytest.raises(DataError, match="the source of the batches"):
        train(Tagger(), Sums(LENGTHS, tokens=31), settings_of(**TRAINING), checkpoint=checkpoint, resume=True)


def test_a_source_that_does_not_fit_its_objective_is_refused():
    task = Sums(LENGTHS)
    task.source = LengthBuckets(LENGTHS[:-1], 30)
    with pytest.raises(NurtValueError, match=r"do not cover its examples.*\n.*23 examples.*22"):
        train(Tagger(), task, settings_of())


def test_a_fault_is_reported_in_the_words_of_the_task():
    task: Objective = Sums(LENGTHS)
    task.sequences[3][0] = float("nan")
    with pytest.raises(NonFiniteError, match=rf"Concerned: sentences .*3.*, of {LENGTHS[3]} words\.") as caught:
        train(Tagger(), task, settings_of())
    assert 3 in caught.value.record["sentences"]
    assert caught.value.record["sentences_total"] >= 1
