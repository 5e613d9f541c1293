"""Reading, showing, selecting and comparing traces."""

import json
from pathlib import Path

import pytest
from tracefile import NR_READ, TraceWriter, args_field

from dstrun import abi
from dstrun.errors import BadUsage, TraceError
from dstrun.trace.diff import difference_lines, first_difference, meta_differences
from dstrun.trace.follow import Targets
from dstrun.trace.format import EVENTS_PER_SEGMENT_MAX as EVENTS_PER_SEGMENT
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import Renderer
from dstrun.trace.select import Selection, parse_names, parse_range
from dstrun.trace.stats import stats_lines


def as_written(event: Event) -> Event:
    """Without the place of its side data."""
    return event._replace(segment=0, data_pos=0)


@pytest.fixture
def writer() -> TraceWriter:
    made = TraceWriter(meta={"argv": ["sh"], "seed": "7"}, end_meta={"outcome": "exited"})
    made.start("/bin/sh", "sh", "-c", "ls x")
    made.open("/etc/passwd")
    made.add(kind=abi.EVENT_FORK, nr=0, result=2, pid=3)
    made.start("/bin/ls", "ls", "x", pid=3)
    made.open("/none", result=-2, pid=3)
    made.add(kind=abi.EVENT_EXIT, nr=0, result=1 << 8, pid=3)
    made.add(kind=abi.EVENT_SIGNAL, nr=17)
    made.add(nr=231, flags=abi.EVENT_NO_RETURN, data=args_field(0))
    made.add(kind=abi.EVENT_END, nr=0, result=abi.END_EXITED)
    return made


def test_reads_what_was_written(writer: TraceWriter, tmp_path: Path) -> None:
    with Trace(writer.write(tmp_path / "t")) as trace:
        assert len(trace) == 9
        assert trace.meta == {"argv": ["sh"], "seed": "7"}
        assert trace.end_meta == {"outcome": "exited"}
        assert trace.warnings == []
        assert [as_written(event) for event in trace.read()] == writer.events()
        assert [event.result for event in trace.read(4, 6)] == [-2, 256]
        assert list(trace.read(20)) == []
        with pytest.raises(IndexError):
            trace.event(9)


def _damage(path: Path, offset: int, data: bytes) -> None:
    with path.open("rb+") as file:
        file.seek(offset)
        file.write(data)


def test_what_is_no_trace(writer: TraceWriter, tmp_path: Path) -> None:
    path = writer.write(tmp_path / "t")
    with path.open("rb+") as file:
        file.truncate(1000)
    with pytest.raises(TraceError, match="truncated within its header"):
        Trace(path)
    writer.write(path)
    _damage(path, abi.TraceHeader.version.offset, b"\x63\0\0\0")
    with pytest.raises(TraceError, match="version 99"):
        Trace(path)
    writer.write(path)
    _damage(path, abi.TraceHeader.meta.offset, b"?")
    with pytest.raises(TraceError, match="not JSON"):
        Trace(path)
    for content in (b"", b"short", b"#!/bin/sh\n" * 200):
        path.write_bytes(content)
        with pytest.raises(TraceError, match="not a trace"):
            Trace(path)
    with pytest.raises(TraceError, match="is a directory"):
        Trace(tmp_path)
    with pytest.raises(TraceError, match="No such file"):
        Trace(tmp_path / "none")


def test_lines(writer: TraceWriter, tmp_path: Path) -> None:
    with Trace(writer.write(tmp_path / "t")) as trace:
        lines = Renderer(trace).lines(0, 99)
    assert lines[0] == "[   0] 0.000000000 pid 2  +++ started /bin/sh: sh -c 'ls x' +++"
    assert lines[1].startswith('[   1] 0.000001000 pid 2  openat(AT_FDCWD, "/etc/passwd", O_RDO')
    assert lines[1].endswith(") = 3")
    assert lines[2].endswith("pid 3  +++ forked by pid 2 +++")
    assert "-1 ENOENT" in lines[4]
    assert lines[5].endswith("+++ exited with 1 +++")
    assert lines[6].endswith("--- SIGCHLD ---")
    assert lines[7].endswith("exit_group(0) = ?")
    assert lines[8].endswith("=== the run ended ===")


def test_damaged_side_data_is_shown_without_it(tmp_path: Path) -> None:
    writer = TraceWriter()
    writer.add(nr=NR_READ, data=b"\xff" * 24)
    writer.add(kind=200, nr=0)
    with Trace(writer.write(tmp_path / "t")) as trace:
        lines = Renderer(trace).lines(0, 2)
    assert "read(" in lines[0]
    assert "event of kind 200" in lines[1]


