"""`diff`: tasks matched, events aligned, what is ignored, what parted them, and how it is told."""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from trace_calls import NUMBERS, call
from tracefile import TraceWriter, field_bytes

from dstrun import abi
from dstrun.commands.diff import command
from dstrun.errors import BadUsage
from dstrun.trace.compare import Comparison, compare
from dstrun.trace.fold import Turns, fold
from dstrun.trace.identity import RULES, parse_rules
from dstrun.trace.reader import Trace
from dstrun.trace.tasks import TaskFinder, match_tasks

Script = Callable[[TraceWriter], None]


def _write(tmp_path: Path, name: str, *script: Script, **meta: object) -> Path:
    writer = TraceWriter(
        meta={"seed": name, **meta}, end_meta={"outcome": "exited", "exit_code": 0}
    )
    writer.start("/bin/main", "main")
    for part in script:
        part(writer)
    return writer.write(tmp_path / name)


def _read(fd: int, data: bytes, tid: int = 2, pid: int = 2) -> Script:
    return lambda w: void(
        call(w, "read", fd, 0x7000, 99, result=len(data), data={1: data}, tid=tid, pid=pid)
    )


def _do(name: str, *args: int, result: int = 0, tid: int = 2, pid: int = 2) -> Script:
    return lambda w: void(call(w, name, *args, result=result, tid=tid, pid=pid))


def _fork(parent: int, child: int, maker: int | None = None) -> Script:
    """A process of its own; or a thread, where `maker` is its process."""

    def script(w: TraceWriter) -> None:
        flags = 0x10F00 if maker else 0
        call(w, "clone", flags, 0, 0, 0, 0, result=child, tid=parent, pid=maker or parent)
        w.add(kind=abi.EVENT_FORK, nr=0, result=maker or parent, pid=maker or child, tid=child)

    return script


def void(_value: object) -> None:
    """For a lambda that is a statement."""


def _compare(a: Path, b: Path, *rules: str) -> Comparison:
    with Trace(a) as left, Trace(b) as right:
        return compare(left, right, parse_rules(rules))


def _diff(*args: str | Path) -> Result:
    return CliRunner().invoke(
        command, [str(arg) for arg in args], catch_exceptions=False, standalone_mode=False
    )


def test_equal_traces_have_no_edits(tmp_path: Path) -> None:
    script = [_fork(2, 3), *(_read(n, b"x", tid=2 + n % 2, pid=2 + n % 2) for n in range(20))]
    a, b = _write(tmp_path, "a", *script), _write(tmp_path, "b", *script)
    found = _compare(a, b)
    assert found.same and found.first is None and found.cause is None
    assert all(task.same and not task.blocks for task in found.tasks)
    result = _diff(a, b)
    assert result.return_value == 0
    assert "the same: 23 events" in result.output


def test_only_the_first_difference(tmp_path: Path) -> None:
    a = _write(tmp_path, "a", _do("close", 3), _do("getuid"))
    b = _write(tmp_path, "b", _do("close", 4), _do("getuid"))
    result = _diff(a, b, "--first", "-U", "0")
    assert result.return_value == 1
    lines = result.output.splitlines()
    assert lines[:2] == [
        "seed differs: a and b", "first difference: event 1: other arguments or data"
    ]  # fmt: skip
    assert len(lines) == 4
    assert _diff(a, a, "--first").return_value == 0
    with pytest.raises(BadUsage, match="goes with none of"):
        _diff(a, b, "--first", "--json")


def test_other_process_ids_are_the_same_tasks(tmp_path: Path) -> None:
    """The children are made in another order by their parents, so they have other ids."""
    one = [_fork(2, 3), _fork(3, 4), _fork(2, 5), _do("getpid", result=4, tid=4, pid=4),
           _do("wait4", 5, 0, 0, 0, result=5)]  # fmt: skip
    other = [_fork(2, 3), _fork(2, 4), _fork(3, 5), _do("getpid", result=5, tid=5, pid=5),
             _do("wait4", 4, 0, 0, 0, result=4)]  # fmt: skip
    found = _compare(_write(tmp_path, "a", *one), _write(tmp_path, "b", *other))
    pairs = {(task.a and task.a.pid, task.b and task.b.pid) for task in found.tasks}
    assert pairs == {(2, 2), (3, 3), (4, 5), (5, 4)}
    assert found.only_order and not found.same


