"""The world: the shared memory that every simulated process maps, and its configuration.

It is a memfd: it has no name, so nothing of it can stay behind, whoever is killed.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import time
import uuid

from dstrun import abi
from dstrun.launch import kernel
from dstrun.layout import Member
from dstrun.native import PRELOAD
from dstrun.points import Point
from dstrun.seed import derive
from dstrun.spec import RunSpec
from dstrun.strategies import parse_strategy

# 2030-01-01: later than every file that a program may meet, so that nothing comes from the future.
DEFAULT_EPOCH_NS = 1_893_456_000 * 10**9
_DAY_NS = 86_400 * 10**9
_WALL_MAX_NS = 2**63 - 1  # in 2262: what clocks of programs can hold
YEAR_NS = 365 * _DAY_NS
# Where --max-time says nothing. Nobody means to sleep that long; who polls for ever gets there.
_LONGEST_NS = 100 * YEAR_NS
_CLOCK_REALTIME_COARSE = 5  # what the kernel stamps files with
MEMORY_BYTES = 8 << 30
NOFILE_LIMIT = 4096, 65536
STACK_LIMIT_BYTES = 8 << 20
_ARCH_GET_CPUID, _SYS_ARCH_PRCTL, _ARCH_SET_CPUID = 0x1011, 158, 0x1012


class World:
    """A fresh world for one run. `fd` is what the bootstrap maps; `address` is ours."""

    def __init__(self, prepared_ns: int | None) -> None:
        # Files are stamped by a clock that moves in ticks. Where none was touched since the last,
        # this one's stamps are the run's; otherwise only those to come (wait_for_start).
        tick_ns = time.clock_gettime_ns(_CLOCK_REALTIME_COARSE)
        still = prepared_ns is not None and prepared_ns < tick_ns
        self.real_start_ns = tick_ns if still else time.time_ns() + 1
        self.fd = os.memfd_create("dstrun-world", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, self.bytes())
        self.memory = mmap.mmap(self.fd, self.bytes())
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))

    @staticmethod
    def bytes() -> int:
        """Size of the mapping: whole pages."""
        return (abi.World.SIZE + 4095) & ~4095

    def wait_for_start(self) -> None:
        """Until what happens now is stamped as of the run."""
        while time.clock_gettime_ns(_CLOCK_REALTIME_COARSE) < self.real_start_ns:
            time.sleep(0.0001)

    def get(self, member: Member) -> int:
        """A number of struct world."""
        return member.get(self.memory)

    def set(self, member: Member, value: int) -> None:
        """Writes a number of struct world."""
        member.set(self.memory, value)

    def word(self, member: Member) -> int:
        """The address of a futex word of struct world."""
        return self.address + member.offset

    def stack_top(self, task: int) -> int:
        """Where the stack of a task starts, in the simulated processes."""
        return abi.WORLD_BASE + abi.World.tasks.at(task)

    def configure(self, spec: RunSpec) -> None:
        """Writes the configuration: all that the shims need to know of the run."""
        base = abi.World.config.offset
        c, memory = abi.Config, self.memory
        flags = abi.CONFIG_RECORD if spec.trace else 0
        flags |= abi.CONFIG_INPUTS if spec.trace and not spec.replay else 0
        flags |= abi.CONFIG_KEEP if spec.trace and spec.fs == "host" else 0
        flags |= abi.CONFIG_STRICT if spec.strict else 0
        flags |= abi.CONFIG_PRELOAD if spec.preload else 0
        flags |= abi.CONFIG_NET_HOST if spec.net == "host" else 0
        flags |= abi.CONFIG_CPUID_FAULT if cpuid_can_fault() else 0
        flags |= abi.CONFIG_REPLAY if spec.replay else 0
        flags |= abi.CONFIG_COMPARE if spec.replay and spec.replay.compare else 0
        epoch = spec.epoch_ns
        if epoch is None:
            epoch = DEFAULT_EPOCH_NS + derive(spec.seed.entropy, "epoch") % _DAY_NS
        numbers = {
            c.flags: flags,
            c.entropy_seed: spec.seed.entropy,
            c.sched_seed: spec.seed.sched,
            c.fault_seed: spec.seed.fault,
            c.epoch_ns: epoch,
            c.boot_ns: 10**12 + derive(spec.seed.entropy, "boot") % (10**12),
            c.cost_syscall_ns: spec.call_cost_ns,
            c.cost_clock_ns: spec.clock_cost_ns,
            c.cost_jitter_ppm: spec.cost_jitter_ppm,
            c.events_max: spec.max_events or 0,
            c.cpus: spec.cpus,
            c.memory_bytes: MEMORY_BYTES,
            c.real_start_ns: self.real_start_ns,
        }
        for member, value in numbers.items():
            member.set(memory, value, base)
        longest_ns = min(spec.max_virtual_ns or _LONGEST_NS, _WALL_MAX_NS - epoch)
        c.end_ns.set(memory, numbers[c.boot_ns] + longest_ns, base)
        parse_strategy(spec.strategy).write(memory, base)
        if spec.replay:
            chooser = abi.SchedConfig.chooser.within(c.sched)
            chooser.set(memory, abi.STRATEGY_REPLAY, base)
            self.set(abi.ReplayState.until.within(abi.World.replay), spec.replay.until or 0)
        c.hostname.set_text(memory, spec.hostname, base)
        halves = (derive(spec.seed.entropy, label) for label in ("boot-id", "boot-id, second half"))
        boot_id = uuid.UUID(int=next(halves) << 64 | next(halves), version=4)
        c.boot_id.set_text(memory, str(boot_id), base)
        c.preload_path.set_text(memory, str(PRELOAD), base)
        for point in spec.points:
            self.add_point(point)
        if spec.plan:
            from dstrun.plan.compile import write_plan

            write_plan(spec.plan, memory, spec.cwd)
        self.set(abi.World.now_ns, c.boot_ns.get(memory, base))
        self.set(abi.World.bytes, self.bytes())
        self.set(abi.World.version, abi.ABI_VERSION)
        self.set(abi.World.magic, abi.ABI_MAGIC)

    def add_point(self, point: Point) -> None:
        """One more learned yield point; nothing when there are too many."""
        count = self.get(abi.World.points_count)
        if count == abi.POINTS_MAX:
            return
        base, p = abi.World.points.at(count), abi.YieldPoint
        p.file_bytes.set(self.memory, point.file_bytes, base)
        p.file_offset.set(self.memory, point.file_offset, base)
        p.counters.set(self.memory, point.counters, base)
        start = base + p.code.offset
        self.memory[start : start + abi.POINT_CODE_BYTES] = bytes.fromhex(point.code)
        self.set(abi.World.points_count, count + 1)

    def count_hole(self, hole: int) -> None:
        """Something that was not under control, seen by us while no task runs."""
        holes = abi.World.holes
        holes.set(self.memory, holes.get(self.memory, index=hole) + 1, index=hole)

    def place(self, *, pid_namespace: bool, proc_dev: int, sys_dev: int) -> None:
        """Adds what is known when the container stands. The devices: st_dev of /proc and /sys."""
        base, c = abi.World.config.offset, abi.Config
        if pid_namespace:
            c.flags.set(self.memory, c.flags.get(self.memory, base) | abi.CONFIG_PID_NS, base)
        c.proc_dev.set(self.memory, proc_dev, base)
        c.sys_dev.set(self.memory, sys_dev, base)

    def tasks(self) -> range:
        """Indices of the task slots that were ever used."""
        return range(1, self.get(abi.World.used_tasks) + 1)

    def task(self, index: int, member: Member) -> int:
        """A number of a task."""
        return member.get(self.memory, abi.World.tasks.at(index))

    def task_word(self, member: Member, task: int, index: int) -> int:
        """An element of an array of a task."""
        return member.get(self.memory, abi.World.tasks.at(task), index)

    def proc(self, index: int, member: Member) -> int:
        """A number of a process."""
        return member.get(self.memory, abi.World.procs.at(index))


def cpuid_can_fault() -> bool:
    """Whether arch_prctl(ARCH_SET_CPUID) works here (it is put back at once)."""
    try:
        kernel.syscall(_SYS_ARCH_PRCTL, _ARCH_SET_CPUID, 1)
    except OSError:
        return False
    return True
