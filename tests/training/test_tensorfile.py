from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest
import safetensors.torch
import torch

from nurt.errors import NurtTypeError, NurtValueError, OutputError
from nurt.training.tensorfile import UnreadableError, read_tensor_file, write_tensor_file

DOCUMENT = {"format": "nurt-test", "format_version": 1, "words": ["zażółć", 'a "quoted" \\ one', None], "number": 0.1}
TENSORS = {
    "float64": torch.linspace(-3.0, 5.0, 7, dtype=torch.float64),
    "bfloat16": torch.tensor([[1.5, -2.0, float("nan")]], dtype=torch.bfloat16),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(3, dtype=torch.int64),
    "empty": torch.zeros(0, 4),
    "transposed": torch.arange(6.0).reshape(2, 3).T,
}


def bits(tensor):
    return tensor.dtype, tuple(tensor.shape), tensor.contiguous().reshape(-1).view(torch.uint8).tolist()


def read(path, version=1):
    return read_tensor_file(path, kind="nurt-test", version=version)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


def test_what_is_written_is_read_back_to_the_last_bit(path):
    write_tensor_file(path, TENSORS, DOCUMENT)
    tensors, document = read(path)
    assert document == DOCUMENT
    assert {name: bits(tensor) for name, tensor in tensors.items()} == {
        name: bits(tensor) for name, tensor in TENSORS.items()
    }


def test_tensors_that_share_memory_are_written_each_for_itself(path):
    base = torch.arange(6.0)
    write_tensor_file(path, {"base": base, "part": base[2:4], "spread": torch.ones(1).expand(3)}, DOCUMENT)
    tensors, _ = read(path)
    assert tensors["part"].tolist() == [2.0, 3.0]
    assert tensors["spread"].tolist() == [1.0, 1.0, 1.0]


def test_other_programs_can_read_the_tensors(path):
    write_tensor_file(path, {"a": torch.arange(3.0)}, DOCUMENT)
    assert safetensors.torch.load_file(path)["a"].tolist() == [0.0, 1.0, 2.0]


def test_a_file_without_tensors_is_a_file(path):
    write_tensor_file(path, {}, DOCUMENT)
    assert read(path) == ({}, DOCUMENT)


def test_folders_on_the_way_are_made_and_the_usual_permissions_hold(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    before = os.umask(0o027)
    try:
        write_tensor_file(path, {}, DOCUMENT)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [found.name for found in path.parent.iterdir()] == ["file"]


def test_a_link_is_followed_not_replaced(tmp_path, path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path.symlink_to(elsewhere / "real")
    write_tensor_file(path, {}, DOCUMENT)
    assert path.is_symlink()
    assert read(elsewhere / "real") == ({}, DOCUMENT)


def test_who_reads_the_former_file_while_it_is_replaced_reads_it_to_its_end(path):
    write_tensor_file(path, {"a": torch.zeros(3)}, DOCUMENT)
    former = path.read_bytes()
    with path.open("rb", buffering=0) as file:
        beginning = file.read(10)
        write_tensor_file(path, {"a": torch.ones(3)}, DOCUMENT)
        assert beginning + file.read() == former
    assert read(path)[0]["a"].tolist() == [1.0, 1.0, 1.0]


def test_a_write_that_fails_leaves_the_former_file_and_nothing_else(tmp_path, path):
    write_tensor_file(path, {"a": torch.zeros(3)}, DOCUMENT)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OutputError, match=r"Cannot write .*file\.safetensors.*\n.*unchanged"):
            write_tensor_file(path, {"a": torch.zeros(30_000)}, DOCUMENT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read(path)[0]["a"].tolist() == [0.0, 0.0, 0.0]
    assert [found.name for found in tmp_path.iterdir()] == ["file.safetensors"]


def test_a_folder_in_the_way_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="Cannot write"):
        write_tensor_file(tmp_path, {}, DOCUMENT)


@pytest.mark.parametrize("bad", [[1.0], None, torch.eye(2).to_sparse()])
def test_what_is_no_dense_tensor_is_refused_by_name(path, bad):
    with pytest.raises(NurtTypeError, match="`odd`"):
        write_tensor_file(path, {"odd": bad}, DOCUMENT)


def test_a_dtype_the_format_does_not_know_is_refused(path):
    with pytest.raises(NurtTypeError, match="complex64"):
        write_tensor_file(path, {"odd": torch.zeros(2, dtype=torch.complex64)}, DOCUMENT)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {1, 2}, object()])
def test_a_document_that_is_no_json_is_refused(path, bad):
    with pytest.raises(NurtValueError, match="JSON"):
        write_tensor_file(path, {}, {**DOCUMENT, "bad": bad})


def fault_of(path, **parts):
    with pytest.raises(UnreadableError) as caught:
        read(path, **parts)
    return caught.value.fault, caught.value.reason


def test_what_is_not_ours_is_told_from_what_is_damaged_and_what_is_newer(tmp_path, path):
    assert fault_of(path) == ("other", "does not exist")
    assert fault_of(tmp_path) == ("other", "is a folder, not a file")
    os.mkfifo(tmp_path / "pipe")
    assert fault_of(tmp_path / "pipe") == ("other", "is no regular file")
    path.write_bytes(b"")
    assert fault_of(path)[0] == "other"
    safetensors.torch.save_file({"a": torch.zeros(2)}, path, {"format": "pt"})
    assert fault_of(path) == ("other", "is no nurt-test file: it was written by another program")
    safetensors.torch.save_file({"a": torch.zeros(2)}, path)
    assert "another program" in fault_of(path)[1]
    write_tensor_file(path, {}, {**DOCUMENT, "format": "nurt-soup"})
    assert fault_of(path) == ("other", "is no nurt-test file but a nurt-soup file")
    write_tensor_file(path, {}, {**DOCUMENT, "format_version": 2})
    assert fault_of(path)[0] == "newer"
    assert "format version 2" in fault_of(path)[1]
    assert read(path, version=2)[1]["format_version"] == 2
    write_tensor_file(path, {}, {**DOCUMENT, "format_version": "1"})
    assert fault_of(path)[0] == "damaged"


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{}",
        b'"text"',
        b"[" * 5000,
        b'{"__metadata__": []}',
        b'{"__metadata__": {"nurt": 3}}',
        b'{"__metadata__": {"nurt": "{}"}}',
        b'{"__metadata__": {"nurt": "[]"}}',
        b'{"__metadata__": {"nurt": "{\\"format\\": \\"nurt-test\\", \\"format_version\\": 1}"}}',
        b'{"__metadata__": {"nurt": "\\ud800"}}',
        b'{"a": 3, "__metadata__": {"nurt": "{}"}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 0.5]}, "__metadata__": {"nurt": "{}"}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}, "__metadata__": {"nurt": "{}"}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}, "__metadata__": {"nurt": "{}"}}',
        b'{"a": {"dtype": "F32"}, "__metadata__": {"nurt": "{}"}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1000000000000]}, "__metadata__": {"nurt": "{}"}}',
        b"\xff\xfe",
    ],
)
def test_a_hostile_header_is_refused(path, header):
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    assert fault_of(path)[0] in ("other", "damaged")


def test_a_huge_announced_header_is_not_read(path):
    path.write_bytes((2**62).to_bytes(8, "little") + b"{}")
    assert fault_of(path)[0] == "other"


def test_writing_is_refused_in_words_where_permission_is_missing(monkeypatch, path):
    def refuse(self, *parts, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OutputError, match="you may not write there"):
        write_tensor_file(path, {}, DOCUMENT)
    path.touch()
    assert fault_of(path) == ("other", "cannot be read: Permission denied")