def test_tasks_are_matched_by_what_they_run(tmp_path: Path) -> None:
    def run(child: int, *argv: str) -> Script:
        def script(w: TraceWriter) -> None:
            _fork(2, child)(w)
            w.start(f"/bin/{argv[0]}", *argv, pid=child)

        return script

    a = _write(tmp_path, "a", run(3, "sleep", "1"), run(4, "sleep", "1"), run(5, "cc", "x.c"))
    b = _write(tmp_path, "b", run(3, "sleep", "1"), run(4, "cc", "x.c"), run(5, "cc", "y.c"))
    with Trace(a) as left, Trace(b) as right:
        trees = []
        for trace in (left, right):
            finder = TaskFinder(trace)
            for event in trace.read():
                finder.step(event)
            trees.append(finder.finish())
        pairs = {(x and x.pid, y and y.pid) for x, y in match_tasks(*trees)}
    assert pairs == {(2, 2), (3, 3), (5, 4), (4, None), (None, 5)}


def test_only_the_order_differs(tmp_path: Path) -> None:
    def turn(tid: int, n: int) -> Script:
        return _read(n, b"data %d" % n, tid=tid)

    start = [_fork(2, 3, maker=2), _fork(2, 4, maker=2), turn(2, 0)]
    one = [turn(3, 1), turn(4, 2), turn(3, 3), turn(4, 4)]
    other = [turn(3, 1), turn(3, 3), turn(4, 2), turn(4, 4)]
    a, b = _write(tmp_path, "a", *start, *one), _write(tmp_path, "b", *start, *other)
    found = _compare(a, b)
    assert found.only_order and found.cause is not None
    assert found.cause.kind == "schedule"
    assert found.first == (7, 7) and found.other_task is not None
    lines = _diff(a, b).output.splitlines()
    assert "what parted them: schedule: the strategy chose pid 2 thread 3 (main) instead of pid " \
        "2 thread 4 (main)" in lines  # fmt: skip
    verdict = "the same calls per task; nothing but their order differs"
    assert f"{verdict}; the order differs first at event 7" in lines
    assert not any(line.startswith("@@") for line in lines)
    assert len(lines) < 30
    assert _compare(a, b, "order").same
    assert _diff(a, b, "--ignore", "order").return_value == 0
    assert _diff(a, b, "-q").return_value == 1


def test_calls_that_wait_are_told_apart(tmp_path: Path) -> None:
    def wait(w: TraceWriter) -> None:
        call(w, "futex", 0x7000, 128, 2, result=0, tid=2)

    steps = [_read(n, b"%d" % n) for n in range(6)]
    a = _write(tmp_path, "a", *steps[:3], *[wait] * 500, *steps[3:])
    b = _write(tmp_path, "b", *steps)
    found = _compare(a, b)
    assert not found.only_order
    assert found.differing == {("futex", "delete"): 500}
    lines = _diff(a, b).output.splitlines()
    assert "the same calls per task, but for those that wait" in lines
    assert "- ... the same call 499 times more" in lines
    assert _compare(a, b, "wait").same


def test_a_differing_result_in_the_middle(tmp_path: Path) -> None:
    def script(middle: bytes) -> list[Script]:
        return [
            *(_read(3, b"%d" % n) for n in range(50)), _read(4, middle),
            *(_read(3, b"%d" % n) for n in range(50, 100)),
        ]  # fmt: skip

    a, b = _write(tmp_path, "a", *script(b"old")), _write(tmp_path, "b", *script(b"newer"))
    found = _compare(a, b)
    (task,) = found.tasks
    assert (task.count("equal"), task.count("change")) == (50, 1)
    assert task.first == (51, 51)
    assert found.cause is not None and found.cause.kind == "data"
    assert not _compare(a, b, "result").same
    assert _compare(a, b, "result,data").same
    assert _compare(a, b, "data").same  # how many bytes goes with them


