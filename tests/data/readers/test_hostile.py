"""Files that would end, stall or fill the process: one message that blames the file, in bounded memory and time."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import signal
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from nurt.data import select
from nurt.data.readers import read
from nurt.errors import DataError, UnavailableError

Write = Callable[..., Path]
GOOD = "date,y\n2020-01-01,1.5\n2020-01-02,2.5\n"


def largest() -> int:
    """Return the most memory that this process or a child of it has taken, in KiB."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def refusal(path: Path) -> str:
    """Return the message that refuses a file: it names the file, and is no guess at an error of ours."""
    before = largest()
    with pytest.raises(DataError) as caught:
        select(read(path))
    assert largest() <= max(before, 2 << 20)
    cause = caught.value.__cause__
    assert cause is None, cause
    message = str(caught.value)
    assert path.name in message
    assert len(message) < 2000
    assert message.replace("\n", "").isprintable()
    return message


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    assert "this is a pipe, not a file" in refusal(path)


def test_a_file_that_gives_no_data_is_not_waited_for() -> None:
    log = Path("/proc/kmsg")
    if not os.access(log, os.R_OK):
        pytest.skip("the log of the system cannot be read by this user")
    # Reading empties it.
    for _ in range(1000):
        if "gives no data now" in refusal(log):
            return
    pytest.fail("the log of the system does not end")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/random"])
def test_a_device_is_refused(device: str) -> None:
    assert "this is a device" in refusal(Path(device))


def test_too_little_memory_is_no_fault_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.csv"
    path.write_text(GOOD)

    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("nurt.data.readers.source.decode", no_memory)
    with pytest.raises(DataError, match="not enough memory to read this") as caught:
        read(path)
    assert "MemoryError" not in str(caught.value)


def test_a_refusal_is_told_once(tmp_path: Path) -> None:
    message = refusal(Path("/dev/zero"))
    assert "cannot be opened" not in message
    assert message.count("/dev/zero") == 1


def test_a_table_of_lists_has_no_column_to_name(tmp_path: Path) -> None:
    path = tmp_path / "nested.parquet"
    pl.DataFrame({"a": [[1, 2]] * 5}).write_parquet(path)
    message = refusal(path)
    assert "Name one" not in message
    assert "the column 'a' holds List(Int64); it was left out" in message


def test_lines_of_json_are_to_be_converted(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"y": 1}\n{"y": 2}\n')
    assert "an object per line, to CSV" in refusal(path)


def test_a_link_to_a_device_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.symlink_to("/dev/zero")
    assert "this is a device" in refusal(path)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.csv")
        assert "this is a socket" in refusal(Path("socket.csv"))


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.symlink_to(path)
    assert "cannot be opened" in refusal(path)


@pytest.mark.parametrize("name", ["a\0b.csv", "x" * 5000])
def test_names_that_no_file_can_have_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="cannot be opened"):
        read(name)


def test_a_name_with_terminal_escapes_is_shown_escaped(tmp_path: Path) -> None:
    path = tmp_path / "red\x1b[31m\u202e.csv"
    path.write_text("nothing here\n")
    with pytest.raises(DataError, match=r"red\\x1b\[31m\\u202e\.csv"):
        read(path)


def test_a_file_larger_than_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sparse.csv"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    assert "larger than 512 MiB" in refusal(path)


