"""What each task waits for, in words, and which tasks could end its wait.

All of it is read out of a world that stands still, and of the programs' own memory: a mutex of the
C library holds its owner's id beside the word that is waited on. What cannot be told for certain is
left to anybody (`Needs.anybody`), so that nobody is called stuck who is not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Set

from dstrun import abi
from dstrun.launch.descriptors import Descriptors
from dstrun.launch.locks import Lock, owner_of
from dstrun.launch.pids import Pids
from dstrun.launch.stuck import Needs
from dstrun.launch.world import World
from dstrun.quantities import format_duration

_FOREVER_NS = 2**64 - 1
_NR_FUTEX = 202
_FUTEX_PRIVATE = 128
_UNBLOCKED = (abi.TASK_READY, abi.TASK_RUNNING, abi.TASK_STARTING)
# Faults, SIGPIPE and what the C library keeps for itself: handlers of these free nobody.
_NO_NEWS = frozenset({4, 5, 7, 8, 11, 13, 31, 32, 33})
_ITIMER_POS = abi.TimerRef.heap_pos.within(abi.Proc.itimer_real)
_LOCK_INODE = abi.LockWait.inode.within(abi.Task.lock)
_LOCK_IS_FLOCK = abi.LockWait.is_flock.within(abi.Task.lock)
_LOCK_EXCLUSIVE = abi.LockWait.exclusive.within(abi.Task.lock)
_LOCK_BLOCKER = abi.LockWait.blocker.within(abi.Task.lock)
_TURN_KIND = abi.Turn.kind.within(abi.Task.turn)
_TURN_ID = abi.Turn.id.within(abi.Task.turn)
_READY_NS = abi.SchedTask.ready_ns.within(abi.Task.sched)
_OPENS = frozenset({"open", "openat", "openat2", "creat"})
_TURNS = {
    abi.TURN_SEM: "a semaphore of System V set {}",
    abi.TURN_MSG_SEND: "room in System V message queue {}",
    abi.TURN_MSG_RECEIVE: "a message in System V message queue {}",
    abi.TURN_MQ_SEND: "room in a message queue",
    abi.TURN_MQ_RECEIVE: "a message in a message queue",
}


class Waits:
    """One look at a world that stands still."""

    def __init__(self, world: World, pids: Pids) -> None:
        self.world = world
        self.tasks = [task for task in world.tasks() if self._is_live(task)]
        self.now_ns = world.get(abi.World.now_ns)
        self._pids = pids
        self._by_proc: dict[int, list[int]] = {}
        self._by_tid: dict[int, int] = {}
        for task in self.tasks:
            self._by_proc.setdefault(self.proc_of(task), []).append(task)
            self._by_tid[world.task(task, abi.Task.tid)] = task
        self._by_memory: dict[int, frozenset[int]] = {}
        for proc, members in self._by_proc.items():
            mm = world.proc(proc, abi.Proc.mm)
            self._by_memory[mm] = self._by_memory.get(mm, frozenset()) | frozenset(members)
        self._by_end = {
            (self.memory_of(task), world.task(task, abi.Task.clear_tid)): task
            for task in self.tasks
        }
        self._open_to_signals: dict[int, Needs | None] = {}
        self._descriptors: Descriptors | None = None

    def _is_live(self, task: int) -> bool:
        state = self.world.task(task, abi.Task.state)
        # Without an id: being made. Without a process: its slot is about to be freed.
        return state not in (abi.TASK_FREE, abi.TASK_EXITING) and bool(
            self.world.task(task, abi.Task.tid)
        )

    # ---- plain facts ----
    def proc_of(self, task: int) -> int:
        return self.world.task(task, abi.Task.proc)

    def memory_of(self, task: int) -> int:
        """Threads share it, and some processes."""
        return self.world.proc(self.proc_of(task), abi.Proc.mm)

    def ids(self, task: int) -> tuple[int, int]:
        """Process id and thread id, as the program knows them."""
        world = self.world
        return world.proc(self.proc_of(task), abi.Proc.pid), world.task(task, abi.Task.tid)

    def since_ns(self, task: int) -> int:
        """Since when it waits, on the run's clock."""
        start = abi.Config.boot_ns.get(self.world.memory, abi.World.config.offset)
        return self.world.task(task, abi.Task.wait_since_ns) - start

    def descriptors(self) -> Descriptors:
        """Who holds what; looked up when it is first wanted."""
        if self._descriptors is None:
            self._descriptors = Descriptors(self.world, self._by_proc)
        return self._descriptors

    def memory(self, proc: int, address: int, size: int) -> bytes:
        """A piece of a process's memory; nothing where there is none."""
        try:
            pid = self._pids.outer(self.world.proc(proc, abi.Proc.pid))
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
                return os.pread(file.fileno(), size, address)
        except (OSError, ValueError, OverflowError):
            return b""

    # ---- what could end a wait ----
    def needs(self) -> dict[int, Needs]:
        """For every task."""
        return {task: self._needs(task) for task in self.tasks}

    def _needs(self, task: int) -> Needs:
        world = self.world
        state = world.task(task, abi.Task.state)
        if state in _UNBLOCKED:
            return Needs(itself=True)
        if state == abi.TASK_STOPPED:
            return Needs(anybody=True)
        if world.task(task, abi.Task.wait_deadline_ns) != _FOREVER_NS and (
            world.task(task, abi.Task.wait) != abi.WAIT_VFORK
        ):
            return Needs(itself=True)
        lock = self.lock(task)
        if lock:
            return Needs(frozenset({lock.owner}))
        by_signal = self._freed_by_signal(self.proc_of(task))
        if by_signal:
            return by_signal
        by = self._freed_by(task)
        return Needs(anybody=True) if by is None else Needs(frozenset(by))

    def _freed_by_signal(self, proc: int) -> Needs | None:
        """None: no signal does more to it than to kill it."""
        if proc not in self._open_to_signals:
            found = None
            if self._has_timers(proc):
                found = Needs(itself=True)
            elif self._hears_signals(proc):
                found = Needs(anybody=True)
            self._open_to_signals[proc] = found
        return self._open_to_signals[proc]

    def _freed_by(self, task: int) -> Set[int] | None:
        """None: by anybody."""
        kind = self.world.task(task, abi.Task.wait)
        find = _FREED_BY.get(kind)
        return find(self, task) if find else None

    def _tasks_of(self, procs: set[int]) -> set[int]:
        return {task for proc in procs for task in self._by_proc.get(proc, ())}

    def _freed_from_child(self, task: int) -> set[int]:
        """By the ends of its children, and by its own threads, which may make one."""
        proc = self.proc_of(task)
        return self._tasks_of({proc, *self._children(proc)})

    def _freed_from_vfork(self, task: int) -> set[int]:
        return self._tasks_of(self._vfork_children(task))

    def _vfork_children(self, task: int) -> set[int]:
        procs = self._children(self.proc_of(task))
        return {p for p in procs if self.world.proc(p, abi.Proc.vfork_waiter) == task}

    def _freed_from_futex(self, task: int) -> Set[int] | None:
        """A private word is in the reach of the memory's own threads only."""
        private = self.world.task_word(abi.Task.trap_args, task, 1) & _FUTEX_PRIVATE
        is_call = self.world.task(task, abi.Task.trap_nr) == _NR_FUTEX
        return self._by_memory[self.memory_of(task)] if is_call and private else None

    def _freed_from_lock(self, task: int) -> set[int] | None:
        procs = self._lock_holders(task)
        return self._tasks_of(procs) if procs else None

    def _freed_from_object(self, task: int) -> set[int] | None:
        procs = self.descriptors().who_can_change(task)
        return None if procs is None else self._tasks_of(procs)

    def _children(self, proc: int) -> Iterator[int]:
        child = self.world.proc(proc, abi.Proc.first_child)
        for _ in range(
            abi.PROCS_MAX
        ):  # a run stopped in the middle of a change may lead in circles
            if not child:
                return
            yield child
            child = self.world.proc(child, abi.Proc.next_sibling)

    def _has_timers(self, proc: int) -> bool:
        """It has one that will send it a signal."""
        itimer = _ITIMER_POS.get(self.world.memory, abi.World.procs.at(proc))
        return bool(itimer or self.world.proc(proc, abi.Proc.posix_timers))

    def _hears_signals(self, proc: int) -> bool:
        """It has a handler: what that would do nobody knows."""
        world, base = self.world, abi.World.procs.at(proc)
        for number in range(1, 65):
            place = abi.Proc.actions.at(number, base)
            if abi.SigactionK.handler.get(world.memory, place) > 1 and number not in _NO_NEWS:
                return True
        return False

    def _lock_holders(self, task: int) -> set[int]:
        """Processes that have the file lock; none: not known."""
        base = abi.World.tasks.at(task)
        memory = self.world.memory
        if _LOCK_IS_FLOCK.get(memory, base):
            return self.descriptors().flock_holders(
                _LOCK_INODE.get(memory, base), self.world.task_word(abi.Task.trap_args, task, 0),
                self.proc_of(task), bool(_LOCK_EXCLUSIVE.get(memory, base)),
            )  # fmt: skip
        blocker = _LOCK_BLOCKER.get(memory, base)
        return {blocker} if blocker else set()

    # ---- locks in the program's memory ----
    def lock(self, task: int) -> Lock | None:
        """The lock, or the thread, that a task waits for on a futex, where its owner is known."""
        if self.world.task(task, abi.Task.wait) != abi.WAIT_FUTEX:
            return None
        address = self.world.task(task, abi.Task.wait_arg)
        other = self._by_end.get((self.memory_of(task), address))
        if other:
            return Lock("the end of thread", other)
        owner = self._pi_owner(task)
        if owner:
            return Lock("a priority-inheriting mutex", owner)
        found = self._lock_by_memory(task)
        owner = self._by_tid.get(found.owner, 0) if found else 0
        return Lock(found.what, owner) if found and owner else None

    def _lock_by_memory(self, task: int) -> Lock | None:
        """The owner is a thread's id here, perhaps of one that has ended."""
        if self.world.task(task, abi.Task.trap_nr) != _NR_FUTEX:
            return None
        address = self.world.task(task, abi.Task.wait_arg)
        value = self.world.task_word(abi.Task.trap_args, task, 2) & 0xFFFFFFFF
        return owner_of(lambda at, n: self.memory(self.proc_of(task), at, n), address, value)

    def _pi_owner(self, task: int) -> int:
        world = self.world
        slot = world.task(task, abi.Task.first_futex)
        if not slot:
            return 0
        lock = abi.FutexWaiter.pi_lock.get(world.memory, abi.World.futexes.at(slot))
        if not lock:
            return 0
        return abi.PiLock.owner.get(world.memory, abi.World.pi_locks.at(lock))

    # ---- words ----
    def describe(self, task: int, *, with_times: bool = True) -> str:
        """What a task does, or what it waits for, and for how long it has."""
        world = self.world
        state = world.task(task, abi.Task.state)
        if state == abi.TASK_RUNNING:
            is_in_call = world.task(task, abi.Task.place) != abi.PLACE_PROGRAM
            return f"runs, in {self.call_name(task)}" if is_in_call else "runs"
        if state == abi.TASK_STARTING:
            return "is being started"
        if state == abi.TASK_STOPPED:
            return "is stopped by a signal"
        if state == abi.TASK_READY:
            since_ns = _READY_NS.get(world.memory, abi.World.tasks.at(task))
            return f"could run, has not had its turn for {format_duration(self.now_ns - since_ns)}"
        kind = world.task(task, abi.Task.wait)
        describe = _WORDS.get(kind)
        what = describe(self, task) if describe else "waits"
        if not with_times:
            return what
        since_ns = world.task(task, abi.Task.wait_since_ns)
        text = f"{what}, for {format_duration(self.now_ns - since_ns)}"
        deadline = world.task(task, abi.Task.wait_deadline_ns)
        if kind != abi.WAIT_VFORK and deadline != _FOREVER_NS and deadline >= self.now_ns:
            text += f", {format_duration(deadline - self.now_ns)} to go"
        return text

    def _name_of(self, procs: set[int]) -> str:
        known = sorted(procs, key=lambda p: self.world.proc(p, abi.Proc.pid))
        return ", ".join(
            f"{self.world.proc(p, abi.Proc.pid)} "
            f"({abi.Proc.comm.get_text(self.world.memory, abi.World.procs.at(p))})"
            for p in known
        )

    def _words_child(self, task: int) -> str:
        alive = (abi.PROC_LIVE, abi.PROC_STOPPED)
        children = {
            child for child in self._children(self.proc_of(task))
            if self.world.proc(child, abi.Proc.state) in alive
        }  # fmt: skip
        wanted = self.world.task(task, abi.Task.wait_arg) & 0xFFFFFFFF
        named = {p for p in children if self.world.proc(p, abi.Proc.pid) == wanted}
        if named:
            return f"waits for its child {self._name_of(named)}"
        return f"waits for a child: {self._name_of(children)}" if children else "waits for a child"

    def _words_vfork(self, task: int) -> str:
        children = self._vfork_children(task)
        return f"waits for its vfork child {self._name_of(children)}".rstrip()

    def _words_futex(self, task: int) -> str:
        address = self.world.task(task, abi.Task.wait_arg)
        lock = self.lock(task)
        if not lock:
            left = self._lock_by_memory(task)
            if left and left.owner < abi.PIDS_MAX:
                return f"waits for {left.what} at {address:#x} that thread {left.owner} left locked"
            return f"waits for a futex at {address:#x}"
        pid, tid = self.ids(lock.owner)
        if lock.what == "the end of thread":
            return f"waits for the end of thread {tid}"
        who = "itself" if lock.owner == task else f"thread {tid}"
        if pid != self.ids(task)[0]:
            who += f" of process {pid}"
        return f"waits for {lock.what} at {address:#x} that {who} holds"

    def _words_lock(self, task: int) -> str:
        base = abi.World.tasks.at(task)
        is_flock = _LOCK_IS_FLOCK.get(self.world.memory, base)
        what = "flock" if is_flock else "lock"
        text = f"waits for a {what} of {self._first_file(task)}"
        holders = self._lock_holders(task)
        return f"{text} that process {self._name_of(holders)} holds" if holders else text

    def _first_file(self, task: int) -> str:
        fd = self.world.task_word(abi.Task.trap_args, task, 0) & 0xFFFFFFFF
        return f"descriptor {fd}{self._path(self.proc_of(task), fd)}"

    def _path(self, proc: int, fd: int) -> str:
        try:
            pid = self._pids.outer(self.world.proc(proc, abi.Proc.pid))
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            return ""
        return f" ({target})" if target.startswith("/") else ""

    def _words_object(self, task: int) -> str:
        proc = self.proc_of(task)
        if self.call_name(task) in _OPENS:  # of a FIFO
            path = abi.Task.path.get_bytes(self.world.memory, abi.World.tasks.at(task))
            name = path.split(b"\0", 1)[0].decode(errors="replace")
            return f"waits for somebody to open the other end of {name}"
        members = [
            f"{member.side} {member.fd}{self._path(proc, member.fd) or f' ({member.what})'}"
            if member.fd >= 0 else f"{member.side} {member.what}"
            for member in self.descriptors().waited_for(task)
        ]  # fmt: skip
        if not members:
            return f"waits for a descriptor in {self.call_name(task)}"
        more = f", and {len(members) - 8} more" if len(members) > 8 else ""
        return f"waits {', or '.join(members[:8])}{more}"

    def call_name(self, task: int) -> str:
        """The system call that it is in."""
        from dstrun._syscalls import SYSCALLS

        point = self.world.task(task, abi.Task.at_point)
        if point:
            return abi.PRELOAD_POINT_NAMES.get(point, "").removeprefix("POINT_")
        row = SYSCALLS.get(self.world.task(task, abi.Task.trap_nr))
        return row.name if row else "a call"

    def _words_turn(self, task: int) -> str:
        base = abi.World.tasks.at(task)
        kind = _TURN_KIND.get(self.world.memory, base)
        what = _TURNS.get(kind, "its turn").format(_TURN_ID.get(self.world.memory, base))
        if kind in (abi.TURN_MQ_SEND, abi.TURN_MQ_RECEIVE):
            what += f", {self._first_file(task)}"
        return f"waits for {what}"


_FREED_BY: dict[int, Callable[[Waits, int], Set[int] | None]] = {
    abi.WAIT_CHILD: Waits._freed_from_child,
    abi.WAIT_VFORK: Waits._freed_from_vfork,
    abi.WAIT_FUTEX: Waits._freed_from_futex,
    abi.WAIT_LOCK: Waits._freed_from_lock,
    abi.WAIT_OBJECT: Waits._freed_from_object,
}
_WORDS: dict[int, Callable[[Waits, int], str]] = {
    abi.WAIT_SLEEP: lambda _waits, _task: "sleeps",
    abi.WAIT_CHILD: Waits._words_child,
    abi.WAIT_OBJECT: Waits._words_object,
    abi.WAIT_FUTEX: Waits._words_futex,
    abi.WAIT_SIGNAL: lambda waits, task: f"waits for a signal in {waits.call_name(task)}",
    abi.WAIT_VFORK: Waits._words_vfork,
    abi.WAIT_LOCK: Waits._words_lock,
    abi.WAIT_OUTSIDE: lambda _waits, _task: "waits for input from outside",
    abi.WAIT_TURN: Waits._words_turn,
}