@pytest.mark.parametrize(
    ("rule", "one", "other"),
    [
        ("fd", _do("close", 3), _do("close", 4)),
        ("size", _do("ftruncate", 3, 10), _do("ftruncate", 3, 10)),
        ("result", _do("lseek", 3, 0, 0, result=1), _do("lseek", 3, 0, 0, result=2)),
        ("path", lambda w: w.open("/a"), lambda w: w.open("/b")),
        ("signal", lambda w: w.add(kind=abi.EVENT_SIGNAL, nr=10), _do("getuid")),
        ("time", _do("time", 0, result=1), _do("time", 0, result=2)),
        ("random", lambda w: void(call(w, "getrandom", 1, 2, 0, result=1, data={0: b"a"})),
         lambda w: void(call(w, "getrandom", 1, 2, 0, result=1, data={0: b"b"}))),
        ("pid", _do("kill", 77, 0), _do("kill", 78, 0)),
    ],
)  # fmt: skip
def test_what_is_ignored(tmp_path: Path, rule: str, one: Script, other: Script) -> None:
    tail = _do("getuid")
    a, b = _write(tmp_path, "a", one, tail), _write(tmp_path, "b", other, tail)
    if rule == "signal":
        b = _write(tmp_path, "b", tail)
    assert _compare(a, b, rule).same
    if rule != "size":
        assert not _compare(a, b, "addr").same
        others = sorted(RULES.keys() - {rule, "order", "addr", "wait", "data", "result"})
        assert not _compare(a, b, *others).same


def test_unknown_rules() -> None:
    with pytest.raises(BadUsage, match=r'unknown rule "tyme" \(did you mean "time"\?\)'):
        parse_rules(["fd,tyme"])
    assert parse_rules(["time, fd", "pid"]) == {"time", "fd", "pid"}


def _fault(rule: int) -> Script:
    record = bytearray(abi.FaultRecord.SIZE)
    abi.FaultRecord.rule.set(record, rule)
    abi.FaultRecord.did.set(record, abi.FAULT_ERROR)
    data = field_bytes(abi.FIELD_FAULT, 0, bytes(record))
    return lambda w: w.add(kind=abi.EVENT_INJECTED, nr=NUMBERS["write"], data=data)


@pytest.mark.parametrize(
    ("one", "other", "kind", "text"),
    [
        (_fault(0), _do("getuid"), "fault", "in .* alone: rule 1 .write: error."),
        (_fault(0), _fault(1), "fault", "rule 1 .* rule 2"),
        (lambda w: w.add(kind=abi.EVENT_INPUT, nr=0, data=b""),
         lambda w: w.add(kind=abi.EVENT_INPUT, nr=0, result=1), "input", "outside"),
        (lambda w: w.add(kind=abi.EVENT_TSC, nr=0, result=1),
         lambda w: w.add(kind=abi.EVENT_TSC, nr=0, result=2), "clock", "rdtsc"),
        (_do("getuid"), _do("getgid"), "program", "getuid, and getgid"),
        (_do("close", 3), _do("close", 4), "program", "close was called with other arguments"),
        (_do("lseek", 3, 0, 0, result=1), _do("lseek", 3, 0, 0, result=2), "data", "1, and 2"),
        (_read(0, b"a"), _read(0, b"b"), "data", "read gave something else: stdin"),
        (_do("time", 0, result=1), _do("time", 0, result=2), "clock", "time told another time"),
        (_do("getuid"), lambda _w: None, "end", "ends here"),
        (lambda w: w.start("/bin/a", "a"), lambda w: w.start("/bin/b", "b"), "start", "program"),
        (lambda w: w.add(kind=abi.EVENT_POINT, nr=600), _do("getuid"), "schedule", "at a point of"),
        (lambda w: w.add(kind=abi.EVENT_FORCED, nr=0), _do("getuid"), "schedule", "spun"),
    ],
)  # fmt: skip
def test_what_parted_them(tmp_path: Path, one: Script, other: Script, kind: str, text: str) -> None:
    found = _compare(_write(tmp_path, "a", one), _write(tmp_path, "b", other))
    assert found.cause is not None
    assert found.cause.kind == kind
    assert re.search(text, found.cause.text)


