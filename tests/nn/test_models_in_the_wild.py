"""Models as people write them with torch's layers, swapped, train to the losses of their unswapped twins."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import nurt.nn

# Relative, in float64, after the steps of training below; a mistake in a gradient shows from the second loss on.
WITHIN = 1e-9
STEPS = 6


class CRNN(nn.Module):
    """Text in pictures: convolutions, two BiLSTM layers over the columns, CTC."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d((2, 1)), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU()
        )
        self.rnn = nn.LSTM(6 * 4, 7, 2, bidirectional=True, dropout=0.2)
        self.head = nn.Linear(14, 5)
        self.pictures = torch.randn(3, 1, 8, 12)
        self.labels = torch.randint(1, 5, (3, 4))

    def loss(self, _):
        maps = self.convolutions(self.pictures)
        columns = maps.permute(3, 0, 1, 2).flatten(2)
        logits = self.head(self.rnn(columns)[0]).log_softmax(2)
        return F.ctc_loss(logits, self.labels, torch.full((3,), 12), torch.tensor([4, 2, 3]))


class Seq2Seq(nn.Module):
    """Translation: a packed bidirectional GRU reads, a GRU cell with additive attention writes, the teacher forces."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.embed_out = nn.Embedding(9, 5, padding_idx=0), nn.Embedding(8, 5)
        self.encoder = nn.GRU(5, 6, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(12, 6)
        self.decoder = nn.GRUCell(5 + 12, 6)
        self.query, self.key, self.score = nn.Linear(6, 4), nn.Linear(12, 4), nn.Linear(4, 1)
        self.head = nn.Linear(6, 8)
        self.source, self.lengths = torch.randint(1, 9, (3, 7)), torch.tensor([4, 7, 2])
        self.target = torch.randint(0, 8, (3, 5))

    def loss(self, _):
        packed = pack_padded_sequence(self.embed(self.source), self.lengths, batch_first=True, enforce_sorted=False)
        read, last = self.encoder(packed)
        memory, _ = pad_packed_sequence(read, batch_first=True)
        absent = torch.arange(7) >= self.lengths[:, None]
        hidden = torch.tanh(self.bridge(torch.cat([last[0], last[1]], 1)))
        total = 0.0
        for t in range(4):
            energy = self.score(torch.tanh(self.query(hidden)[:, None] + self.key(memory))).squeeze(2)
            weights = energy.masked_fill(absent, -torch.inf).softmax(1)
            context = (weights[:, :, None] * memory).sum(1)
            hidden = self.decoder(torch.cat([self.embed_out(self.target[:, t]), context], 1), hidden)
            total = total + F.cross_entropy(self.head(hidden), self.target[:, t + 1])
        return total


class CharRNN(nn.Module):
    """Characters: a long text in chunks, the state kept and detached between them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.rnn, self.head = nn.Embedding(6, 5), nn.LSTM(5, 8, 2, dropout=0.3), nn.Linear(8, 6)
        self.text = torch.randint(0, 6, (STEPS * 9 + 1, 4))
        self.state = None

    def loss(self, step):
        chunk = self.text[step * 9 : step * 9 + 10]
        if self.state is not None:
            self.state = tuple(one.detach() for one in self.state)
        outputs, self.state = self.rnn(self.embed(chunk[:-1]), self.state)
        return F.cross_entropy(self.head(outputs).flatten(0, 1), chunk[1:].flatten())


