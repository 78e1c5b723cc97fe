from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from nurt.errors import ModelFileError, NurtTypeError, NurtValueError, OutputError
from nurt.tasks.modelfile import FORMAT_VERSION, ModelMetadata, load_model, load_weights, save_model
from nurt.training.tensorfile import write_tensor_file

METADATA = ModelMetadata(
    kind="forecaster",
    architecture={"cell": "lstm", "hidden_size": 5, "layers": 1},
    settings={"epochs": 3, "learning_rate": 0.1, "decay": None},
    scaling={"kind": "window", "anchor": "last", "scale": 0.1 + 0.2},
    data={"target": "kurs zł", "units": ["PLN"]},
    data_fingerprint="c0ffee",
    training={"epochs": 3, "stopped_by": "epochs"},
    metrics={"mae": 1 / 3},
)
TENSORS = {
    "head.weight": torch.linspace(-1.0, 1.0, 15).reshape(3, 5),
    "head.bias": torch.tensor([0.5, float("nan"), -3.0]),
}


def same(loaded):
    tensors, metadata = loaded
    return metadata == METADATA and {name: tensor.numpy().tobytes() for name, tensor in tensors.items()} == {
        name: tensor.numpy().tobytes() for name, tensor in TENSORS.items()
    }


@pytest.fixture
def path(tmp_path):
    save_model(tmp_path / "model.safetensors", TENSORS, METADATA)
    return tmp_path / "model.safetensors"


@pytest.fixture(scope="module")
def sound_content(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "model.safetensors"
    save_model(path, TENSORS, METADATA)
    return path.read_bytes()


def test_what_is_saved_is_loaded_to_the_last_bit(path):
    assert same(load_model(path))
    assert same(load_model(str(path)))
    assert load_model(path)[1].metrics["mae"] == 1 / 3


def test_a_model_file_says_who_wrote_it_and_in_which_format(path):
    _, metadata = load_model(path)
    assert (metadata.format, metadata.format_version, metadata.kind) == ("nurt-model", FORMAT_VERSION, "forecaster")
    assert metadata.nurt_version[0].isdigit()


def test_a_model_file_is_a_plain_safetensors_file_with_json_in_its_header(path):
    assert torch.equal(safetensors.torch.load_file(path)["head.weight"], TENSORS["head.weight"])
    with safetensors.safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["nurt"])["data"]["target"] == "kurs zł"


def test_saving_replaces_a_model_as_a_whole(path):
    save_model(path, {"other": torch.zeros(2)}, METADATA)
    assert list(load_model(path)[0]) == ["other"]
    assert [found.name for found in path.parent.iterdir()] == ["model.safetensors"]


