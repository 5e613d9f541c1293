"""A run from start to end.

Nothing per event happens here. The supervisor sleeps on two futex words of the world: the bell,
which a shim rings when it wants something (an exec to be followed, more trace, the run's end), and
the token, which the kernel marks and wakes when its holder is killed from outside. Ten times a
second it looks for what has no bell: parked tasks killed from outside, limits of real time.
"""

from __future__ import annotations

import errno
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dstrun import abi
from dstrun.errors import EXIT_ERROR, EXIT_USAGE, CommandNotExecutable, DstrunError
from dstrun.launch import kernel
from dstrun.launch.backtrace import GDB_PATIENCE_S
from dstrun.launch.capture import Capture
from dstrun.launch.container import Container, launch
from dstrun.launch.hang import StuckWatch, describe_holder, describe_threads
from dstrun.launch.inherited import StandIns
from dstrun.launch.inject import (
    InjectionFailed,
    Payload,
    ProcessGone,
    inject,
    make_payload,
    release,
    seize,
    wait_for_exec,
)  # fmt: skip
from dstrun.launch.machine import file_digest, machine_meta
from dstrun.launch.ownfiles import describe_own_files, write_own_files
from dstrun.launch.pids import Pids, cpu_seconds
from dstrun.launch.program import check_program
from dstrun.launch.report import (
    processes,
    replay_result,
    result_of,
    rule_accounts,
    uncontrolled,
)
from dstrun.launch.stand import OnStand, Output, Stand
from dstrun.launch.startfiles import StartFiles
from dstrun.launch.tracefile import TraceFile, remove_if_empty
from dstrun.launch.views import show_mount_lists, show_unknown_owners
from dstrun.launch.waits import Waits
from dstrun.launch.world import YEAR_NS, World
from dstrun.native import load_shim_image
from dstrun.points import Point
from dstrun.spec import RunResult, RunSpec

if TYPE_CHECKING:
    from dstrun.launch.answers import RecordedAnswers
    from dstrun.launch.callbacks import Callbacks
    from dstrun.replay import Replay

_OUTCOMES_EXPLAINED = ("deadlock", "limit", "interrupted")
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK_S = 0.1
_PATIENCE_S = 3.0  # of who has pressed Ctrl-C
_INIT_ANSWERS_S = 5.0
_SPIN_LOOK_S = 0.2  # of CPU time without a call; doubled each time that no loop was found
_SPIN_LIMIT_S = 10.0
_SPIN_AGAIN_S = 0.5  # once it has happened, it will again
_READY_COUNT = abi.SchedState.count.within(abi.World.sched)
_REQUEST_STATE = abi.Request.state.within(abi.World.request)
_REQUEST_KIND = abi.Request.kind.within(abi.World.request)
_REQUEST_ERROR = abi.Request.error.within(abi.World.request)
_REQUEST_PID = abi.Request.pid.within(abi.World.request)
_REQUEST_TID = abi.Request.tid.within(abi.World.request)
_REQUEST_TASK = abi.Request.task.within(abi.World.request)
_STANDS = abi.ReplayState.stands.within(abi.World.replay)
_UNTIL = abi.ReplayState.until.within(abi.World.replay)
_SEGMENTS_READY = abi.TraceState.segments_ready.within(abi.World.trace)
_GROW_WANTED = abi.TraceState.grow_wanted.within(abi.World.trace)
_GROW_FAILED = abi.TraceState.grow_failed.within(abi.World.trace)
_TRACE_HASH = abi.TraceState.hash.within(abi.World.trace)
_ALIVE = abi.AliveWord.word.within(abi.Task.alive)


