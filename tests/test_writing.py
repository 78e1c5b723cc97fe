"""Files are written whole or not at all, and a refusal says why."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from nurt.errors import OutputError
from nurt.writing import write_whole


def test_the_text_is_written_in_utf8_and_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.html"
    write_whole(path, "zażółć\n")
    assert path.read_bytes() == "zażółć\n".encode()
    assert [one.name for one in path.parent.iterdir()] == ["b.html"]


def test_the_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the disk is full") as caught:
        write_whole(path, "new")
    assert str(path) in str(caught.value)
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="out"):
        write_whole(tmp_path / "out" / "report.html", "x")


def test_a_folder_where_the_file_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OutputError, match="a folder of that name is in the way"):
        write_whole(tmp_path / "report.html", "x")
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_a_reason_we_do_not_know_is_told_in_the_words_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OutputError, match="Input/output error"):
        write_whole(tmp_path / "x", "x")