def _selected(path: Path, selection: Selection) -> list[int]:
    with Trace(path) as trace:
        return [index for index, _event in selection.select(trace)]


def test_selection(writer: TraceWriter, tmp_path: Path) -> None:
    path = writer.write(tmp_path / "t")
    assert _selected(path, Selection()) == list(range(9))
    assert _selected(path, Selection(names=parse_names("openat"))) == [1, 4]
    assert _selected(path, Selection(names=parse_names("/^exit/,signal"))) == [5, 6, 7]
    assert _selected(path, Selection(names=parse_names("!openat"), start=3)) == [3, 5, 6, 7, 8]
    assert _selected(path, Selection(processes=("3",))) == [2, 3, 4, 5]
    assert _selected(path, Selection(processes=("ls",))) == [3, 4, 5]
    assert _selected(path, Selection(processes=("ls",), start=4, stop=5)) == [4]
    assert _selected(path, Selection(targets=Targets(paths=("/etc/*",)))) == [1]
    assert _selected(path, Selection(targets=Targets(paths=("pass*",)))) == [1]


def test_selection_grammar_errors() -> None:
    for text in ("opneat", "", "!", "/(/", "openat,x"):
        with pytest.raises(BadUsage):
            parse_names(text)
    with pytest.raises(BadUsage, match='did you mean "openat"'):
        parse_names("opnat")
    assert parse_range("3..5") == (3, 6)
    assert parse_range("3..") == (3, None)
    assert parse_range("..5") == (0, 6)
    assert parse_range("4") == (4, 5)
    for text in ("", "..", "a..b", "5..3", "1-2", "1.2"):
        with pytest.raises(BadUsage):
            parse_range(text)


def test_stats(writer: TraceWriter, tmp_path: Path) -> None:
    with Trace(writer.write(tmp_path / "t")) as trace:
        events = list(enumerate(trace.read()))
    table = list(stats_lines(events, as_json=False))
    assert " ".join(table[0].split()) == "% time seconds waiting us/call calls errors event"
    assert table[-1].split()[-1] == "total"
    rows = [json.loads(line) for line in stats_lines(events, as_json=True)]
    (row,) = [row for row in rows if row["name"] == "openat"]
    assert (row["calls"], row["errors"], row["virtual_ns"]) == (2, 1, 800)
    assert list(stats_lines([], as_json=True)) == []
    assert len(list(stats_lines([], as_json=False))) == 3


def _pair(tmp_path: Path, a: TraceWriter, b: TraceWriter) -> tuple[Trace, Trace]:
    return Trace(a.write(tmp_path / "a")), Trace(b.write(tmp_path / "b"))


@pytest.mark.parametrize("count", [1, 10, EVENTS_PER_SEGMENT, EVENTS_PER_SEGMENT + 3])
def test_first_difference(tmp_path: Path, count: int) -> None:
    for changed in {0, count // 2, count - 1}:
        writers = []
        for identity in (1, 2):
            writer = TraceWriter()
            for index in range(count):
                writer.add(identity=identity if index == changed else 9)
            writers.append(writer)
        a, b = _pair(tmp_path, writers[0], writers[1])
        with a, b:
            assert first_difference(a, b) == changed
            assert first_difference(a, a) is None


def test_a_prefix_differs_where_it_ends(writer: TraceWriter, tmp_path: Path) -> None:
    longer = TraceWriter(records=[*writer.records], meta={"seed": "8"})
    longer.add()
    a, b = _pair(tmp_path, writer, longer)
    with a, b:
        assert first_difference(a, b) == 9
        lines = difference_lines(a, b, 9)
        assert any("ends here" in line and line.startswith("-") for line in lines)
        assert "seed differs: 7 and 8" in meta_differences(a, b)


def test_difference_lines_show_both_sides(writer: TraceWriter, tmp_path: Path) -> None:
    other = TraceWriter()
    other.start("/bin/sh", "sh", "-c", "ls x")
    other.open("/etc/passwd", result=4)
    a, b = _pair(tmp_path, writer, other)
    with a, b:
        index = first_difference(a, b)
        assert index == 1
        lines = difference_lines(a, b, index, context=1)
    assert lines[0] == "first difference: event 1: another result"
    assert lines[1].startswith("  [   0]")
    assert any(line.startswith("- [   1]") and line.endswith("= 3") for line in lines)
    assert any(line.startswith("+ [   1]") and line.endswith("= 4") for line in lines)