def test_inode_numbers_and_times_are_no_difference_of_a_task(tmp_path: Path) -> None:
    def stat(inode: int, mtime: int) -> Script:
        data = struct.pack("<QQQIIIIQQQQ", 1, inode, 1, 0o100644, 0, 0, 0, 0, 10, 4096, 1)
        data += struct.pack("<6q", mtime, 0, mtime, 0, mtime, 0) + b"\0" * 24
        return lambda w: void(call(w, "fstat", 3, 0x7000, structs={1: data}))

    a, b = _write(tmp_path, "a", stat(7, 1)), _write(tmp_path, "b", stat(8, 2))
    found = _compare(a, b)
    assert all(task.same for task in found.tasks)
    assert found.cause is not None
    assert found.cause.text == ("fstat told another time (st_ino, st_atim, st_mtim, st_ctim)")
    with Trace(a) as left, Trace(b) as right:
        assert not all(task.same for task in compare(left, right, with_time=True).tasks)


def test_the_report_is_bounded(tmp_path: Path) -> None:
    names = ["close", "lseek", "dup", "fsync", "fchdir", "flock", "getuid", "getgid"]
    rng = random.Random(3)
    a, b = (
        _write(tmp_path, name, *(_do(rng.choice(names), n * way) for n in range(600)))
        for name, way in (("a", 1), ("b", -1))
    )
    lines = _diff(a, b).output.splitlines()
    assert len(lines) < 60
    assert any("more that differ (--all shows them)" in line for line in lines)
    assert len(_diff(a, b, "--all").output.splitlines()) > len(lines)


def test_json(tmp_path: Path) -> None:
    a = _write(tmp_path, "a", _fork(2, 3), _do("close", 3), _do("getuid"))
    b = _write(tmp_path, "b", _fork(2, 3), _do("close", 4), _do("getuid"), _do("getgid"))
    found = json.loads(_diff(a, b, "--json").output)
    assert found["version"] == 1
    assert found["first_difference"] == found["first_difference_b"] == 3
    assert found["cause"]["kind"] == "program"
    assert found["start"] == ["seed differs: a and b"]
    assert found["calls"] == {"getgid": [0, 1]}
    assert found["differing"] == {
        "close": {"change": 1, "delete": 0, "insert": 0},
        "getgid": {"change": 0, "delete": 0, "insert": 1},
    }
    task = found["tasks"][0]
    assert task["a"] == {"pid": 2, "tid": 2, "name": "main", "argv": ["main"], "events": 4}
    assert (task["equal"], task["blocks"]) == (1, [["change", 3, 3, 1], ["insert", None, 5, 1]])
    assert found["outcome"][0]["exit_code"] == 0


class _Page(HTMLParser):
    """Checks that what is opened is closed, and collects text and references."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="cannot be written"):
        _diff(_write(tmp_path, "c", _do("getuid")), _write(tmp_path, "d"), "--html", tmp_path)
    evil = "<script>alert(1)</script>&"
    steps = [_read(3, b"%d" % n) for n in range(600)]
    a = _write(tmp_path, "a", _do("close", 9), *steps, lambda w: w.open(f"/{evil}"))
    b = _write(tmp_path, "b", _do("close", 8), *steps, lambda w: w.open(f"/{evil}2"))
    page = tmp_path / "page.html"
    assert _diff(a, b, "--html", page, "-q").return_value == 1
    text = page.read_text()
    assert "<script" not in text
    parser = _Page()
    parser.feed(text)
    assert parser.open == [] and parser.references == []
    assert evil in parser.text
    assert "596 equal events" in parser.text
    assert "196 more are not in this page" in parser.text


@pytest.mark.parametrize(
    ("keys", "turns"),
    [
        ([], []),
        ([1, 2, 3], [Turns(0, 1, 1), Turns(1, 1, 1), Turns(2, 1, 1)]),
        ([1, 1], [Turns(0, 1, 1), Turns(1, 1, 1)]),
        ([1] * 5, [Turns(0, 1, 5)]),
        ([9, 1, 2, 1, 2, 1, 2, 1], [Turns(0, 1, 1), Turns(1, 2, 3), Turns(7, 1, 1)]),
    ],
)
def test_folding(keys: list[int], turns: list[Turns]) -> None:
    assert list(fold(keys)) == turns
