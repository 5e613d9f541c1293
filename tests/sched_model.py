"""Programs of a few steps, and who may schedule them: shims/core, a script, a strategy in Python.

A program is a list of words: "+m" takes lock m, "-m" gives it back, "yield" gives the turn away,
any other word is an event that just happens. Before each step somebody chooses who makes it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Protocol

from core_lib import World

from dstrun import abi
from dstrun.strategies import parse_strategy

SCHED = abi.World.sched
CONFIG = abi.World.config.offset
IDENTITY = abi.SchedTask.identity.within(abi.Task.sched)
Programs = Sequence[Sequence[str]]
Events = tuple[str, ...]
Order = tuple[str, str]


class Scheduler(Protocol):
    """Who runs next. Tasks are numbered from 1; the running one is not in the ready set."""

    points: int

    def add(self, task: int) -> None:
        """It could run from now on."""

    def choose(self, running: int) -> int:
        """The next one, `running` where that is to go on; 0: nobody can run."""

    def yields(self, task: int) -> None:
        """It gives its turn away; it is added next."""


@dataclass
class Outcome:
    """What happened, in order."""

    events: Events
    deadlock: bool
    points: int  # where more than one could have run


def execute(programs: Programs, scheduler: Scheduler) -> Outcome:
    """Runs the programs to their end, or until all that are left wait for each other."""
    left = {task: list(program) for task, program in enumerate(programs, 1)}
    owner: dict[str, int] = {}
    waiting: dict[str, list[int]] = {}
    events: list[str] = []
    for task in left:
        scheduler.add(task)
    running = scheduler.choose(0)
    while running:
        word = left[running][0]
        if word[0] == "+" and word[1:] in owner:
            waiting.setdefault(word[1:], []).append(running)
            running = scheduler.choose(0)
            continue
        left[running].pop(0)
        if word[0] == "+":
            owner[word[1:]] = running
        elif word[0] == "-":
            del owner[word[1:]]
            for task in waiting.pop(word[1:], []):
                scheduler.add(task)
        elif word == "yield":
            scheduler.yields(running)
            scheduler.add(running)
            running = scheduler.choose(0)
            continue
        else:
            events.append(word)
        if not left[running]:
            running = 0
        running = scheduler.choose(running)
    return Outcome(tuple(events), any(left.values()), scheduler.points)


class Core:
    """The strategies of shims/core. `start` makes it as new, with another seed."""

    def __init__(self, core: ctypes.CDLL, world: World, strategy: str) -> None:
        self.core = core
        self.world = world
        parse_strategy(strategy).write(world.memory, CONFIG)

    def start(self, seed: int, tasks: int) -> None:
        """As at a run's start, tasks 1 to `tasks` there, none of them ready."""
        memory = self.world.memory
        memory[SCHED.offset : SCHED.offset + SCHED.size] = bytes(SCHED.size)
        abi.Config.sched_seed.set(memory, seed, CONFIG)
        for task in range(1, tasks + 1):
            base = abi.World.tasks.at(task)
            memory[base : base + abi.Task.comm.offset] = bytes(abi.Task.comm.offset)
            IDENTITY.set(memory, self.core.sched_identity(0, task), base)

    @property
    def points(self) -> int:
        return abi.SchedState.points.get(self.world.memory, SCHED.offset)

    def add(self, task: int) -> None:
        self.core.sched_add(self.world.address, task)

    def choose(self, running: int) -> int:
        if running and not self.core.sched_asks(self.world.address):
            return running
        chosen: int = self.core.sched_choose(self.world.address, running)
        return chosen

    def yields(self, task: int) -> None:
        self.core.sched_yields(self.world.address, task)

    def run(self, seed: int, programs: Programs) -> Outcome:
        """One run under this seed."""
        self.start(seed, len(programs))
        return execute(programs, self)


@dataclass
class Scripted:
    """Chooses as it is told, after the script's end the first; notes out of how many each time."""

    script: Sequence[int]
    ready: list[int] = field(default_factory=list)
    choices: list[tuple[int, int]] = field(default_factory=list)  # (chosen, out of so many)

    @property
    def points(self) -> int:
        return len(self.choices)

    def add(self, task: int) -> None:
        self.ready.append(task)

    def choose(self, running: int) -> int:
        could_run = [running] * (running != 0) + self.ready
        if len(could_run) < 2:
            chosen = could_run[0] if could_run else 0
        else:
            at = len(self.choices)
            pick = self.script[at] if at < len(self.script) else 0
            self.choices.append((pick, len(could_run)))
            chosen = could_run[pick]
        self.ready = [task for task in could_run if task != chosen]
        return chosen

    def yields(self, task: int) -> None:
        del task


@dataclass
class Delaying:
    """Delay-bounded scheduling by its definition: at these points the first goes to the end."""

    delays: Sequence[int]
    ready: list[int] = field(default_factory=list)
    points: int = 0

    def add(self, task: int) -> None:
        self.ready.append(task)

    def choose(self, running: int) -> int:
        if running:
            self.ready.insert(0, running)
        if len(self.ready) > 1:
            for _ in range(list(self.delays).count(self.points)):
                self.ready.append(self.ready.pop(0))
            self.points += 1
        return self.ready.pop(0) if self.ready else 0

    def yields(self, task: int) -> None:
        del task


def all_outcomes(programs: Programs) -> Iterator[Outcome]:
    """The outcome of every schedule."""
    script: list[int] = []
    while True:
        scheduler = Scripted(script)
        yield execute(programs, scheduler)
        script = [pick for pick, _ in scheduler.choices]
        while script and script[-1] + 1 == scheduler.choices[len(script) - 1][1]:
            script.pop()
        if not script:
            return
        script[-1] += 1


def satisfies(events: Events, orders: Sequence[Order]) -> bool:
    """Whether each first event came before its second; one that did not come, came late."""
    at = {event: index for index, event in enumerate(events)}
    late = len(events)
    return all(at.get(a, late) < at.get(b, late) for a, b in orders)


def order_sets(programs: Programs, size: int) -> Iterator[tuple[Order, ...]]:
    """All sets of so many orderings of events of different programs: the bugs of that depth."""
    named = [(event, task) for task, program in enumerate(programs) for event in program
             if event[0] not in "+-"]  # fmt: skip
    orders = [(a, b) for a, i in named for b, j in named if i != j]
    return combinations(orders, size)
