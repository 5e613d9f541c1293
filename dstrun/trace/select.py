"""Which events of a trace to show: by call, path, process, range.

The grammar of --syscall is strace's: names separated by commas, `!` in front for all others,
`/regex/` for every call that matches.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.errors import BadUsage, did_you_mean
from dstrun.trace.follow import Follower, Step, Targets
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import KIND_NAMES, event_name, event_strings

_RANGE = re.compile(r"(\d*)(\.\.)?(\d*)")
_NO_STEP = Step()


Chosen = tuple[int, Event, Step]


@dataclass
class Selection:
    """What is wanted; an empty part wants everything. Times are virtual and count from the run's
    start, ns."""

    names: frozenset[str] | None = None
    processes: tuple[str, ...] = ()
    tree: bool = False  # and what those processes started
    targets: Targets = field(default_factory=Targets)  # what is followed
    start: int = 0
    stop: int | None = None
    since_ns: int = 0
    until_ns: int | None = None
    faults: bool = False  # only what was injected
    _process_names: dict[int, str] = field(default_factory=dict)
    _descendants: set[int] = field(default_factory=set)

    def select(self, trace: Trace) -> Iterator[tuple[int, Event]]:
        """The wanted events with their numbers."""
        return ((index, event) for index, event, _step in self.steps(trace))

    def steps(self, trace: Trace) -> Iterator[Chosen]:
        """The wanted events with their numbers, and what they did with what is followed."""
        follower = Follower(trace, self.targets) if self.targets else None
        # A process's name is known from its start, a descriptor from its open: maybe earlier.
        by_name = self.tree or any(not process.isdecimal() for process in self.processes)
        first = 0 if by_name or follower else self.start
        start_ns = trace.event(0).enter_ns if trace.events else 0
        step = _NO_STEP
        for index, event in trace.numbered(first, self.stop):
            if by_name:
                self._learn(trace, event)
            if follower:
                step = follower.step(index, event)
                if not step:
                    continue
            if index >= self.start and self._wants(event, event.enter_ns - start_ns):
                yield index, event, step

    def around(self, trace: Trace, index: int, context: int) -> Iterator[Chosen]:
        """Event `index`, with as many wanted ones before and after it as `context` says."""
        if self == Selection():  # everything is wanted: no need to look for it
            self.start, self.stop = max(0, index - context), index + context + 1
        before: deque[Chosen] = deque(maxlen=context)
        chosen = self.steps(trace)
        following: list[Chosen] = []
        for one in chosen:
            if one[0] >= index:
                following.append(one)
                break
            before.append(one)
        yield from before
        if not following or following[0][0] != index:
            yield index, trace.event(index), _NO_STEP
            yield from following[:context]
            context -= len(following)
        else:
            yield following[0]
        yield from islice(chosen, max(0, context))

    def _wants(self, event: Event, at_ns: int) -> bool:
        if self.faults and event.kind != abi.EVENT_INJECTED:
            return False
        if self.names is not None and event_name(event) not in self.names:
            return False
        if at_ns < self.since_ns or (self.until_ns is not None and at_ns > self.until_ns):
            return False
        return not self.processes or self._of_process(event.pid)

    def _of_process(self, pid: int) -> bool:
        name = self._process_names.get(pid)
        if str(pid) in self.processes or (name is not None and name in self.processes):
            return True
        return pid in self._descendants

    def _learn(self, trace: Trace, event: Event) -> None:
        """Keeps the processes' names: a program's start sets one, a fork's child inherits it."""
        if event.kind == abi.EVENT_START:
            for path in event_strings(trace, event)[:1]:
                self._process_names[event.pid] = path.rpartition("/")[2]
        elif event.kind == abi.EVENT_FORK and event.pid not in self._process_names:
            parent = event.result
            if parent in self._process_names:
                self._process_names[event.pid] = self._process_names[parent]
            if self.tree and self._of_process(parent):
                self._descendants.add(event.pid)


def parse_names(text: str) -> frozenset[str]:
    """The names that a --syscall filter stands for."""
    known = {row.name for row in SYSCALLS.values()} | set(KIND_NAMES.values())
    negated = text.startswith("!")
    wanted: set[str] = set()
    for word in filter(None, text.removeprefix("!").split(",")):
        wanted |= _matching(word, known)
    if not wanted:
        raise BadUsage(f'--syscall "{text}": no call is meant (like openat,read or !/^get/)')
    return frozenset(known - wanted if negated else wanted)


def _matching(word: str, known: set[str]) -> set[str]:
    if len(word) > 1 and word[0] == word[-1] == "/":
        try:
            pattern = re.compile(word[1:-1])
        except re.error as error:
            raise BadUsage(f'--syscall "{word}": not a regular expression: {error}') from None
        return {name for name in known if pattern.search(name)}
    if word not in known:
        raise BadUsage(f'--syscall: unknown call "{word}"{did_you_mean(word, known)}')
    return {word}


def parse_range(text: str) -> tuple[int, int | None]:
    """ "A..B", "A..", "..B" or "A"; both ends are meant to be in it."""
    match = _RANGE.fullmatch(text.strip())
    if not match or not (match[1] or match[3]) or (match[3] and not match[2]):
        raise BadUsage(f'--events "{text}": not a range (like 100..200, 100.. or ..200)')
    start = int(match[1] or 0)
    if not match[2]:
        return start, start + 1
    stop = int(match[3]) + 1 if match[3] else None
    if stop is not None and stop <= start:
        raise BadUsage(f'--events "{text}": ends before it begins')
    return start, stop
