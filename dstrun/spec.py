"""What a run is, and what came of it: the contract between the command line and the launcher.

A RunSpec holds all that decides a run and nothing of how it is reported. It is complete: two runs
of one spec from the same files are the same run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dstrun.points import Point
from dstrun.seed import Seed
from dstrun.strategies import DEFAULT_STRATEGY

if TYPE_CHECKING:
    from dstrun.plan.model import Plan
    from dstrun.replay import Replay
    from dstrun.startstate import StartState

CALL_COST_NS = 1000  # about what a trapped call takes in fact
CLOCK_COST_NS = 50
TRACE_DIR = ".dstrun"  # in the working directory: traces that were given no name

# none: the program has dstrun's own stdout and stderr; tee: they are forwarded and hashed; hash:
# only hashed (further runs of --verify).
Capture = Literal["none", "tee", "hash"]

Outcome = Literal[
    "exited", "killed", "deadlock", "limit", "uncontrolled", "error", "interrupted", "diverged"
]


@dataclass(frozen=True)
class RunSpec:
    """One run. `program` is the file that argv[0] was resolved to."""

    argv: tuple[str, ...]
    program: str
    env: Mapping[str, str]
    cwd: str
    seed: Seed
    ignored_signals: tuple[int, ...] = ()  # as the user's shell left them, for the program
    blocked_signals: tuple[int, ...] = ()
    trace: Path | None = None
    epoch_ns: int | None = None
    cpus: int = 1
    hostname: str = "dstrun"
    net: Literal["isolated", "host"] = "isolated"
    fs: Literal["host", "overlay"] = "host"
    overlay_dirs: tuple[str, ...] = ()
    keep: Path | None = None
    strict: bool = False
    preload: bool = True
    strategy: str = DEFAULT_STRATEGY
    plan: Plan | None = None  # of faults; None: none
    points: tuple[Point, ...] = ()  # learned yield points
    call_cost_ns: int = CALL_COST_NS
    clock_cost_ns: int = CLOCK_COST_NS
    cost_jitter_ppm: int = 0
    max_virtual_ns: int | None = None
    max_events: int | None = None
    wall_limit_s: float | None = None
    capture: Capture = "none"
    replay: Replay | None = None  # the trace that it follows
    start: StartState | None = None  # files as they were before the run that is made again
    prepared_ns: int | None = None  # real time since which nobody but the run touches its files

    @property
    def program_path(self) -> str:
        """Where the program is, for who has another working directory."""
        return str(Path(self.cwd, self.program))

    def meta(self) -> dict[str, Any]:
        """What the trace's header keeps, to run it again; plain JSON types."""
        return {
            "argv": list(self.argv),
            "program": self.program,
            "env": dict(self.env),
            "cwd": self.cwd,
            "ignored_signals": list(self.ignored_signals),
            "blocked_signals": list(self.blocked_signals),
            "seed": self.seed.text,
            "entropy_seed": self.seed.entropy,
            "sched_seed": self.seed.sched,
            "fault_seed": self.seed.fault,
            "epoch_ns": self.epoch_ns,
            "cpus": self.cpus,
            "hostname": self.hostname,
            "net": self.net,
            "fs": self.fs,
            "overlay_dirs": list(self.overlay_dirs),
            "strict": self.strict,
            "preload": self.preload,
            "strategy": self.strategy,
            "plan": self.plan.meta() if self.plan else [],
            "points": [asdict(point) for point in self.points],
            "call_cost_ns": self.call_cost_ns,
            "clock_cost_ns": self.clock_cost_ns,
            "cost_jitter_ppm": self.cost_jitter_ppm,
            "max_virtual_ns": self.max_virtual_ns,
            "max_events": self.max_events,
        }


@dataclass(frozen=True)
class ProcessInfo:
    """A process of the run, for the summary's tree."""

    pid: int
    parent: int
    name: str
    state: str  # "exited 0", "killed by SIGSEGV", "waits for a child", ...


@dataclass(frozen=True)
class LoopInfo:
    """What a thread repeats. `alike`: each turn saw the same as the one before, but for times."""

    calls: tuple[str, ...]  # of one turn, the first of them
    length: int  # calls in a turn
    turns: int
    since_ns: int
    from_event: int
    alike: bool
    began_earlier: bool  # than the part of the trace that was looked at


@dataclass(frozen=True)
class ThreadInfo:
    """A thread of a run that got stuck: what it waits for, and its frames, innermost first."""

    pid: int
    tid: int
    name: str
    state: str
    frames: tuple[str, ...] = ()
    loop: LoopInfo | None = None
    places: tuple[str, ...] = ()  # where it turns without any call


@dataclass(frozen=True)
class StuckInfo:
    """Threads that nothing can set free any more, and since when, while others went on."""

    since_ns: int
    threads: tuple[ThreadInfo, ...]


@dataclass(frozen=True)
class RuleAccount:
    """What came of a rule of the fault plan."""

    name: str
    matched: int
    decided: int  # matches at which it was to happen
    fired: int  # had an effect
    overruled: int  # an earlier rule decided what the call gave
    asked: int  # a script's function was
    at_least: int
    first_ns: int  # virtual time since the start; 0 when it never fired
    last_ns: int


@dataclass(frozen=True)
class ReplayResult:
    """How a run that followed a trace compared with it."""

    compared: int  # events that were the same
    differs_at: int | None  # number of the first event that was another one
    not_applied: int  # decisions of the trace that could not be followed


@dataclass
class RunResult:
    """What came of a run. `origin` says whose exit status it is."""

    outcome: Outcome
    origin: Literal["program", "dstrun"]
    exit_code: int | None = None
    signal: int | None = None
    events: int = 0
    sched_points: int = 0  # where more than one task could have run
    virtual_ns: int = 0
    wall_ns: int = 0
    faults: int = 0
    rules: list[RuleAccount] = field(default_factory=list)
    uncontrolled: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    trace: Path | None = None
    trace_hash: int = 0
    processes: list[ProcessInfo] = field(default_factory=list)
    threads: list[ThreadInfo] = field(default_factory=list)  # of a deadlock, or at a limit
    stuck: list[StuckInfo] = field(default_factory=list)
    message: str = ""
    stdout_sha256: str | None = None  # with capture
    stderr_sha256: str | None = None
    replay: ReplayResult | None = None
    learned: list[str] = field(default_factory=list)  # yield points: where the run spun