def run(
    spec: RunSpec,
    on_stand: OnStand | None = None,
    output: Output | None = None,
    on_interrupt: Callable[[], None] | None = None,
) -> RunResult:
    """Runs the program to its end. DstrunError: it could not be started. `on_stand`: what to do
    where the world stands still (spec.replay.until); without it the run is ended there. `output`:
    who shows what a program that is replayed writes, if that is not simply written on.
    `on_interrupt`: called at the first Ctrl-C, which then has the run stand still at the next
    event; a second one before that event ends it, as the first does without `on_interrupt`."""
    started_ns = time.monotonic_ns()
    with ExitStack() as stack:
        if not (spec.start and spec.start.root):
            check_program(spec.program_path)
        parts = _Parts(spec, stack)
        capture = _plumbing(spec, parts.world, output)
        stack.enter_context(capture)
        container = launch(spec, _choose_cpu(), capture.inside(), parts.make, parts.world)
        stack.callback(container.kill)
        capture.close_inside()
        supervision = _Supervision(spec, parts, container, started_ns, on_stand)
        stack.callback(supervision.pids.close)
        supervision.on_interrupt = on_interrupt
        result = supervision.run()
        if spec.keep:
            _keep(container, spec, spec.keep, result)
        container.kill()
        capture.finish(result)
        if parts.trace:
            result.notes += parts.start_files.notes()
            note = parts.trace.finish(_end_meta(result), supervision.attachments())
            result.notes += [note] if note else []
        result.wall_ns = time.monotonic_ns() - started_ns
        return result


def _plumbing(spec: RunSpec, world: World, output: Output | None) -> Capture | StandIns:
    return StandIns(spec.start, world, output) if spec.start else Capture(spec.capture)


class _Parts:
    """What a run needs besides its container."""

    payload: Payload

    def __init__(self, spec: RunSpec, stack: ExitStack) -> None:
        self._spec = spec
        self._stack = stack
        self._made = False
        # The trace first: what its making does to its directory is not of the run.
        self.trace = TraceFile(spec.trace) if spec.trace else None
        if self.trace:
            stack.callback(remove_if_empty, self.trace.path)
            stack.callback(self.trace.close)
        self.world = World(spec.prepared_ns)
        stack.callback(os.close, self.world.fd)
        self.start_files = StartFiles(spec, self.world)
        stack.callback(self.start_files.close)

    def make(self) -> None:
        """The rest, while the container sets itself up. Once, however often it is called."""
        if self._made:
            return
        self._made = True
        spec = self._spec
        self.world.configure(spec)
        write_own_files(spec, self.world)
        trace_fd = self.trace.fd if self.trace else None
        replay_fd = _replay_image(spec.replay, self._stack) if spec.replay else None
        self.payload = make_payload(self.world, load_shim_image(), trace_fd, replay_fd)
        self._stack.callback(os.close, self.payload.shim_fd)
        if self.trace:
            digest = {"program_blake2b": file_digest(spec.program_path)}
            replaced = {1, 2} if spec.capture != "none" else set()
            own = {
                "descriptors": self.start_files.describe_inherited(replaced),
                "own_files": describe_own_files(spec),
            }
            self.trace.describe(spec.meta() | machine_meta() | digest | own)
        # Its views are made in the run: real times would not repeat.
        if spec.fs == "overlay":
            self.world.wait_for_start()


def _replay_image(replay: Replay, stack: ExitStack) -> int:
    from dstrun.replay import make_image

    fd = make_image(replay)
    stack.callback(os.close, fd)
    return fd


def _keep(container: Container, spec: RunSpec, directory: Path, result: RunResult) -> None:
    """What the run changed; while init is there, through which its files are reached."""
    from dstrun.launch.keep import keep_changes

    try:
        keep_changes(container, (spec.cwd, *spec.overlay_dirs), directory)
    except OSError as error:
        result.outcome, result.origin, result.exit_code = "error", "dstrun", EXIT_ERROR
        result.message = f"--keep {directory}: {error.strerror}: {error.filename}"


def _callbacks(spec: RunSpec, world: World, pids: Pids) -> Callbacks | RecordedAnswers | None:
    """The functions of the fault plan, where it has any."""
    if not spec.plan or all(rule.callback is None for rule in spec.plan.rules):
        return None
    if spec.replay:
        from dstrun.launch.answers import RecordedAnswers

        return RecordedAnswers(spec.replay.answers, world, spec.cwd)
    from dstrun.launch.callbacks import Callbacks

    return Callbacks(spec.plan, spec, world, pids)


def _end_meta(result: RunResult) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "message": result.message,
        "sched_points": result.sched_points,
        "uncontrolled": result.uncontrolled,
        "faults": [asdict(rule) for rule in result.rules],
        "notes": result.notes,
        "threads": [asdict(thread) for thread in result.threads],
        "stuck": [asdict(group) for group in result.stuck],
    }


