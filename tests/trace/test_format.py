"""The format: both forms hold the same; what is damaged or missing is told, the rest is read."""

from __future__ import annotations

import errno
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runs_lib import ROOT
from tracefile import SEGMENT, TraceWriter, args_field, field_bytes, waker_field

from dstrun import abi
from dstrun.errors import TraceError
from dstrun.launch import tracefile
from dstrun.launch.tracefile import TraceFile
from dstrun.trace import chunks, pack
from dstrun.trace.diff import first_difference
from dstrun.trace.format import EVENT_LOST, Event
from dstrun.trace.reader import Trace
from dstrun.trace.segments import read_segments
from dstrun.trace.sidedata import Waker, parse_fields, parse_waker

HOUR_NS = 3_600_000_000_000
EVENTS = 4000

Write = Callable[[TraceWriter, Path], Path]
FORMS = pytest.mark.parametrize("write", [TraceWriter.write, TraceWriter.write_packed])


def as_written(event: Event) -> Event:
    """Without the place of its side data."""
    return event._replace(segment=0, data_pos=0)


@pytest.fixture(scope="module")
def large() -> TraceWriter:
    """Several segments; side data everywhere; two callers."""
    writer = TraceWriter(meta={"argv": ["x"]}, end_meta={"outcome": "exited"})
    for index in range(EVENTS):
        side = args_field(index, -1, 0x7FFFF7DD0990)
        side += field_bytes(abi.FIELD_STRUCT, 0, bytes(600))
        writer.add(identity=index, data=side, pid=2 + index % 2, tid=2 + index % 3, result=-index)
    writer.streams = [(abi.STREAM_DECISIONS, b"one"), (abi.STREAM_DECISIONS, bytes(range(256)))]
    return writer