def test_loading_imports_nothing_that_the_file_names(path, tmp_path):
    """A model can be loaded in a process where unpickling and evaluation of code are forbidden."""
    program = (
        "import pickle, sys, torch\n"
        "from nurt.tasks.modelfile import load_model\n"
        "import safetensors.torch, numpy, json\n"
        "loading = []\n"
        "def watch(event, arguments):\n"
        "    if loading and event in ('exec', 'compile', 'import', 'pickle.find_class', 'os.system'):\n"
        "        raise SystemExit(f'{event} {arguments}')\n"
        "load_model(sys.argv[1])\n"
        "sys.addaudithook(watch)\n"
        "loading.append(1)\n"
        "load_model(sys.argv[1])\n"
        "loading.clear()\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_metadata_that_json_cannot_hold_are_refused(tmp_path, bad):
    metadata = METADATA.model_copy(update={"metrics": {"mae": bad}})
    with pytest.raises(NurtValueError, match="JSON"):
        save_model(tmp_path / "model.safetensors", TENSORS, metadata)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_kind_of_model_cannot_be_described():
    with pytest.raises(ValidationError, match="kind"):
        ModelMetadata(**{**METADATA.model_dump(), "kind": "oracle"})


def test_nothing_and_no_tensors_are_refused(tmp_path):
    with pytest.raises(NurtValueError, match="nothing to save"):
        save_model(tmp_path / "model", {}, METADATA)
    with pytest.raises(NurtTypeError, match="`odd`"):
        save_model(tmp_path / "model", {"odd": [1.0]}, METADATA)


def test_a_place_that_cannot_be_written_is_an_output_error(path):
    with pytest.raises(OutputError, match=r"Cannot write .*below"):
        save_model(path / "below", TENSORS, METADATA)


def refusal(path, **parts):
    """The refusal in words; it names the file and a cure in a line of its own."""
    with pytest.raises(ModelFileError) as caught:
        load_model(path, **parts)
    assert str(path) in str(caught.value)
    assert caught.value.cure
    return str(caught.value)


def test_a_file_that_is_absent_or_no_file_is_refused(path):
    assert "does not exist" in refusal(path.with_name("none.safetensors"))
    assert "is a folder" in refusal(path.parent)


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04" + b"x" * 500, b"a;b\n1;2\n" * 50, b"\0" * 300])
def test_garbage_is_refused(path, content):
    path.write_bytes(content)
    assert "no nurt-model file" in refusal(path)


def test_a_safetensors_file_of_another_program_is_refused(path):
    safetensors.torch.save_file(TENSORS, path)
    assert "written by another program" in refusal(path)


def test_a_checkpoint_is_told_from_a_model(path):
    write_tensor_file(path, TENSORS, {"format": "nurt-checkpoint", "format_version": 1})
    assert "no nurt-model file but a nurt-checkpoint file" in refusal(path)


def test_a_newer_file_is_refused_with_the_advice_to_update(path):
    document = {**METADATA.model_dump(mode="json"), "format_version": FORMAT_VERSION + 1, "novelty": 3}
    write_tensor_file(path, TENSORS, document)
    assert f"format version {FORMAT_VERSION + 1}" in refusal(path)
    assert "Update nurt" in refusal(path)


def test_a_model_for_something_else_is_refused(path):
    assert "Expected a model of kind 'tagger'; got 'forecaster'." in refusal(path, kind="tagger")
    write_tensor_file(path, TENSORS, {**METADATA.model_dump(mode="json"), "kind": "tagger"})
    assert "Expected a model of kind 'forecaster'; got 'tagger'." in refusal(path)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"architecture": None}, "architecture"),
        ({"metrics": [1]}, "metrics"),
        ({"data_fingerprint": 7}, "data_fingerprint"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_description_of_another_shape_is_refused_by_field(path, change, word):
    write_tensor_file(path, TENSORS, {**METADATA.model_dump(mode="json"), **change})
    assert word in refusal(path)


def test_a_missing_field_is_refused_by_name(path):
    document = METADATA.model_dump(mode="json")
    del document["scaling"]
    write_tensor_file(path, TENSORS, document)
    assert "scaling: Field required" in refusal(path)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"weight": torch.zeros(3, 5)}, "`bias` is missing"),
        ({"weight": torch.zeros(5, 3), "bias": torch.zeros(3)}, r"`weight` should be \(3, 5\) and is \(5, 3\)"),
        ({"weight": torch.zeros(3, 5), "bias": torch.zeros(3), "more": torch.zeros(1)}, "`more` has no place"),
    ],
)
def test_tensors_that_do_not_fit_the_network_are_refused_and_change_nothing(tensors, words):
    model = nn.Linear(5, 3)
    before = model.weight.clone()
    with pytest.raises(ModelFileError, match=words):
        load_weights(model, tensors, "some.safetensors")
    assert torch.equal(before, model.weight)


def test_tensors_that_fit_are_loaded():
    model = nn.Linear(5, 3)
    load_weights(model, {"weight": TENSORS["head.weight"], "bias": torch.ones(3)}, "some.safetensors")
    assert torch.equal(model.weight, TENSORS["head.weight"])


def test_a_file_cut_short_at_any_place_is_refused(path):
    content = path.read_bytes()
    header_end = 8 + int.from_bytes(content[:8], "little")
    places = {*range(20), *range(20, len(content), 37), *range(header_end - 5, header_end + 5), len(content) - 1}
    for place in sorted(places):
        path.write_bytes(content[:place])
        refusal(path)


@pytest.mark.parametrize("more", [b"\0", b"surplus" * 20])
def test_a_file_with_something_behind_its_end_is_refused(path, more):
    path.write_bytes(path.read_bytes() + more)
    assert "is damaged" in refusal(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"shape":[3,5]', b'"shape":[5,3]'), (b'"dtype":"F32"', b'"dtype":"I32"'), (b'"head.bias"', b'"heap.bias"')],
)
def test_the_same_bytes_under_another_name_shape_or_type_are_noticed(path, old, new):
    content = path.read_bytes()
    assert content.count(old) >= 1
    path.write_bytes(content.replace(old, new))
    assert "do not match their digest" in refusal(path)


def test_every_flipped_bit_among_the_weights_is_noticed(path):
    content = path.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    for place in range(begin, len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert "do not match their digest" in refusal(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bits_load_as_what_was_saved_or_are_refused(path, sound_content, data):
    content = bytearray(sound_content)
    bits = data.draw(st.lists(st.integers(0, 8 * len(content) - 1), min_size=1, max_size=4))
    for bit in bits:
        content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    try:
        loaded = load_model(path)
    except ModelFileError:
        return
    assert same(loaded)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.binary(max_size=200), rest=st.binary(max_size=40))
def test_anything_behind_a_fitting_length_is_refused(path, header, rest):
    path.write_bytes(len(header).to_bytes(8, "little") + header + rest)
    with pytest.raises(ModelFileError):
        load_model(path)
