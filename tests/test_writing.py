"""Files are written whole or not at all, and a refusal says why."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
from pathlib import Path

import pytest

from nurt.errors import OutputError
from nurt.writing import locked_folder, remove_stale_parts, write_whole


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


def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, "zażółć\n")
        assert os.read(reader, 100) == "zażółć\n".encode()
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert [one.name for one in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_device_is_written_into_and_stays_a_device(tmp_path: Path, through_a_link: bool) -> None:
    # A terminal of our own stands for /dev/null, which a fault here would replace for everybody.
    master, slave = os.openpty()
    device = Path(os.ttyname(slave))
    path = tmp_path / "link" if through_a_link else device
    if through_a_link:
        path.symlink_to(device)
    try:
        write_whole(path, "seen")
        assert os.read(master, 100) == b"seen"
        assert device.is_char_device()
    finally:
        os.close(master)
        os.close(slave)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("out")
        with pytest.raises(OutputError, match="in the way"):
            write_whole("out", "x")
        assert Path("out").is_socket()


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


def test_a_part_taken_away_before_it_is_in_place_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush, taken = os.fsync, []

    def clean(descriptor: int) -> None:
        flush(descriptor)
        if not taken:
            taken.extend(tmp_path.glob(".*.part"))
            taken[0].unlink()

    monkeypatch.setattr(os, "fsync", clean)
    write_whole(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


def test_stale_parts_are_removed_and_nothing_else(tmp_path: Path) -> None:
    names = [".0123456789abcdef.part", ".fedcba9876543210.part", ".mine.part", "0123456789abcdef.part", "x.part"]
    for name in names:
        (tmp_path / name).write_text("half")
    with (tmp_path / names[1]).open("rb") as busy:
        fcntl.flock(busy.fileno(), fcntl.LOCK_EX)
        remove_stale_parts(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(names[1:])


def test_what_a_file_holds_half_of_a_pair_is_written_as_in_python(tmp_path: Path) -> None:
    write_whole(tmp_path / "x", "a\ud800b")
    assert (tmp_path / "x").read_text() == "a\\ud800b"


def test_a_locked_folder_is_refused_to_others_and_free_afterwards(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with locked_folder(out):
        with (
            pytest.raises(OutputError, match=rf"process {os.getpid()}\) is writing into .*out.*\n.*--out"),
            locked_folder(out),
        ):
            pass
        assert [one.name for one in out.iterdir()] == [".nurt-lock"]
    assert list(out.iterdir()) == []
    with locked_folder(out), locked_folder(tmp_path / "other"):
        pass


def test_the_lock_of_a_killed_program_does_not_hold(tmp_path: Path) -> None:
    ready, wait = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(wait[1])
        with locked_folder(tmp_path):
            os.write(ready[1], b"x")
            os.read(wait[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    with pytest.raises(OutputError, match=f"process {child}"), locked_folder(tmp_path):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert (tmp_path / ".nurt-lock").exists()
    with locked_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
    for end in (*ready, *wait):
        os.close(end)


def test_where_there_are_no_locks_nobody_is_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with locked_folder(tmp_path):
        write_whole(tmp_path / "x", "x")
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("way", ["file", "above"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, way: str) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" if way == "file" else tmp_path / "file" / "out"
    with pytest.raises(OutputError, match="cannot be written to"), locked_folder(out):
        pass
