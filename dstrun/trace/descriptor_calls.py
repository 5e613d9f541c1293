"""Tables for dstrun.trace.descriptors: which calls make what kind of descriptor, and how."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from dstrun import abi
from dstrun.trace.sidedata import Field
from dstrun.trace.structs_io import control_messages

O_CLOEXEC: Final = 0o2000000
_SCM_RIGHTS: Final = (1, 1)  # SOL_SOCKET, and the message's type

DOMAINS: Final = {1: "AF_UNIX", 2: "AF_INET", 10: "AF_INET6", 16: "AF_NETLINK", 17: "AF_PACKET"}

# Kind, the argument that may hold its close-on-exec bit (None: always as the bit says), the bit.
MAKERS: Final[dict[str, tuple[str, int | None, int]]] = {
    "eventfd": ("eventfd", None, 0),
    "eventfd2": ("eventfd", 1, O_CLOEXEC),
    "signalfd": ("signalfd", None, 0),
    "signalfd4": ("signalfd", 3, O_CLOEXEC),
    "timerfd_create": ("timerfd", 1, O_CLOEXEC),
    "epoll_create": ("epoll", None, 0),
    "epoll_create1": ("epoll", 0, O_CLOEXEC),
    "inotify_init": ("inotify", None, 0),
    "inotify_init1": ("inotify", 0, O_CLOEXEC),
    "fanotify_init": ("fanotify", 0, 1),
    "pidfd_open": ("pidfd", None, 1),
    "memfd_create": ("memfd", 1, 1),
    "memfd_secret": ("memfd", 0, 1),
    "mq_open": ("mqueue", None, 1),
    "perf_event_open": ("perf event", 4, 8),
    "userfaultfd": ("userfaultfd", 0, O_CLOEXEC),
    "bpf": ("bpf", None, 1),
    "open_tree": ("mount", 2, O_CLOEXEC),
    "fsopen": ("mount", 1, 1),
    "fsmount": ("mount", 1, 1),
    "fspick": ("mount", 2, 1),
    "landlock_create_ruleset": ("landlock", None, 1),
    "io_uring_setup": ("io_uring", None, 1),
}

# Places of the descriptors that bytes come from and go to.
PASSES_ON: Final = {
    "sendfile": (1, 0),
    "splice": (0, 2),
    "tee": (0, 1),
    "copy_file_range": (0, 2),
}


def passed_descriptors(fields: Iterable[Field]) -> list[int]:
    """The descriptors in a message's control data (SCM_RIGHTS), as far as it was recorded."""
    return [
        fd
        for field in fields
        if field.kind == abi.FIELD_CONTROL
        for _, level, kind, body in control_messages(field.data)
        if (level, kind) == _SCM_RIGHTS
        for (fd,) in struct.iter_unpack("<i", body[: len(body) // 4 * 4])
    ]
