"""Which events of a trace to show: by call, path, process, range.

The grammar of --syscall is strace's: names separated by commas, `!` in front for all others,
`/regex/` for every call that matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.errors import BadUsage, did_you_mean
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import KIND_NAMES, event_name, event_strings

_RANGE = re.compile(r"(\d*)(\.\.)?(\d*)")


@dataclass
class Selection:
    """What is wanted; an empty part wants everything."""

    names: frozenset[str] | None = None
    paths: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    start: int = 0
    stop: int | None = None
    faults: bool = False  # only what was injected
    _process_names: dict[int, str] = field(default_factory=dict)

    def select(self, trace: Trace) -> Iterator[tuple[int, Event]]:
        """The wanted events with their numbers."""
        by_name = any(not process.isdecimal() for process in self.processes)
        # A process's name is known from its start, which may lie before the range.
        first = 0 if by_name else self.start
        for index, event in trace.numbered(first, self.stop):
            if by_name:
                self._follow(trace, event)
            if index >= self.start and self._wants(trace, event):
                yield index, event

    def _wants(self, trace: Trace, event: Event) -> bool:
        if self.faults and event.kind != abi.EVENT_INJECTED:
            return False
        if self.names is not None and event_name(event) not in self.names:
            return False
        if self.processes and not self._of_process(event):
            return False
        return not self.paths or self._has_path(trace, event)

    def _of_process(self, event: Event) -> bool:
        name = self._process_names.get(event.pid)
        return str(event.pid) in self.processes or (name is not None and name in self.processes)

    def _has_path(self, trace: Trace, event: Event) -> bool:
        for text in event_strings(trace, event):
            base = text.rpartition("/")[2]
            if any(fnmatchcase(base if "/" not in p else text, p) for p in self.paths):
                return True
        return False

    def _follow(self, trace: Trace, event: Event) -> None:
        """Keeps the processes' names: a program's start sets one, a fork's child inherits it."""
        if event.kind == abi.EVENT_START:
            for path in event_strings(trace, event)[:1]:
                self._process_names[event.pid] = path.rpartition("/")[2]
        elif event.kind == abi.EVENT_FORK and event.result in self._process_names:
            self._process_names.setdefault(event.pid, self._process_names[event.result])


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