def _choose_cpu() -> int:
    """One CPU for the whole simulation: not ours, and runs side by side take different ones."""
    others = sorted(os.sched_getaffinity(0) - {kernel.current_cpu()})
    return others[os.getpid() % len(others)] if others else kernel.current_cpu()


class _Supervision:
    def __init__(
        self, spec: RunSpec, parts: _Parts, container: Container, started_ns: int,
        on_stand: OnStand | None,
    ) -> None:  # fmt: skip
        self.spec = spec
        self.on_stand = on_stand
        self.world = parts.world
        self.trace = parts.trace
        self.start_files = parts.start_files
        self.payload = parts.payload
        self.container = container
        self.started_ns = started_ns
        self.pids = Pids(container)
        self.stuck = StuckWatch(self.world, self.pids)
        self.interrupted = 0
        self.progress = -1
        self.ended_outside = False
        self.spin_start_s: float | None = None
        self.spin_limit_s = _SPIN_LIMIT_S
        self.spin_look_s = _SPIN_LOOK_S
        self.learned: list[str] = []
        self.message = ""
        self.exit_code: int | None = None
        self.in_function = False
        self.was_left = False
        self.on_interrupt: Callable[[], None] | None = None
        self.is_to_stand = False
        self.callbacks = _callbacks(spec, parts.world, self.pids)

    def run(self) -> RunResult:
        """Until the end, whatever it is."""
        self._prepare()
        with self._signals():
            self._start_program()
            while not self._ended():
                bell = self.world.get(abi.World.bell)
                token = self.world.get(abi.World.token)
                self._serve(token)
                if self._ended():
                    break
                words = [(self.world.word(abi.World.bell), bell)]
                if token:
                    words.append((self.world.word(abi.World.token), token))
                kernel.futex_wait_any(words, _TICK_S)
                self._check_limits()
        return self._result()

    def attachments(self) -> dict[str, Path | bytes]:
        """What else belongs to the trace."""
        found: dict[str, Path | bytes] = {}
        if self.callbacks:
            found |= self.callbacks.log.attachment()
        if not self.spec.replay:
            found |= self.start_files.attachments()
        return found

    def _prepare(self) -> None:
        c = self.container
        self.world.place(pid_namespace=c.pid_namespace, proc_dev=c.proc_dev, sys_dev=c.sys_dev)
        if c.user_namespace and self.spec.start and self.spec.start.user:
            show_unknown_owners(self.world, self.spec.start.user)
        if self.spec.start and self.spec.start.restores:
            show_mount_lists(self.world, self.spec.start.mounts, c.program_pid)
        elif self.trace:
            self.start_files.note_container(c.program_pid, c.user_namespace)
        if self.trace:
            self.world.set(_SEGMENTS_READY, self.trace.segments)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C and the like end the run in good order; SIGCHLD only wakes us."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        ours = [n for n in _ENDING_SIGNALS if signal.getsignal(n) != signal.SIG_IGN]
        before = {n: signal.signal(n, self._interrupt) for n in ours}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _interrupt(self, number: int, _frame: object) -> None:
        if number == signal.SIGINT and self.on_interrupt and not self.is_to_stand:
            self.is_to_stand = True
            self.world.set(_UNTIL, 1)
            self.on_interrupt()
            return
        self.interrupted = number
        if self.in_function:  # it may take for ever
            raise KeyboardInterrupt

    def _start_program(self) -> None:
        pid = self.container.program_pid
        try:
            seize(pid)
            self.world.wait_for_start()
            self.container.start()
            if not wait_for_exec(pid):
                raise DstrunError("the program's start was disturbed by a signal")
            inject(pid, 1, self.payload)
        except ProcessGone as gone:
            if os.WIFEXITED(gone.status) and os.WEXITSTATUS(gone.status) == 127:
                code = self.container.exec_error()
                raise CommandNotExecutable(f"{self.spec.program}: {os.strerror(code)}") from None
            raise DstrunError("the program was killed before its first instruction") from None
        except OSError as error:
            raise DstrunError(f"the program cannot be traced: {error.strerror}") from None

    # ---- what the shims want ----
    def _serve(self, token: int) -> None:
        if self.world.get(_REQUEST_STATE) == abi.REQ_ASKED:
            kind = self.world.get(_REQUEST_KIND)
            if kind == abi.REQUEST_BEFORE:
                self._keep_before()
            elif kind == abi.REQUEST_FAULT:
                self._ask_function()
            else:
                self._follow_exec()
        if self.trace and self.world.get(_GROW_WANTED):
            self._grow_trace()
        if self.world.get(abi.World.look_wanted):
            self._look_for_stuck()
        if self.world.get(_STANDS):
            self._stand()
        if token & abi.ROBUST_OWNER_DIED:
            self._holder_died(token)

    def _answer(self, state: int, error: int = 0) -> None:
        self.world.set(_REQUEST_ERROR, error)
        self.world.set(_REQUEST_STATE, state)
        kernel.futex_wake(self.world.word(_REQUEST_STATE))

    def _keep_before(self) -> None:
        """A file of the user's is about to change for the first time."""
        error = self.start_files.keeper(self.pids).answer()
        self._answer(abi.REQ_REFUSED if error else abi.REQ_GRANTED, error)

    def _ask_function(self) -> None:
        """A rule of the fault plan is a function: what does it say to this call?"""
        from dstrun.launch.callbacks import CallbackFailed

        assert self.callbacks
        self.in_function = True
        try:
            self.callbacks.answer()
        except CallbackFailed as failed:
            self.exit_code = EXIT_USAGE
            self._end(abi.END_FATAL, str(failed))
            return
        except KeyboardInterrupt:
            return  # the next look at the limits ends the run
        finally:
            self.in_function = False
        self._answer(abi.REQ_GRANTED)

    def _follow_exec(self) -> None:
        """A process is about to exec: follow it, and bring the shim into its new program."""
        task = self.world.get(_REQUEST_TASK)
        try:
            leader, tid = self.world.get(_REQUEST_PID), self.world.get(_REQUEST_TID)
            pid = thread = self.pids.outer(leader)
            if tid != leader:
                thread = self.pids.outer_thread(pid, tid)
            seize(thread)
        except OSError as error:
            self._answer(abi.REQ_REFUSED, error.errno or errno.EPERM)
            return
        self._answer(abi.REQ_GRANTED)
        try:
            if wait_for_exec(pid, thread):
                inject(pid, task, self.payload)
            else:
                release(thread)
        except ProcessGone:
            self._mark_dead(task)
            self._hand_to_deputy()
        except InjectionFailed as error:
            self._end(abi.END_FATAL, str(error))

    def _grow_trace(self) -> None:
        assert self.trace
        error = self.trace.grow()
        self.world.set(_GROW_FAILED, error)
        self.world.set(_SEGMENTS_READY, self.trace.segments)
        self.world.set(_GROW_WANTED, 0)
        kernel.futex_wake(self.world.word(_GROW_WANTED))

    def _look_for_stuck(self) -> None:
        self.stuck.look()
        self.world.set(abi.World.look_wanted, 0)
        kernel.futex_wake(self.world.word(abi.World.look_wanted))

    def _stand(self) -> None:
        """Everything stands still at an event, until it is told how far to go on."""
        stand = Stand(self.spec, self.world, self.pids, self.container)
        stood_ns = time.monotonic_ns()
        with self._default_interrupt():
            until = self.on_stand(stand) if self.on_stand else None
        self.started_ns += time.monotonic_ns() - stood_ns  # for the limit of real time
        self.is_to_stand = False
        if until is None:
            self.was_left = True
            self._end(abi.END_INTERRUPTED, f"it was stopped after event {stand.events - 1}")
            return
        self.world.set(_UNTIL, until)
        self.world.set(_STANDS, 0)
        kernel.futex_wake(self.world.word(_STANDS))

    @contextmanager
    def _default_interrupt(self) -> Iterator[None]:
        """While a user looks at the run, Ctrl-C is for what looks, not for the run."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    # ---- deaths that the simulation did not cause ----
    def _holder_died(self, token: int) -> None:
        task = self.world.get(abi.World.token_task)
        if self.world.get(abi.World.token) != token or self._ended():
            return
        if self.world.task(task, abi.Task.place) == abi.PLACE_SHIM:
            self._end(abi.END_FATAL, "a process was killed from outside while inside the shim: "
                      "its state is lost")  # fmt: skip
        else:
            self._hand_to_deputy()

    def _mark_dead(self, task: int) -> None:
        """What the kernel does for a task that has its robust list."""
        base = abi.World.tasks.at(task)
        word = _ALIVE.get(self.world.memory, base) | abi.ROBUST_OWNER_DIED
        _ALIVE.set(self.world.memory, word, base)

    def _look_at_holder(self) -> None:
        """A holder that died in its first steps had no robust list: nobody was told."""
        counters = (abi.World.traps, abi.World.switches, abi.World.clock_reads)
        progress = sum(self.world.get(counter) for counter in counters)
        unchanged, self.progress = progress == self.progress, progress
        task = self.world.get(abi.World.token_task)
        if not unchanged or not self.world.task(task, abi.Task.tid):  # none: not yet made
            self.spin_start_s = None
        elif self._is_dead(task):
            self._mark_dead(task)
            self._hand_to_deputy()
        elif self.world.task(task, abi.Task.place) == abi.PLACE_PROGRAM and self._others_wait():
            with suppress(ProcessLookupError, FileNotFoundError):  # it ends meanwhile
                self._watch_spinning(task)

    def _is_dead(self, task: int) -> bool:
        tid = self.world.task(task, abi.Task.tid)
        pid = self._pid_of(task) or tid  # none: a vfork child that has not taken its place
        if self.world.task(task, abi.Task.place) == abi.PLACE_EXEC:
            tid = pid  # whichever thread it was, it is the leader now
        return self.pids.is_dead(pid, tid)

    def _pid_of(self, task: int) -> int:
        return self.world.proc(self.world.task(task, abi.Task.proc), abi.Proc.pid)

    def _others_wait(self) -> bool:
        return bool(self.world.get(_READY_COUNT) or self.world.get(abi.World.timers_count))

    def _watch_spinning(self, task: int) -> None:
        """A holder that computes for long, without any call, while others wait. If it only waits
        for them it is taught to yield; otherwise, after very long, it is interrupted."""
        outer = self.pids.outer(self._pid_of(task))
        used_s = cpu_seconds(outer)
        if self.spin_start_s is None:
            self.spin_start_s = used_s
            self.spin_look_s = _SPIN_LOOK_S
            return
        spun_s = used_s - self.spin_start_s
        thread = self.pids.outer_thread(outer, self.world.task(task, abi.Task.tid))
        if spun_s > self.spin_limit_s:
            self.spin_start_s = None
            self.spin_limit_s = _SPIN_AGAIN_S
            kernel.tgkill(outer, thread, abi.FORCE_SIGNAL)
        elif spun_s > self.spin_look_s:
            self.spin_look_s *= 2
            self._teach(thread)

    def _teach(self, thread: int) -> None:
        """Where this run was stopped no seed has decided: it counts as an interruption."""
        from dstrun.launch.spins import learn
        from dstrun.points import save_point

        try:
            point = learn(thread, self._adopt)
        except OSError:
            return  # it ended meanwhile
        if not point:
            return
        self.learned.append(str(point))
        self.world.count_hole(abi.HOLE_FORCED)
        with suppress(OSError):
            save_point(point)
        if self.spec.strict:
            self._end(abi.END_STRICT, f"a task spun at {point}: that is learned now, run it again")

    def _adopt(self, point: Point) -> list[int]:
        """The shims know it from now on; the processes that may have its code."""
        self.world.add_point(point)
        live = (abi.PROC_LIVE, abi.PROC_STOPPED)
        procs = range(1, self.world.get(abi.World.used_procs) + 1)
        found = []
        for proc in procs:
            if self.world.proc(proc, abi.Proc.state) in live:
                with suppress(ProcessLookupError):
                    found.append(self.pids.outer(self.world.proc(proc, abi.Proc.pid)))
        return found

    def _hand_to_deputy(self) -> None:
        """Gives the token to any task that is alive: it buries the dead and chooses for them. Not
        when the dead one was the run's end: nobody runs after that."""
        if self._ended():
            return
        able = filter(self._can_be_deputy, self.world.tasks())
        deputy = min(able, key=self._is_held, default=None)
        if deputy is None:
            self._end_outside()
            return
        self.world.set(abi.World.deputy, 1)
        self.world.set(abi.World.token_task, deputy)
        self.world.set(abi.World.token, self.world.task(deputy, abi.Task.tid) | abi.ROBUST_WAITERS)
        wake = abi.World.tasks.at(deputy) + abi.Task.wake.offset
        abi.Task.wake.set(self.world.memory, 1, abi.World.tasks.at(deputy))
        kernel.futex_wake(self.world.address + wake)

    def _can_be_deputy(self, task: int) -> bool:
        state = self.world.task(task, abi.Task.state)
        alive = self.world.task(task, _ALIVE)
        waits = state in (abi.TASK_PARKED, abi.TASK_READY, abi.TASK_STOPPED)
        return waits and alive != 0 and not alive & abi.ROBUST_OWNER_DIED

    def _is_held(self, task: int) -> bool:
        """In vfork the kernel holds it: free to act only if the dead is its child."""
        return self.world.task(task, abi.Task.wait) == abi.WAIT_VFORK

    def _look_for_dead(self) -> None:
        """Parked tasks that were killed from outside are noted for the token's holder."""
        for task in self.world.tasks():
            state = self.world.task(task, abi.Task.state)
            if state in (abi.TASK_PARKED, abi.TASK_READY, abi.TASK_STOPPED) and (
                self.world.task(task, _ALIVE) & abi.ROBUST_OWNER_DIED
            ):
                self.world.set(abi.World.outside_death, 1)
                return

    # ---- ends ----
    def _ended(self) -> bool:
        return bool(self.world.get(abi.World.end_reason))

    def _end(self, reason: int, message: str) -> None:
        self.world.set(abi.World.stopping, 1)
        self.world.set(abi.World.end_reason, reason)
        self.message = message

    def _end_outside(self) -> None:
        """The program is gone without having told: its status is what init reaps."""
        self.ended_outside = True
        self._end(abi.END_EXITED, "")

    def _check_limits(self) -> None:
        self._look_for_dead()
        self._look_at_holder()
        elapsed_s = (time.monotonic_ns() - self.started_ns) / 1e9
        if self.interrupted:
            self._end(abi.END_INTERRUPTED, "")
        elif self.spec.wall_limit_s and elapsed_s > self.spec.wall_limit_s:
            limit = f"{self.spec.wall_limit_s:g} s"
            self._end(abi.END_WALL, f"the limit of real time, {limit}, was reached")
        elif self.container.exit_status(0) is not None and not self._ended():
            self._end_outside()

    def _result(self) -> RunResult:
        tree = processes(Waits(self.world, self.pids))
        # A program that ended by its own call has told the world how; the kernel need not be asked.
        status = self.container.exit_status(_INIT_ANSWERS_S) if self.ended_outside else None
        self.world.set(abi.World.stopping, 1)
        result = result_of(self.world, status, self.message, self.interrupted)
        if self.world.get(abi.World.end_reason) == abi.END_TIME and not self.spec.max_virtual_ns:
            years = result.virtual_ns // YEAR_NS
            result.message = f"{years} years of virtual time have passed: no run is longer"
        if self.exit_code is not None:
            result.exit_code = self.exit_code
        result.processes = tree
        if self.spec.replay:
            result.replay = replay_result(self.world)
        result.rules = rule_accounts(self.world, self.spec)
        result.faults = sum(rule.fired for rule in result.rules)
        if result.outcome == "limit":
            with suppress(LookupError, ValueError, OSError, struct.error):  # stopped in mid-change
                self.stuck.look()
        if result.outcome in _OUTCOMES_EXPLAINED and not self.was_left:
            patience_s = _PATIENCE_S if self.interrupted else GDB_PATIENCE_S
            result.threads = describe_threads(self.world, self.pids, self.spec.trace, patience_s)
        elif result.outcome == "diverged":
            result.threads = describe_holder(self.world, self.pids)
        result.stuck = self.stuck.result()
        result.uncontrolled = uncontrolled(self.world)
        result.learned = self.learned
        result.notes = self.container.notes + result.notes
        result.notes += [
            f"it spun at {where}, which is learned now: run it again" for where in self.learned
        ]
        result.trace = self.spec.trace
        if self.trace:
            result.trace_hash = self.world.get(_TRACE_HASH)
        return result
