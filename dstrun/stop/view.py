"""What there is to see where a run stands still, as text: at the same event it is the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from dstrun import abi
from dstrun.launch.backtrace import ThreadTrace, backtraces
from dstrun.launch.stand import Stand
from dstrun.launch.waits import Waits
from dstrun.quantities import NS_PER_S, format_time
from dstrun.trace.descriptors import Tracker
from dstrun.trace.format import Event
from dstrun.trace.reader import Trace
from dstrun.trace.render import Renderer

_FRAMES_OF_MAX = 64


class View:
    """A stand, looked at. Its trace has the events up to it."""

    def __init__(self, stand: Stand, events: int) -> None:
        self.stand = stand
        self.number = stand.events - 1
        self._last = events - 1  # of the recorded run
        assert stand.spec.trace
        self.path = stand.spec.trace
        with Trace(self.path) as trace:
            self.event: Event = trace.event(self.number)

    def headline(self) -> str:
        """The event that has just been made."""
        return "\n".join(self.events(1))

    def events(self, count: int) -> list[str]:
        """The last so many."""
        with Trace(self.path) as trace:
            return Renderer(trace).lines(max(0, self.number + 1 - count), self.number + 1)

    def time(self) -> list[str]:
        """Both clocks, and how far the run is."""
        now_ns = self.stand.virtual_ns
        wall_ns = self.stand.world.get(abi.World.now_ns) + self._wall_offset_ns()
        wall = datetime.fromtimestamp(wall_ns // NS_PER_S, timezone.utc)
        return [
            f"{format_time(now_ns)} s since the start",
            f"{wall:%Y-%m-%d %H:%M:%S}.{wall_ns % NS_PER_S:09d} UTC on the run's clock",
            f"event {self.number} of {self._last}",
        ]

    def _wall_offset_ns(self) -> int:
        config = abi.World.config.offset
        memory = self.stand.world.memory
        return abi.Config.epoch_ns.get(memory, config) - abi.Config.boot_ns.get(memory, config)

    def tasks(self) -> list[str]:
        """Every thread: what it does or waits for. `*`: the one that made the event."""
        waits = Waits(self.stand.world, self.stand.pids)
        rows = [self._task_row(waits, task) for task in waits.tasks]
        return columns(rows)

    def _task_row(self, waits: Waits, task: int) -> tuple[str, str, str, str]:
        pid, tid = waits.ids(task)
        mark = "*" if task == self.stand.holder else " "
        name = abi.Task.comm.get_text(waits.world.memory, abi.World.tasks.at(task))
        return f"{mark} pid {pid}", f"thread {tid}", name, self._state(waits, task)

    def _state(self, waits: Waits, task: int) -> str:
        """The one that has made an event other than a call is in none."""
        is_in_call = task != self.stand.holder or self.event.kind == abi.EVENT_SYSCALL
        return waits.describe(task) if is_in_call else "runs"

    def task_of(self, tid: int) -> int | None:
        """The index of a live thread."""
        waits = Waits(self.stand.world, self.stand.pids)
        return next((task for task in waits.tasks if waits.ids(task)[1] == tid), None)

    def backtrace(self, tids: list[int] | None) -> list[str]:
        """The frames of some threads, or of all."""
        waits = Waits(self.stand.world, self.stand.pids)
        tasks = [task for task in waits.tasks if tids is None or waits.ids(task)[1] in tids]
        traces = backtraces(self.stand.world, self.stand.pids, tasks[:_FRAMES_OF_MAX], {})
        lines: list[str] = []
        for task in tasks[:_FRAMES_OF_MAX]:
            pid, tid = waits.ids(task)
            name = abi.Task.comm.get_text(waits.world.memory, abi.World.tasks.at(task))
            lines.append(f"thread {tid} of {pid} {name}: {self._state(waits, task)}")
            frames = traces.get(task, ThreadTrace()).frames
            lines += [f"  {frame}" for frame in frames or ("(no frames)",)]
        if len(tasks) > _FRAMES_OF_MAX:
            lines.append(f"and {len(tasks) - _FRAMES_OF_MAX} more threads")
        return lines

    def descriptors(self, pid: int) -> list[str]:
        """What a process has open, by what the trace tells."""
        with Trace(self.path) as trace:
            tracker = Tracker(trace)
            for index, event in enumerate(trace.read(0, self.number + 1)):
                tracker.step(index, event)
            table = tracker.descriptors(pid)
        return [f"{fd:4}  {file.name}" for fd, file in sorted(table.items())]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, each column as wide as its widest word but for the last."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
