"""What all exports say about a run: who took part, which events, what went wrong first.

`Picture` first surveys the trace: the processes' and threads' names, the first failure, what leads
from where to where. `Picture.moments()` then gives the chosen events, one at a time, so that
millions of them need little memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, NamedTuple

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.export.arrows import Arrow, ArrowFinder
from dstrun.plan.calls import CLASSES
from dstrun.report.summary import signal_name
from dstrun.trace.decode import ERRNO_MAX
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import Renderer, event_name, event_strings
from dstrun.trace.select import Selection
from dstrun.trace.sidedata import parse_fields, without_waker
from dstrun.trace.tables import RESTARTS
from dstrun.trace.tasks import TaskFinder

_NR: Final = {row.name: nr for nr, row in SYSCALLS.items()}
_PR_SET_NAME: Final = 15
_NOT_FAILED: Final = frozenset({abi.END_EXITED})

_STRING_MAX: Final = 200  # bytes: a picture shows more of them than a line has room for
_TIME_MAX_NS: Final = 1 << 62  # what is later comes from a damaged trace
_TEXTS_KEPT: Final = 50_000

# Coarse groups of events: one colour, one filter each. The first that holds a name wins.
CATEGORIES: Final = ("sync", "time", "net", "memory", "process", "signal", "file", "other")
_WAITS: Final = """
    futex futex_waitv point yield membarrier poll ppoll select pselect6 epoll_wait epoll_pwait
    epoll_pwait2 sched_yield
    """
_TIMES: Final = """
    nanosleep clock_nanosleep clock_gettime clock_getres clock_settime gettimeofday time alarm
    setitimer getitimer timer_create timer_settime timer_gettime timer_delete timer_getoverrun
    timerfd_create timerfd_settime timerfd_gettime tsc
    """
_SYNC: Final = CLASSES["ipc"] | frozenset(_WAITS.split())
_TIME: Final = frozenset(_TIMES.split())
_PROCESS: Final = frozenset({"start", "exit", "death", "fork", "end"})


class Moment(NamedTuple):
    """One event, with what is known of it from outside of its record."""

    number: int
    event: Event
    name: str
    start_ns: int  # since the run's start
    end_ns: int


@dataclass
class Process:
    """One process. Its name is that of the last program that it ran."""

    pid: int
    name: str = ""
    command: list[str] = field(default_factory=list)
    parent: int | None = None
    threads: dict[int, Thread] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What a picture calls it."""
        return self.name or f"process {self.pid}"


@dataclass
class Thread:
    """One thread, in the order of its first chosen event."""

    tid: int
    process: Process
    name: str = ""
    events: int = 0

    @property
    def label(self) -> str:
        """What a picture calls it."""
        own = self.name if self.name != self.process.name else ""
        if self.tid == self.process.pid:
            return own or "main"
        return own or f"thread {self.tid}"


