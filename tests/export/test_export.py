"""Exports: what is in the files, decoded with other means than those that wrote them."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import shlex
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tracefile import TraceWriter, args_field, waker_field

from dstrun import abi
from dstrun.cli import run_command_line
from dstrun.export.arrows import MESSAGE, WAKE

Export = Callable[..., Path]
ROOT = Path(__file__).parents[2]
HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>@data@'


def sample(meta: dict[str, Any] | None = None) -> TraceWriter:
    """Two processes, an error, a death by a signal."""
    writer = TraceWriter(
        meta={"argv": ["sh", "-c", "x y"], "seed": "7", "program": "/bin/sh", **(meta or {})},
        end_meta={"outcome": "killed", "signal": 6},
    )
    writer.start("/bin/sh", "sh", "-c", "x y")
    writer.open("/etc/passwd")
    writer.open("/nowhere", result=-2)
    writer.add(kind=abi.EVENT_FORK, nr=0, result=2, pid=3)
    writer.start("/bin/ls", "ls", pid=3)
    writer.add(pid=3)
    writer.add(kind=abi.EVENT_EXIT, nr=0, result=0, pid=3)
    writer.add(kind=abi.EVENT_SIGNAL, nr=6)
    writer.add(kind=abi.EVENT_EXIT, nr=0, result=6)
    return writer


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return sample().write(tmp_path / "fail.trace")


@pytest.fixture
def export(trace: Path) -> Export:
    def run(*args: str, of: Path = trace) -> Path:
        assert run_command_line(["export", str(of), *args]) == 0
        suffix = {"perfetto": ".pftrace", "json": ".jsonl", "html": ".html"}[args[1]]
        return of.with_suffix(suffix)

    return run


def unpack_page(path: Path) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """The header and the columns of a page."""
    packed = re.search(r'id="data">([A-Za-z0-9+/=]*)</script>', path.read_text())
    assert packed
    data = gzip.decompress(base64.b64decode(packed[1]))
    (size,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + size])
    at = 4 + size
    columns = {}
    for name, code, count in header["columns"]:
        columns[name] = list(struct.unpack_from(f"<{count}{code}", data, at))
        at += -(-struct.calcsize(f"<{count}{code}") // 8) * 8
    assert at == len(data)
    return header, columns


def test_json(export: Export, trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header, *lines = map(json.loads, export("--to", "json").read_text().splitlines())
    assert (header["format"], header["version"]) == ("dstrun-trace-json", 1)
    assert header["run"]["seed"] == "7"
    assert header["run"]["outcome"] == "killed"
    assert [(p["pid"], p["name"], p["parent"]) for p in header["processes"]] == [
        (2, "sh", None), (3, "ls", 2),
    ]  # fmt: skip
    assert header["events"] == len(lines) == 9
    capsys.readouterr()
    assert run_command_line(["show", str(trace), "--json"]) == 0
    assert lines == [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_perfetto(export: Export) -> None:
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent

    packets = Trace.FromString(export("--to", "perfetto").read_bytes()).packet
    tracks = [p.track_descriptor for p in packets if p.HasField("track_descriptor")]
    assert {(t.process.pid, t.process.process_name) for t in tracks if t.HasField("process")} == {
        (2, "sh"), (3, "ls"),
    }  # fmt: skip
    assert packets[-1].track_event.type == TrackEvent.TYPE_INSTANT
    names: dict[int, str] = {}
    keys: dict[int, str] = {}
    open_slices: dict[int, int] = {}
    calls = []
    for packet in packets:
        names |= {entry.iid: entry.name for entry in packet.interned_data.event_names}
        keys |= {entry.iid: entry.name for entry in packet.interned_data.debug_annotation_names}
        event = packet.track_event
        depth = open_slices.get(event.track_uuid, 0)
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            open_slices[event.track_uuid] = depth + 1
            said = {keys[a.name_iid]: a for a in event.debug_annotations}
            if "call" in said:
                calls.append((packet.timestamp, names[event.name_iid], said))
        elif event.type == TrackEvent.TYPE_SLICE_END:
            assert depth
            open_slices[event.track_uuid] = depth - 1
    assert set(open_slices.values()) == {0}
    assert names[packets[-1].track_event.name_iid] == "killed by SIGABRT"
    assert [(time, name) for time, name, _said in calls] == [
        (1000, "openat"), (2000, "openat"), (5000, "getpid"),
    ]  # fmt: skip
    said = calls[1][2]
    assert said["call"].string_value.startswith('openat(AT_FDCWD, "/nowhere"')
    assert (said["event"].uint_value, said["result"].int_value, said["errno"].int_value) == (
        2, -2, 2,
    )  # fmt: skip


def test_page(export: Export) -> None:
    header, columns = unpack_page(export("--to", "html"))
    assert header["summary"]["outcome"] == "killed by SIGABRT"
    assert header["summary"]["succeeded"] is False
    assert header["summary"]["command"] == shlex.join(["sh", "-c", "x y"])
    assert [p["name"] for p in header["processes"]] == ["sh", "ls"]
    assert columns["number"] == [0] + [1] * 8
    assert columns["start"] == [0] + [1000] * 8
    texts = [header["texts"][text] for text in columns["text"]]
    assert texts[1].startswith('openat(AT_FDCWD, "/etc/passwd"')
    assert texts[header["first_failure"]] == "+++ killed by SIGABRT +++"
    assert columns["flags"][2] & 1
    assert not columns["flags"][1]


def test_page_holds_no_markup_of_the_trace(export: Export, tmp_path: Path) -> None:
    writer = sample({"argv": [HOSTILE], "program": f"/bin/{HOSTILE}"})
    writer.open(HOSTILE)
    page = export("--to", "html", of=writer.write(tmp_path / "hostile.trace"))
    text = page.read_text()
    assert text.count("<script") == 2
    assert "<img" not in text
    assert "owned" not in text.replace(re.findall("<title>.*</title>", text)[0], "")
    header, _columns = unpack_page(page)
    quoted = HOSTILE.replace('"', r"\"")
    assert any(f'"{quoted}"' in shown for shown in header["texts"])


def test_choice_of_events(export: Export) -> None:
    header, columns = unpack_page(export("--to", "html", "--events", "2..5"))
    assert columns["number"] == [2, 1, 1, 1]
    assert header["texts"][columns["text"][header["first_failure"]]] == "getpid() = 0"
    header, columns = unpack_page(export("--to", "html", "--process", "ls", "--force"))
    # Before it became ls it was the shell's child, as for show.
    assert [p["name"] for p in header["processes"]] == ["ls"]
    assert len(columns["flags"]) == 3


def test_to_stdout(trace: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run_command_line(["export", str(trace), "--to", "json", "-o", "-"]) == 0
    out, err = capfdbinary.readouterr()
    assert json.loads(out.splitlines()[0])["events"] == 9
    assert err == b""
    assert not trace.with_suffix(".jsonl").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--to", "xml"], "'xml' is not one of 'perfetto', 'json', 'html'"),
        ([], "missing option '--to'"),
        (["--to", "json", "--events", "x"], "not a range"),
        (["--to", "json", "--events", "100.."], "no event to export"),
        (["--to", "json", "--process", "cat"], "no event to export"),
        (["--to", "json", "-o", "old"], "old: exists (use --force"),
        (["--to", "json", "-o", "fail.trace", "--force"], "is the trace itself"),
        (["--to", "json", "-o", "."], "is a directory"),
        (["--to", "json", "-o", "none/x"], "cannot be written: No such file"),
    ],
)
def test_bad_input(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    args: list[str], message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(trace.parent)
    Path("old").write_text("something")
    before = trace.read_bytes()
    assert run_command_line(["export", "fail.trace", *args]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert Path("old").read_text() == "something"
    assert trace.read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["fail.trace", "old"]


def test_too_many_events(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dstrun.export.html.EVENTS_MAX", 4)
    assert run_command_line(["export", str(trace), "--to", "html"]) == 2
    assert "9 events are too many for a page (4 at most" in capsys.readouterr().err
    assert not trace.with_suffix(".html").exists()


def test_empty_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = TraceWriter().write(tmp_path / "empty.trace")
    for target in ("perfetto", "json", "html"):
        assert run_command_line(["export", str(path), "--to", target]) == 2
        assert "no event to export" in capsys.readouterr().err


def test_nothing_is_imported_for_other_commands() -> None:
    script = (
        "import sys, dstrun.cli; dstrun.cli.run_command_line(['run', '--help']); "
        "sys.exit(any(name.startswith(('google', 'perfetto', 'dstrun.export')) "
        "for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)


def test_unfinished_trace(export: Export, tmp_path: Path) -> None:
    writer = sample()
    writer.finished = False
    header, columns = unpack_page(export("--to", "html", of=writer.write(tmp_path / "cut.trace")))
    assert header["summary"]["outcome"] == "not closed"
    assert "not closed in good order" in header["summary"]["warnings"][0]
    assert len(columns["flags"]) == 9


def test_impossible_ids_are_exported(export: Export, tmp_path: Path) -> None:
    """A damaged trace may hold ids that no process has."""
    writer = sample()
    writer.add(pid=2**32 - 1)
    trace = writer.write(tmp_path / "ids.trace")
    for target in ("perfetto", "json", "html"):
        assert export("--to", target, of=trace).stat().st_size


def test_wakes(export: Export, tmp_path: Path) -> None:
    """The call that woke stands before the woken one, or after it, or was the waker's last."""
    writer = TraceWriter()
    for pid, woken in (
        (2, None), (3, None), (2, None),
        (4, (2, 1)),  # by process 2's first event from 1 on: 2
        (5, (2, 4)),  # that is 6
        (6, (3, 4)),  # process 3 makes none: its last one, 1
        (2, None),
        (7, (99, 3)),  # nobody who is known
    ):  # fmt: skip
        data = args_field() + waker_field(*woken) if woken else b""
        writer.add(pid=pid, data=data, flags=abi.EVENT_WOKEN if woken else 0)
    trace = writer.write(tmp_path / "wakes.trace")
    _header, columns = unpack_page(export("--to", "html", of=trace))
    arrows = list(zip(columns["arrow_from"], columns["arrow_to"], strict=True))
    assert arrows == [(2, 3), (6, 4), (1, 5)]
    # What was not chosen has no arrow.
    _header, columns = unpack_page(export("--to", "html", "--force", "--events", "2..5", of=trace))
    assert (columns["arrow_from"], columns["arrow_to"]) == ([0], [1])
    _header, columns = unpack_page(export("--to", "html", "--force", "--pid", "2,5", of=trace))
    assert (columns["arrow_from"], columns["arrow_to"]) == ([3], [2])