@FORMS
def test_segments(large: TraceWriter, tmp_path: Path, write: Write) -> None:
    with Trace(write(large, tmp_path / "t")) as trace:
        assert trace.warnings == []
        assert (len(trace), trace.finished, trace.trace_hash) == (EVENTS, True, 0xABC)
        assert trace.segments() > 2
        assert [as_written(event) for event in trace.read()] == large.events()
        for index in (0, 1, EVENTS // 2, trace.starts[1] - 1, trace.starts[1], EVENTS - 1):
            event = trace.event(index)
            assert as_written(event) == large.events()[index]
            assert trace.side_data(event).startswith(large.records[index][1] + b"\0")
        start, stop = trace.starts[1] - 2, trace.starts[2] + 2
        assert [number for number, _ in trace.numbered(start, stop)] == list(range(start, stop))
        identities = [one for n in range(trace.segments()) for one in trace.identities(n)]
        assert identities == list(range(EVENTS))
        assert trace.stream(abi.STREAM_DECISIONS) == b"one" + bytes(range(256))


@FORMS
def test_what_side_data_holds(tmp_path: Path, write: Write) -> None:
    writer = TraceWriter()
    head = struct.pack("<QQ", 5000, 0xFEED)
    writer.add(data=field_bytes(abi.FIELD_BYTES, 1, head + b"first"), took_ns=HOUR_NS)
    writer.add(data=args_field(1) + waker_field(7, 3), flags=abi.EVENT_WOKEN)
    writer.add()
    with Trace(write(writer, tmp_path / "t")) as trace:
        long, woken, bare = list(trace.read())
        assert long.time_ns - long.enter_ns == HOUR_NS
        (field,) = parse_fields(trace.side_data(long))[1][1]
        assert (field.data, field.total, field.hash) == (b"first", 5000, 0xFEED)
        assert parse_fields(trace.side_data(woken)) == ([1], {})
        assert parse_waker(trace.side_data(woken)) == Waker(7, 3)
        assert parse_fields(trace.side_data(bare)) == ([], {})


def test_at_rest_is_smaller(large: TraceWriter, tmp_path: Path) -> None:
    recorded = large.write(tmp_path / "recorded").stat().st_size
    assert large.write_packed(tmp_path / "packed").stat().st_size * 8 < recorded


def test_the_two_forms_are_the_same_trace(large: TraceWriter, tmp_path: Path) -> None:
    recorded, packed = large.write(tmp_path / "a"), large.write_packed(tmp_path / "b")
    other = TraceWriter(records=[*large.records])
    # Other side data: the events lie in other segments.
    other.records[0] = (other.records[0][0], args_field(*[2**62 + 1] * 6) * 99)
    changed = large.events()[3_000]._replace(identity=1)
    other.records[3_000] = (changed, b"")
    with Trace(recorded) as a, Trace(packed) as b, Trace(other.write(tmp_path / "c")) as c:
        assert first_difference(a, b) is None
        assert a.starts != c.starts
        assert first_difference(a, c) == first_difference(c, b) == 3_000


def test_attachments(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(content := os.urandom(2_500_000))
    attached: dict[str, Path | bytes] = {
        "before/a": b"text", "empty": b"", "large": tmp_path / "large",
    }  # fmt: skip
    writer = TraceWriter(attachments=attached)
    writer.add()
    recorded = writer.write(tmp_path / "recorded")
    with recorded.open("ab") as file:
        file.writelines(pack.attached(attached))
    packed = writer.write_packed(tmp_path / "packed")
    for path in (recorded, packed):
        with Trace(path) as trace:
            assert trace.attachments() == ("before/a", "empty", "large")
            assert trace.attachment("before/a") == b"text"
            assert trace.attachment("empty") == b""
            assert trace.attachment("large") == content
            assert len(list(trace.attachment_parts("large"))) == 3
            with pytest.raises(KeyError):
                trace.attachment("none")
        _damage(path, path.stat().st_size - 10, b"damaged")
        with Trace(path) as trace:
            assert trace.warnings == [f"{path}: damaged: large is lost"]
            assert trace.attachment("before/a") == b"text"
            with pytest.raises(TraceError, match="damaged"):
                trace.attachment("large")


# ---- damage ----


def _damage(path: Path, offset: int, data: bytes) -> None:
    with path.open("rb+") as file:
        file.seek(offset)
        file.write(data)


def _cut(path: Path, size: int) -> None:
    with path.open("rb+") as file:
        file.truncate(size)


def test_a_damaged_segment(large: TraceWriter, tmp_path: Path) -> None:
    path = large.write(tmp_path / "t")
    _damage(path, 2 * SEGMENT, b"\0" * 100)
    _check_second_is_lost(large, path)


def test_a_damaged_chunk(large: TraceWriter, tmp_path: Path) -> None:
    path = large.write_packed(tmp_path / "t")
    for kind in (chunks.IDENTITIES, chunks.RECORDS, chunks.AREA):
        second = [c for c in _chunks(path) if c.kind == kind][1]
        for at in (second.start + 3, second.start - 5):  # in the frame, in the header
            large.write_packed(path)
            with path.open("rb") as file:
                file.seek(at)
                was = file.read(1)[0]
            _damage(path, at, bytes([was ^ 0x10]))
            _check_second_is_lost(large, path)


def _chunks(path: Path) -> list[chunks.Chunk]:
    data = path.read_bytes()
    return list(chunks.walk(data, 16, len(data)))


def _check_second_is_lost(large: TraceWriter, path: Path) -> None:
    with Trace(path) as trace:
        first, stop = trace.starts[1], trace.starts[2]
        lost = f"events {first} to {stop - 1} are lost; {EVENTS - stop + first} of {EVENTS} events"
        assert len(trace.warnings) == 1
        assert lost in trace.warnings[0]
        assert len(trace) == EVENTS
        events = list(trace.read())
        assert {event.kind for event in events[first:stop]} == {EVENT_LOST}
        intact = [*range(first), *range(stop, EVENTS)]
        assert [number for number, _ in trace.numbered()] == intact
        assert [as_written(events[n]) for n in intact] == [large.events()[n] for n in intact]
        assert not any(trace.identities(1))
        assert trace.side_data(events[first]) == b""


@FORMS
def test_cut_off(large: TraceWriter, tmp_path: Path, write: Write) -> None:
    path = write(large, tmp_path / "t")
    last = [c for c in _chunks(path) if c.kind == chunks.IDENTITIES][1:]
    size = last[0].start if last else 2 * SEGMENT + 100
    _cut(path, size)
    with Trace(path) as trace:
        assert f"events {len(trace)} to {EVENTS - 1} are lost" in trace.warnings[0]
        assert 0 < len(trace) < EVENTS
        read = [as_written(event) for event in trace.read()]
        assert read == large.events()[: len(trace)]


def test_a_killed_run_is_readable(large: TraceWriter, tmp_path: Path) -> None:
    killed = TraceWriter(records=large.records, finished=False)
    with Trace(killed.write(tmp_path / "t")) as trace:
        assert len(trace) == EVENTS
        assert trace.warnings == [
            f"{trace.path}: the run was not closed in good order; {EVENTS} events were recorded"
        ]


def test_lost_descriptions(large: TraceWriter, tmp_path: Path) -> None:
    lost = {
        chunks.HEADER: "its counters are lost",
        chunks.META: "how the run was started is lost",
        chunks.END: "how the run ended is lost",
        chunks.STREAM: f"stream {abi.STREAM_DECISIONS} is lost",
    }
    for kind, told in lost.items():
        path = large.write_packed(tmp_path / "t")
        _damage(path, [c for c in _chunks(path) if c.kind == kind][-1].start, b"!?")
        with Trace(path) as trace:
            assert trace.warnings == [f"{path}: damaged: {told}"]
            assert len(list(trace.read())) == EVENTS


def test_sizes_that_the_file_tells_are_not_believed(tmp_path: Path) -> None:
    """Checksums are right, what they protect is not."""
    path = tmp_path / "t"
    head = TraceWriter().recorded()[: abi.TraceHeader.segment_bytes.offset]
    head = bytearray(head)
    abi.TraceHeader.form.set(head, abi.FORM_CHUNKS)
    bomb = chunks.pack(chunks.META, bytes(chunks.RAW_BYTES_MAX + 1))
    far = [chunks.pack(kind, b"x" * 8, 2**60, 1) for kind in (6, 7, 8)]
    odd = [chunks.pack(kind, b"x" * size, 0, 1) for kind, size in ((6, 8), (7, 31), (8, 9))]
    path.write_bytes(bytes(head) + bomb + b"".join(far) + b"".join(odd))
    with Trace(path) as trace:
        assert len(trace) == 0
        assert trace.meta == {}


# ---- the file of a run ----


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[TraceFile]:
    """A trace in which something was recorded."""
    writer = TraceWriter(meta={"seed": "7"})
    writer.add()
    file = TraceFile(tmp_path / "run.trace")
    os.pwrite(file.fd, writer.recorded(), 0)
    yield file
    file.close()


def test_finishing_packs(recorded: TraceFile) -> None:
    recorded.path.chmod(0o640)
    assert recorded.finish({"outcome": "exited"}, {"a": b"b"}) == ""
    assert recorded.path.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in recorded.path.parent.iterdir()] == ["run.trace"]
    _check_finished(recorded.path, abi.FORM_CHUNKS)


def _check_finished(path: Path, form: int, attachments: tuple[str, ...] = ("a",)) -> None:
    with Trace(path) as trace:
        assert (len(trace), trace.meta, trace.end_meta) == (1, {"seed": "7"}, {"outcome": "exited"})
        assert trace.attachments() == attachments
        assert trace.warnings == []
    assert abi.TraceHeader.form.get(path.read_bytes()[:64]) == form


def test_a_full_disk_leaves_the_trace_as_it_was_recorded(
    recorded: TraceFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "packed", _packed_until_full)
    note = recorded.finish({"outcome": "exited"}, {"a": b"b"})
    assert note == f"the trace is not packed: {os.strerror(errno.ENOSPC)}"
    assert [path.name for path in recorded.path.parent.iterdir()] == ["run.trace"]
    _check_finished(recorded.path, abi.FORM_SEGMENTS)


def _packed_until_full(*_args: Any) -> Iterator[bytes]:
    yield b"something"
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_interrupt_while_packing(recorded: TraceFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: Any) -> Iterator[bytes]:
        yield b"something"
        raise KeyboardInterrupt

    monkeypatch.setattr(pack, "packed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        recorded.finish({"outcome": "exited"}, {"a": b"b"})
    assert [path.name for path in recorded.path.parent.iterdir()] == ["run.trace"]
    _check_finished(recorded.path, abi.FORM_SEGMENTS)


def test_an_attachment_that_cannot_be_read(recorded: TraceFile, tmp_path: Path) -> None:
    note = recorded.finish({"outcome": "exited"}, {"a": tmp_path / "none"})
    assert note.startswith("the trace is not packed, and lacks what a replay needs")
    _check_finished(recorded.path, abi.FORM_SEGMENTS, ())


def test_a_trace_with_two_names_is_not_parted(recorded: TraceFile, tmp_path: Path) -> None:
    os.link(recorded.path, tmp_path / "other")
    assert recorded.finish({"outcome": "exited"}, {"a": b"b"}) == ""
    assert recorded.path.samefile(tmp_path / "other")
    _check_finished(recorded.path, abi.FORM_SEGMENTS)


def test_a_link_stays_a_link(recorded: TraceFile, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = recorded.path.rename(tmp_path / "elsewhere" / "real")
    recorded.path.symlink_to(target)
    assert recorded.finish({"outcome": "exited"}, {"a": b"b"}) == ""
    assert recorded.path.is_symlink()
    _check_finished(target, abi.FORM_CHUNKS)


# ---- what the shim writes ----


def _record(folder: Path, *command: str, options: tuple[str, ...] = ()) -> Path:
    path = folder / "run.trace"
    subprocess.run(
        [sys.executable, "-m", "dstrun", "-q", "--seed", "7", "-o", path, *options, "--", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=folder, check=True, timeout=60,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return path


def test_a_run_says_who_woke_whom(tmp_path: Path) -> None:
    script = "(sleep 1; echo a; sleep 1; echo b) | (read x; read y; sleep 2)"
    with Trace(_record(tmp_path, "/bin/sh", "-c", script)) as trace:
        events = list(trace.read())
        wakers = {
            index: parse_waker(trace.side_data(event))
            for index, event in enumerate(events) if event.flags & abi.EVENT_WOKEN
        }  # fmt: skip
        reads = [n for n in wakers if events[n].nr == 0 and events[n].result > 0]
        sleeps = [n for n, e in enumerate(events) if e.nr in (35, 230) and e.result == 0]
        assert len(reads) >= 2
        assert len(sleeps) == 3
        assert not set(sleeps) & set(wakers)
        for n in reads:
            waker = wakers[n]
            assert waker is not None
            call = next(e for e in events[waker.event :] if e.tid == waker.tid)
            assert (call.nr, call.tid != events[n].tid) == (1, True)  # a write of the other side


def test_a_run_is_packed_and_small(tmp_path: Path) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo $i > /dev/null; i=$((i+1)); done"
    path = _record(tmp_path, "/bin/sh", "-c", script)
    with Trace(path) as trace:
        raw = sum(c.raw for c in _chunks(path) if c.kind >= chunks.STREAM)
        assert trace.warnings == []
        assert trace.events > 10_000
        assert raw / trace.events <= 80
        assert path.stat().st_size / trace.events <= 24
        assert list(tmp_path.iterdir()) == [path]


def test_a_killed_dstrun_leaves_a_readable_trace(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    script = "while :; do echo x; done"
    command = [sys.executable, "-m", "dstrun", "-q", "--seed", "7", "-o", str(path), "--"]
    with subprocess.Popen(
        [*command, "/bin/sh", "-c", script], stdout=subprocess.PIPE, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as run:  # fmt: skip
        assert run.stdout
        run.stdout.read(20_000)
        run.kill()
    data = path.read_bytes()
    used = abi.TraceHeader.segments_used.get(data)
    assert all(read_segments(data, used))
    with Trace(path) as trace:
        assert "not closed in good order" in trace.warnings[0]
        assert trace.events > 1000
        assert json.dumps(trace.meta)
        writes = [event for event in trace.read() if event.nr == 1]
        assert len(writes) > 900
        assert tracefile.remove_if_empty(path) is None
    assert path.exists()