class DeepAR(nn.Module):
    """Forecasts: a loop of one's own over a stack of cells, a Gaussian at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList([nn.LSTMCell(1 + 2, 6), nn.LSTMCell(6, 6)])
        self.head = nn.Linear(6, 2)
        self.values, self.covariates = torch.randn(4, 11).cumsum(1) / 3, torch.randn(4, 10, 2)

    def loss(self, _):
        states, total = [None] * len(self.cells), 0.0
        for t in range(10):
            below = torch.cat([self.values[:, t : t + 1], self.covariates[:, t]], 1)
            for depth, cell in enumerate(self.cells):
                states[depth] = cell(below, states[depth])
                below = F.dropout(states[depth][0], 0.1, self.training)
            mean, scale = self.head(below).unbind(1)
            total = total + F.gaussian_nll_loss(mean, self.values[:, t + 1], F.softplus(scale) + 1e-2)
        return total / 10


class BiLSTMCRF(nn.Module):
    """Tags: a BiLSTM scores them, a chain of transitions with the forward algorithm judges the sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 5)
        self.rnn = nn.LSTM(5, 4, batch_first=True, bidirectional=True)
        self.scores, self.transitions = nn.Linear(8, 3), nn.Parameter(torch.randn(3, 3))
        self.words, self.tags = torch.randint(0, 10, (3, 6)), torch.randint(0, 3, (3, 6))
        self.lengths = [6, 4, 1]

    def loss(self, _):
        packed = pack_padded_sequence(self.embed(self.words), self.lengths, batch_first=True)
        outputs, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        total = 0.0
        for scores, tags, length in zip(self.scores(outputs), self.tags, self.lengths, strict=True):
            alpha, gold = scores[0], scores[0, tags[0]]
            for t in range(1, length):
                alpha = torch.logsumexp(alpha[:, None] + self.transitions, 0) + scores[t]
                gold = gold + self.transitions[tags[t - 1], tags[t]] + scores[t, tags[t]]
            total = total + torch.logsumexp(alpha, 0) - gold
        return total


class WeightDrop(nn.Module):
    """AWD: the recurrent weights of the layer within are dropped anew in every call."""

    def __init__(self, module, p) -> None:
        super().__init__()
        self.module, self.p = module, p
        raw = module.weight_hh_l0
        del module._parameters["weight_hh_l0"]
        self.weight_hh_l0_raw = nn.Parameter(raw.detach().clone())
        module.weight_hh_l0 = raw.detach().clone()
        # As in the libraries that have it: the layer must not gather its weights.
        module.flatten_parameters = lambda: None

    def forward(self, *arguments):
        self.module.weight_hh_l0 = F.dropout(self.weight_hh_l0_raw, self.p, self.training)
        return self.module(*arguments)


class AWD(nn.Module):
    """Language: three LSTM layers, one by one, weights dropped, embedding and head tied."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 5)
        sizes = [5, 8, 8, 5]
        self.rnns = nn.ModuleList([WeightDrop(nn.LSTM(sizes[d], sizes[d + 1]), 0.3) for d in range(3)])
        self.head = nn.Linear(5, 7)
        self.head.weight = self.embed.weight
        self.text = torch.randint(0, 7, (10, 3))

    def loss(self, _):
        below = self.embed(self.text[:-1])
        for rnn in self.rnns:
            below = F.dropout(rnn(below)[0], 0.1, self.training)
        return F.cross_entropy(self.head(below).flatten(0, 1), self.text[1:].flatten())


MODELS = {
    CRNN: ["rnn"],
    Seq2Seq: ["encoder", "decoder"],
    CharRNN: ["rnn"],
    DeepAR: ["cells.0", "cells.1"],
    BiLSTMCRF: ["rnn"],
    AWD: ["rnns.0.module", "rnns.1.module", "rnns.2.module"],
}


def trained(model, optimizer):
    """Return the losses of a few steps, with dropout at work and gradients clipped."""
    losses = []
    torch.manual_seed(3)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = model.loss(step)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("kind", MODELS)
def test_a_swapped_model_trains_to_the_losses_of_its_twin(kind):
    torch.manual_seed(1)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        twin = kind()
        model = copy.deepcopy(twin)
        # Made before the swap: it goes on with the very parameters.
        optimizer = torch.optim.Adam(model.parameters(), 0.02)
        report = nurt.nn.swap(model)
        assert report == MODELS[kind]
        assert report.passed_over == {}
        assert list(model.state_dict()) == list(twin.state_dict())
        expected = trained(twin, torch.optim.Adam(twin.parameters(), 0.02))
        assert trained(model, optimizer) == pytest.approx(expected, rel=WITHIN)
        # It learns at all, and the recurrent weights with it.
        assert expected[-1] != pytest.approx(expected[0], rel=1e-3)
        assert nurt.nn.swap_back(model) == MODELS[kind]
        model.eval(), twin.eval()
        assert model.loss(0).item() == pytest.approx(twin.loss(0).item(), rel=WITHIN)
    finally:
        torch.set_default_dtype(before)