class Picture:
    """A run as pictures show it. Without `with_arrows` it is made in half the time."""

    def __init__(self, trace: Trace, selection: Selection, with_arrows: bool = True) -> None:
        self.trace = trace
        self.selection = selection
        self.renderer = Renderer(trace, _STRING_MAX)
        self.processes: dict[int, Process] = {}
        self.threads: dict[int, Thread] = {}  # those with chosen events
        self.events = 0  # chosen
        self.focus: int | None = None  # the first failure among them, or else the last of them
        self._commands: dict[int, list[str]] = {}  # by process: what it started last
        self._names: dict[int, str] = {}  # by thread: the name that it gave itself
        self._texts: dict[tuple[int, int, int, int, bytes], str] = {}
        self.arrows: list[Arrow] = []  # in the order of their targets
        self._survey(with_arrows)

    def moments(self) -> Iterator[Moment]:
        """The chosen events, in the order in which they ended."""
        start_ns = self.renderer.start_ns
        for index, event in self._chosen():
            end_ns = min(max(0, event.time_ns - start_ns), _TIME_MAX_NS)
            begin_ns = min(max(0, event.enter_ns - start_ns), end_ns)
            yield Moment(index, event, event_name(event), begin_ns, end_ns)

    def text(self, event: Event) -> str:
        """The event as show prints it. Programs do the same again and again: what is recorded of
        an event, but for who woke it, tells its text, which is made once."""
        side = self.trace.side_data(event)
        flags = event.flags & ~abi.EVENT_WOKEN
        if flags != event.flags:
            side = without_waker(side)
        key = (event.kind, event.nr, flags, event.result, side)
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) == _TEXTS_KEPT:
                self._texts.clear()
            text = self._texts[key] = self.renderer.text(event)
        return text

    def _chosen(self) -> Iterator[tuple[int, Event]]:
        # A selection remembers the names that processes had: each pass has one of its own.
        return replace(self.selection, _process_names={}).select(self.trace)

    def _survey(self, with_arrows: bool) -> None:
        """All events before the last chosen one: a name is often older than what was chosen."""
        finder = TaskFinder(self.trace)
        arrows = ArrowFinder(self.trace, self.selection.start)
        for number, event in self.trace.numbered(0, self.selection.stop):
            finder.step(event)
            if with_arrows:
                arrows.step(number, event)
            if event.kind == abi.EVENT_START:
                self._commands[event.pid] = event_strings(self.trace, event, abi.FIELD_STRINGS)
                self._names.pop(event.tid, None)
            elif event.nr == _NR["prctl"] and event.kind == abi.EVENT_SYSCALL:
                self._rename(event)
        self._tasks = finder.finish()
        numbers = array("Q")
        for number, event in self._chosen():
            numbers.append(number)
            thread = self.threads.get(event.tid) or self._appear(event)
            thread.events += 1
            if self.focus is None and is_failure(event):
                self.focus = number
        self.events = len(numbers)
        if self.focus is None and numbers:
            self.focus = numbers[-1]
        self.arrows = sorted(arrows.between(numbers))

    def _appear(self, event: Event) -> Thread:
        process = self.processes.get(event.pid)
        if process is None:
            process = self.processes[event.pid] = self._process(event)
        thread = Thread(event.tid, process, self._names.get(event.tid, ""))
        self.threads[event.tid] = process.threads[event.tid] = thread
        return thread

    def _process(self, event: Event) -> Process:
        """A process that started no program runs its parent's."""
        parents = self._tasks.parents
        by = event.pid
        while by not in self._commands and by in parents:
            by = parents[by]
        name = self._tasks.by_tid[event.tid].name
        return Process(event.pid, name, self._commands.get(by, []), parents.get(event.pid))

    def _rename(self, event: Event) -> None:
        try:
            args, _fields = parse_fields(self.trace.side_data(event))
        except ValueError:
            return
        if args and args[0] == _PR_SET_NAME:
            for name in event_strings(self.trace, event)[:1]:
                self._names[event.tid] = name


def outcome_text(run: dict[str, Any]) -> str:
    """How a run ended, from its description (dstrun.trace.render.about)."""
    outcome = str(run.get("outcome") or "")
    if outcome == "exited":
        return f"exited {run.get('exit_code')}"
    if outcome == "killed" and isinstance(run.get("signal"), int):
        return f"killed by {signal_name(run['signal'])}"
    return outcome or ("ended" if run["finished"] else "not closed")


def is_error(event: Event) -> bool:
    """A call that gave the program an errno."""
    is_errno = event.kind == abi.EVENT_SYSCALL and -ERRNO_MAX <= event.result < 0
    return is_errno and -event.result not in RESTARTS


def is_failure(event: Event) -> bool:
    """What a person who opens a failed run wants to see first: a fault that was injected, a death
    by a signal, an exit status other than 0, or a run that did not end by itself."""
    if event.kind in (abi.EVENT_INJECTED, abi.EVENT_DEATH):
        return True
    if event.kind == abi.EVENT_EXIT:
        return event.result != 0
    return event.kind == abi.EVENT_END and event.result not in _NOT_FAILED


@cache
def category(name: str) -> str:
    """The group of an event's name, one of CATEGORIES."""
    if name in _SYNC:
        return "sync"
    if name in _TIME:
        return "time"
    for group in ("net", "memory", "process", "signal"):
        if name in CLASSES[group]:
            return group
    if name in _PROCESS:
        return "process"
    if name == "signal":
        return "signal"
    return "file" if name in CLASSES["file"] or name in CLASSES["desc"] else "other"