@pytest.mark.parametrize("piece", [b"\x00", b"1\n", b"a,b\n1,2\n", b"\n"])
def test_a_gzip_file_that_expands_without_end_is_refused(tmp_path: Path, piece: bytes) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(piece * ((64 << 20) // len(piece)), mtime=0))
    assert "expands to more than" in refusal(path)


def test_gzip_within_gzip_is_unpacked_once(tmp_path: Path) -> None:
    path = tmp_path / "twice.gz"
    path.write_bytes(gzip.compress(gzip.compress(GOOD.encode())))
    assert "binary file" in refusal(path)


def test_a_repetitive_file_within_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "flat.csv.gz"
    path.write_bytes(gzip.compress(b"y\n" + b"1.5\n" * 100_000 + b"2\n"))
    assert len(read(path)) == 100_001


@pytest.mark.parametrize("place", ["XFD1048576", "A1048576", "XFD900000", "ZZ500000"])
def test_a_cell_far_from_all_others_is_refused_or_read(tmp_path: Path, place: str) -> None:
    pytest.importorskip("fastexcel", reason="the extra 'excel' is not installed")
    path = tmp_path / "far.xlsx"
    cells = '<row r="1"><c r="A1" t="inlineStr"><is><t>y</t></is></c></row>'
    cells += "".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(2, 9))
    path.write_bytes(workbook(f'{cells}<row r="{place.lstrip("ADFXZ")}"><c r="{place}"><v>1</v></c></row>'))
    if place == "A1048576":
        assert len(read(path)) == 8
    else:
        assert "it asks for more than 1536 MiB of memory" in refusal(path)


def test_a_workbook_that_expands_without_end_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel", reason="the extra 'excel' is not installed")
    path = tmp_path / "bomb.xlsx"
    path.write_bytes(workbook(" " * (1 << 30)))
    assert "it expands from" in refusal(path)


def test_a_parquet_file_of_very_many_rows_is_refused(tmp_path: Path) -> None:
    """Equal values take no room in the file."""
    path = tmp_path / "flat.parquet"
    pl.DataFrame({"y": pl.repeat(1.5, 40_000_000, eager=True)}).write_parquet(path)
    assert path.stat().st_size < 1 << 20
    assert "its table takes 305 MiB, more than 256 MiB" in refusal(path)


def test_a_damaged_part_of_a_workbook_is_seen_by_its_check_sum(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel", reason="the extra 'excel' is not installed")
    path = tmp_path / "book.xlsx"
    cells = "".join(f'<row r="{row}"><c r="A{row}"><v>{row}.25</v></c></row>' for row in range(1, 9))
    data = workbook(cells, packing=zipfile.ZIP_STORED)
    path.write_bytes(data.replace(b"<v>5.25</v>", b"<v>5.75</v>"))
    assert "its part xl/worksheets/sheet1.xml is damaged" in refusal(path)


def workbook(cells: str, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a workbook of one sheet with these cells."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="r"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    pl.DataFrame({"ds": ["2020-01-01", "2020-01-02"] * 40, "y": [1.5, 2.5] * 40}).write_parquet(stream)
    return stream.getvalue()


@pytest.mark.parametrize("kept", [5, 100, -1, -8, -30])
def test_a_cut_parquet_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.parquet"
    path.write_bytes(parquet()[:kept])
    assert "the Parquet file cannot be read" in refusal(path)


@pytest.mark.parametrize("size", [0, 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_parquet_file_with_a_forged_size_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "forged.parquet"
    data = parquet()
    path.write_bytes(data[:-8] + size.to_bytes(4, "little") + data[-4:])
    assert "the Parquet file cannot be read" in refusal(path)


def test_a_panic_of_the_reader_blames_the_file(tmp_path: Path) -> None:
    """Zeros over the first page make its decoder fail an assertion of its own, or refuse it."""
    data = parquet()
    for start in range(4, len(data) - 8, 97):
        path = tmp_path / "zeros.parquet"
        path.write_bytes(data[:start] + bytes(48) + data[start + 48 :])
        try:
            read(path)
        except DataError as error:
            assert "zeros.parquet" in str(error)
            assert error.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"key":"PM10","values":7}',
        '{"key":"PM10","values":{"a":1}}',
        '{"key":"PM10","values":"abc"}',
        '{"key":["PM10"],"values":[{"date":"2021-01-01 01:00:00","value":1}]}',
        '{"key":"time","values":[{"date":"2021-01-01 01:00:00","value":1}]}',
        '{"key":"PM10","values":[{"date":["2021-01-01"],"value":1}]}',
        '{"key":"PM10","values":[{"date":"2021-01-01 01:00:00","value":true}]}',
        '{"key":"PM10","values":[{"date":"2021-01-01 01:00:00","value":' + "9" * 5000 + "}]}",
        '{"code":"USD","rates":5}',
        '{"code":"USD","rates":null}',
        '{"code":"USD","rates":{"mid":1}}',
        '{"code":7,"rates":[{"effectiveDate":"2024-01-02","mid":1.5}]}',
        '{"code":"\\ud800","rates":[{"effectiveDate":"2024-01-02","mid":1.5}]}',
        '{"code":"time","rates":[{"effectiveDate":"2024-01-02","mid":1.5}]}',
        '{"code":"USD","rates":[{"effectiveDate":"2024-01-02","mid":' + "1" * 5000 + "}]}",
        '{"code":"USD","rates":[{"effectiveDate":"2024-01-02","mid":1e400}]}',
        '{"code":"USD","rates":[{"effectiveDate":"2024-01-02","mid":-1}]}',
        '{"code":"USD","rates":[{"effectiveDate":"2024-01-02","mid":true}]}',
        '{"code":"USD","rates":[{"effectiveDate":{},"mid":1.5}]}',
        '{"code":"USD","rates":[{"effectiveDate":"2024-01-02","mid":"\\udfff"}]}',
        '[{"stationId":1,"param":7}]',
        '[{"stationId":null,"param":{"paramFormula":[1]}}]',
        "[1,2,3]",
        "[]",
        "{}",
        '{"a":NaN}',
    ],
)
def test_json_of_another_shape_is_refused(text_file: Write, text: str) -> None:
    refusal(text_file(text, "answer.json"))


def test_large_json_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(b"[" + b"[]," * (12 << 20) + b"[]]")
    assert "the JSON is larger than 32 MiB" in refusal(path)


def test_whole_numbers_of_many_digits_are_numbers(text_file: Write) -> None:
    rows = [{"date": f"2021-01-0{day} 01:00:00", "value": 10**20} for day in range(1, 4)]
    table = read(text_file(json.dumps({"key": "PM10", "values": rows}), "answer.json"))
    assert table.frame["PM10"].to_list() == [1e20] * 3


@pytest.mark.parametrize("end", [b"\x00", b"\x00" * 5000])
def test_a_null_byte_anywhere_is_refused_with_its_line(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "nul.csv"
    path.write_bytes(GOOD.encode() * 1 + b"2020-01-03,3\n" * 1000 + b"2020-01-04," + end + b"4\n")
    assert "in line 1004" in refusal(path)


@pytest.mark.parametrize("size", [131_073, 5_000_000])
def test_a_cell_of_many_characters_is_refused(text_file: Write, size: int) -> None:
    path = text_file(GOOD + "2020-01-03," + "9" * size + "\n")
    assert "line 4: a cell has more than 131072 characters" in refusal(path)


def test_a_cell_quoted_in_a_message_is_cut(text_file: Write) -> None:
    path = text_file(GOOD + "2020-01-03," + "x" * 100_000 + "\n")
    assert len(refusal(path)) < 700


@pytest.mark.parametrize(
    "header", ["Data,MpKrakAlKras-PM10-1g,,MpKrakBuja-PM10-1g", "Data,,MpKrakAlKras-PM10-1g,MpKrakBuja-PM10-1g"]
)
def test_measurements_under_a_blank_name_are_refused(text_file: Write, header: str) -> None:
    rows = "".join(f"2018-01-01 {hour:02}:00:00,{hour}.5,{hour},3.5\n" for hour in range(1, 24))
    message = refusal(text_file(f"{header}\n{rows}"))
    assert f"what column {header.split(',').index('') + 1} measures" in message


@pytest.mark.parametrize("data", [b"\xff\xfea", b"\xff\xfe\x00\xd8", b"\xfe\xff\x00", b"\xff\xfe\x00\x00y\x00\x00\x00"])
def test_damaged_utf_16_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes(data)
    refusal(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_texts_of_other_encodings_are_read_or_refused(text_file: Write, encoding: str) -> None:
    path = text_file(GOOD, encoding=encoding)
    if encoding in ("utf-16", "utf-8-sig"):
        assert read(path).frame["y"].to_list() == [1.5, 2.5]
    else:
        assert "binary file" in refusal(path)


def test_names_from_files_are_shown_escaped(text_file: Write) -> None:
    path = text_file("date,a\x1b[31m,b\u202e\n" + "2020-01-01,1,2\n" * 20)
    message = refusal(path)
    assert r"a\x1b[31m" in message
    assert r"b\u202e" in message


def in_fork(work: Callable[[], object]) -> str:
    """Run ``work`` in a forked child; return what it returned, the error it raised, or that it hung."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
        try:
            answer = str(work())
        except UnavailableError as error:
            answer = f"refused: {error}"
        finally:
            os.write(sending, answer.encode()[:4000])
            os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as stream:
        said = stream.read().decode()
    _, status = os.waitpid(child, 0)
    return said if os.WIFEXITED(status) else "hung"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_after_reading_refuses_to_read_instead_of_hanging(text_file: Write) -> None:
    path = text_file(GOOD)
    read(path)
    answer = in_fork(lambda: read(path))
    assert answer.startswith("refused: read: this process was forked")
    assert "spawn" in answer


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_uses_the_table_its_parent_read(text_file: Write) -> None:
    table = read(text_file(GOOD))
    assert in_fork(lambda: select(table).series[0].values.tolist()) == "[1.5, 2.5]"


def test_the_parent_reads_on_after_a_fork(text_file: Write) -> None:
    path = text_file(GOOD)
    read(path)
    in_fork(lambda: None)
    assert len(read(path)) == 2
