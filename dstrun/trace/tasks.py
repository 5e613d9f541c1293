"""Who is who: the processes and threads of a run as a tree, and which of another run's they are.

Process ids depend on the schedule, so that the same process may be 7 in one run and 9 in another.
What does not is a task's place: which child of which thread it is, in the order in which that
thread made them. Two runs' trees are matched from their roots on. The children of two tasks that
match are aligned by what they run (one run may have made a child that the other did not), and what
is left between those, in equal numbers, is matched in order.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.trace.align import EQUAL, align
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import event_strings

_MAKES: Final = frozenset(
    nr for nr, row in SYSCALLS.items() if row.name in ("clone", "clone3", "fork", "vfork")
)


@dataclass(eq=False, slots=True)
class Task:
    """One thread. `place` is its place in the tree: how manyth child of each ancestor it is."""

    pid: int
    tid: int
    place: tuple[int, ...] = ()
    argv: list[str] = field(default_factory=list)  # of the first program that it started itself
    name: str = ""  # of its process's program, at its end
    children: list[Task] = field(default_factory=list)
    events: int = 0

    @property
    def is_thread(self) -> bool:
        """Not its process's first one."""
        return self.tid != self.pid

    @property
    def label(self) -> str:
        """How a report calls it."""
        who = f"pid {self.pid}" if not self.is_thread else f"pid {self.pid} thread {self.tid}"
        return f"{who} ({self.name})" if self.name else who

    def key(self) -> Hashable:
        """What a child is recognised by among its siblings."""
        return self.is_thread, tuple(self.argv)


@dataclass
class Tasks:
    """All tasks of a trace, in the order of their first events; `roots` have no known parent."""

    by_tid: dict[int, Task] = field(default_factory=dict)
    roots: list[Task] = field(default_factory=list)

    @property
    def parents(self) -> dict[int, int]:
        """By process: the one that made it."""
        return {
            child.pid: task.pid
            for task in self.by_tid.values()
            for child in task.children
            if not child.is_thread
        }

    def name_of(self, tid: int) -> str:
        """What a report calls a task."""
        task = self.by_tid.get(tid)
        return task.label if task else f"task {tid}"


class TaskFinder:
    """Collects the tasks from the events of a trace, in order; `finish` makes the tree."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._tasks = Tasks()
        self._made: dict[int, int] = {}  # by child: the thread that made it
        self._order: dict[int, list[int]] = {}  # by thread: its children as it made them
        self._forks: dict[int, int] = {}  # by child: the process that it came from
        self._names: dict[int, str] = {}  # by process

    def step(self, event: Event) -> None:
        """The next event."""
        task = self._tasks.by_tid.get(event.tid)
        if task is None:
            task = self._tasks.by_tid[event.tid] = Task(event.pid, event.tid)
        task.events += 1
        kind = event.kind
        if kind == abi.EVENT_SYSCALL:
            if event.nr in _MAKES and event.result > 0:
                self._made[event.result] = event.tid
                self._order.setdefault(event.tid, []).append(event.result)
        elif kind == abi.EVENT_FORK:
            self._forks[event.tid] = event.result
        elif kind == abi.EVENT_START:
            path = event_strings(self._trace, event)[:1]
            self._names[event.pid] = path[0].rpartition("/")[2] if path else ""
            if not task.argv:
                task.argv = event_strings(self._trace, event, abi.FIELD_STRINGS)

    def finish(self) -> Tasks:
        """The tree. A child whose maker's call was not recorded (the run ended in it) is the last
        one of its process's first thread."""
        for tid, parent in self._forks.items():
            if tid not in self._made and parent != tid:
                self._order.setdefault(parent, []).append(tid)
                self._made[tid] = parent
        tasks = self._tasks.by_tid
        for task in tasks.values():
            task.children = [tasks[t] for t in self._order.get(task.tid, ()) if t in tasks]
            if self._made.get(task.tid) not in tasks:
                self._tasks.roots.append(task)
        claimed = set(self._tasks.roots)
        for task in [*self._tasks.roots, *tasks.values()]:
            if not task.place:  # a root; or, in a damaged trace, one of a circle
                if task not in claimed:
                    self._tasks.roots.append(task)
                    claimed.add(task)
                self._place(task, (self._tasks.roots.index(task) + 1,), claimed)
        return self._tasks

    def _place(self, root: Task, place: tuple[int, ...], claimed: set[Task]) -> None:
        """Gives a root and its descendants their places; a task is only one's child."""
        todo = [(root, place)]
        while todo:
            task, place = todo.pop()
            task.place = place
            task.name = self._names.get(task.pid) or self._name_of_origin(task)
            children = dict.fromkeys(task.children)
            task.children = [child for child in children if child not in claimed]
            claimed.update(task.children)
            todo += [(child, (*place, at)) for at, child in enumerate(task.children, 1)]

    def _name_of_origin(self, task: Task) -> str:
        """A process that started no program runs its parent's."""
        parent = self._tasks.by_tid.get(self._made.get(task.tid, 0))
        return parent.name if parent else ""


def find_tasks(trace: Trace) -> Tasks:
    """The tasks of a trace, from one reading of it."""
    finder = TaskFinder(trace)
    for event in trace.read():
        finder.step(event)
    return finder.finish()


def match_tasks(a: Tasks, b: Tasks) -> list[tuple[Task | None, Task | None]]:
    """The tasks of two runs, each with its counterpart; parents come before their children."""
    pairs: list[tuple[Task | None, Task | None]] = []
    todo = list(_match_children(a.roots, b.roots))
    while todo:
        left, right = todo.pop(0)
        pairs.append((left, right))
        todo += _match_children(left.children if left else [], right.children if right else [])
    return pairs


def _match_children(a: list[Task], b: list[Task]) -> Iterator[tuple[Task | None, Task | None]]:
    numbers: dict[Hashable, int] = {}
    keys_a = [numbers.setdefault(task.key(), len(numbers)) for task in a]
    keys_b = [numbers.setdefault(task.key(), len(numbers)) for task in b]
    left: list[Task] = []
    right: list[Task] = []
    for block in align(keys_a, keys_b, keys_a, keys_b):
        if block.kind != EQUAL:
            left += a[block.a0 : block.a1]
            right += b[block.b0 : block.b1]
            continue
        yield from _in_order(left, right)
        left, right = [], []
        yield from zip(a[block.a0 : block.a1], b[block.b0 : block.b1], strict=True)
    yield from _in_order(left, right)


def _in_order(a: Iterable[Task], b: Iterable[Task]) -> Iterator[tuple[Task | None, Task | None]]:
    """Threads with threads and processes with processes; in unequal numbers they match nothing."""
    for is_thread in (False, True):
        left = [task for task in a if task.is_thread == is_thread]
        right = [task for task in b if task.is_thread == is_thread]
        if len(left) == len(right):
            yield from zip(left, right, strict=True)
        else:
            yield from ((task, None) for task in left)
            yield from ((None, task) for task in right)