def test_arrows_of_a_run(export: Export, tmp_path: Path) -> None:
    """A real run: the reader waits, the writer wakes it, and what it reads is what was sent."""
    trace = tmp_path / "run.trace"
    script = "import os\nr, w = os.pipe()\nif os.fork():\n  os.read(r, 9); os.wait()\n"
    script += "else:\n  os.write(w, b'hello'); os._exit(3)"
    program = [sys.executable, "-S", "-c", script]
    subprocess.run(
        [sys.executable, "-m", "dstrun", "--seed", "7", "-q", "-o", trace, "--", *program],
        check=True, env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": "/dev/null"},
    )  # fmt: skip
    header, columns = unpack_page(export("--to", "html", of=trace))

    def text(place: int) -> str:
        return str(header["texts"][columns["text"][place]])

    arrows = {
        (kind, text(source).partition("(")[0], text(target).partition("(")[0])
        for kind, source, target in zip(
            columns["arrow_kind"], columns["arrow_from"], columns["arrow_to"], strict=True
        )
    }
    assert {(WAKE, "write", "read"), (MESSAGE, "write", "read")} <= arrows
    assert text(header["first_failure"]) == "+++ exited with 3 +++"
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

    packets = Trace.FromString(export("--to", "perfetto", of=trace).read_bytes()).packet
    begins = [flow for p in packets for flow in p.track_event.flow_ids]
    ends = [flow for p in packets for flow in p.track_event.terminating_flow_ids]
    assert sorted(begins) == sorted(ends) == list(range(1, len(columns["arrow_to"]) + 1))
