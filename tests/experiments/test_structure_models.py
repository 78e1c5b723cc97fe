"""The modules of the structures: the decoder starts from the encoder's last state and reads its own outputs."""

from __future__ import annotations

import pytest
import torch

from nurt.experiments.structure_models import build


@pytest.mark.parametrize("kind", ["one-to-many", "encoder-decoder"])
def test_a_writer_reads_its_own_outputs(kind: str) -> None:
    torch.manual_seed(0)
    model = build(kind, 3, 4, 5).double()
    inputs = torch.randn(2, 1 if kind == "one-to-many" else 6, 3, dtype=torch.float64)
    _, outputs = model(inputs)
    writer, state, read = model, None, inputs
    if kind == "encoder-decoder":
        _, state = model.encoder(inputs)
        writer, read = model.decoder, torch.zeros(2, 1, 3, dtype=torch.float64)
    for step in range(5):
        after, state = writer.layer(read, state)
        read = writer.readout(after)
        torch.testing.assert_close(outputs[:, step : step + 1], read, rtol=0, atol=0)


def test_a_reader_gives_what_a_tagger_gives_last() -> None:
    torch.manual_seed(0)
    reader, tagger = build("many-to-one", 3, 4, 1).double(), build("synchronous", 3, 4, 1).double()
    tagger.load_state_dict(reader.state_dict())
    inputs = torch.randn(2, 6, 3, dtype=torch.float64)
    # The readouts see one step and six: torch's product may sum in another order then.
    torch.testing.assert_close(reader(inputs)[1], tagger(inputs)[1][:, -1:], rtol=0, atol=1e-14)
