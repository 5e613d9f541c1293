"""The pure parts of shims/core, compiled with the system's compiler and called through ctypes."""

from __future__ import annotations

import ctypes
import mmap
import subprocess
from pathlib import Path

from dstrun import abi

SHIMS = Path(__file__).resolve().parents[1] / "shims"
MAP_NORESERVE = 0x4000  # the mmap module knows it from 3.13 on
U64 = ctypes.c_uint64
U32 = ctypes.c_uint32


class HashState(ctypes.Structure):
    """struct hash_state of core/hash.h"""

    _fields_ = (
        ("lane", U64 * 4), ("total", U64), ("block", ctypes.c_uint8 * 32), ("filled", U32),
        ("seed", U64),
    )  # fmt: skip


class Timer(ctypes.Structure):
    """struct timer of abi.h"""

    _fields_ = (("deadline_ns", U64), ("seq", U64), ("kind", U32), ("id", U32))


SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "rng_block": (None, [U64 * 4, U64, U64, U64, U64]),
    "rng_below": (U64, [U64, U64, U64, U64, U64]),
    "cost_with_jitter": (U64, [U64, U64, U64, U64, U64]),
    "hash_start": (None, [ctypes.POINTER(HashState), U64]),
    "hash_add": (None, [ctypes.POINTER(HashState), ctypes.c_char_p, U64]),
    "hash_end": (U64, [ctypes.POINTER(HashState)]),
    "hash_bytes": (U64, [ctypes.c_char_p, U64, U64]),
    "timer_arm": (ctypes.c_int, [U64, U64, U64, U32, U32]),
    "timer_cancel": (None, [U64, U64]),
    "timer_ref_of": (U64, [U64, U32, U32]),
    "timer_take_due": (ctypes.c_int, [U64, U64, ctypes.POINTER(Timer)]),
    "sched_add": (None, [U64, U32]),
    "sched_remove": (None, [U64, U32]),
    "sched_choose": (U32, [U64, U32]),
    "sched_asks": (ctypes.c_int, [U64]),
    "sched_yields": (None, [U64, U32]),
    "sched_found_nothing": (None, [U64, U32]),
    "sched_identity": (U64, [U64, U64]),
    "sched_read_asks": (ctypes.c_int, [U64]),
    "sched_choose_waiter": (U32, [U64, U32]),
    "tty_set": (None, [U64, ctypes.c_char_p]),
    "tty_type": (U64, [U64, ctypes.c_char_p, U64]),
    "tty_work_begin": (None, [U64]),
    "tty_work": (U32, [U64]),
    "tty_print": (U64, [U64, ctypes.c_char_p, U64]),
    "tty_read_input": (U64, [U64, ctypes.c_char_p, U64]),
    "tty_read_out": (U64, [U64, ctypes.c_char_p, U64]),
    "stream_space": (U64, [U64, U64, ctypes.POINTER(U64)]),
    "stream_added": (None, [U64, U64, U64]),
    "stream_data": (U64, [U64, U64, U64, ctypes.POINTER(U64)]),
    "stream_remove": (None, [U64, U64, U64]),
    "datagram_new": (U32, [U64, U64]),
    "datagram_span": (U64, [U64, U32, U64, ctypes.POINTER(U64)]),
    "datagram_append": (None, [U64, U64, U32]),
    "datagram_remove": (None, [U64, U64]),
    "datagram_free": (None, [U64, U32]),
    "datagram_copy": (U32, [U64, U32]),
    "datagram_charge": (U64, [U64]),
    "net_queue_drop": (None, [U64, U64]),
    "port_add": (None, [U64, U64]),
    "port_add_accepted": (None, [U64, U64]),
    "port_remove": (None, [U64, U64]),
    "port_conflicts": (ctypes.c_int, [U64, U64, ctypes.c_uint16, ctypes.c_int]),
    "port_ephemeral": (ctypes.c_uint16, [U64, U64]),
    "port_listener": (U64, [U64, ctypes.c_char_p, ctypes.c_char_p]),
    "port_receiver": (U64, [U64, ctypes.c_char_p, ctypes.c_char_p]),
    "group_join": (ctypes.c_int, [U64, U64, ctypes.c_char_p]),
    "group_leave": (None, [U64, U64, ctypes.c_char_p]),
    "groups_leave": (None, [U64, U64]),
    "group_has_members": (ctypes.c_int, [U64, ctypes.c_char_p]),
    "is_member": (ctypes.c_int, [U64, U64, ctypes.c_char_p]),
    "time_wait_start": (U32, [U64, U64, U32]),
    "time_wait_again": (None, [U64, U32]),
    "time_wait_end": (None, [U64, U32]),
    "time_waits_expire": (None, [U64]),
    "glob_match": (ctypes.c_int, [ctypes.c_char_p, ctypes.c_char_p]),
    "glob_grams_of": (None, [U64 * ((abi.GLOB_GRAMS + 64) // 64), ctypes.c_char_p]),
    "glob_any": (ctypes.c_int, [ctypes.c_char_p, ctypes.c_char_p]),
    "rule_count": (U64, [U64, U32, U32, U32, U64]),
    "rule_decides": (ctypes.c_int, [U64, U64, U64, U64]),
    "rule_draws": (None, [U64 * 4, U64, U64, U64, U64]),
    "action_errno": (U32, [U64, U64]),
    "action_delay": (U64, [U64, U32, U64, U32]),
    "action_short": (U64, [U64, U64, U64]),
    "clock_ahead": (ctypes.c_int64, [U64, U64]),
    "clock_takes": (U64, [U64, U64, U64]),
    "clock_left": (ctypes.c_int64, [U64, U64, U64]),
    "clock_change": (None, [U64, U64, ctypes.c_int64, ctypes.c_int64, U64]),
}


def build_core(folder: Path) -> ctypes.CDLL:
    """Compile core/*.c into a library in `folder` and load it."""
    library = folder / "libcore.so"
    sources = sorted(str(path) for path in (SHIMS / "core").glob("*.c"))
    flags = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, f"-I{SHIMS}", "-o", str(library), *sources], check=True)
    core = ctypes.CDLL(str(library))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(core, name)
        function.restype, function.argtypes = result, arguments
    return core


class World:
    """A zeroed struct world: 3 GB of addresses, of which only what is touched becomes memory."""

    def __init__(self) -> None:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
        self.memory = mmap.mmap(-1, abi.WORLD_BYTES, flags=flags)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.memory.close()


def rng_block(core: ctypes.CDLL, seed: int, stream: int, entity: int, counter: int) -> list[int]:
    """The four words of one draw."""
    words = (U64 * 4)()
    core.rng_block(words, seed, stream, entity, counter)
    return list(words)
