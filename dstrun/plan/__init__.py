"""Fault plans: which calls of a run fail, how, and when.

What a plan's script imports stands here.
"""

from dstrun.plan.script import (
    Action,
    Plan,
    at,
    clock,
    corrupt,
    delay,
    drop,
    duplicate,
    errno,
    kill,
    net,
    resume,
    retval,
    short,
    signal,
    stop,
)

__all__ = [
    "Action",
    "Plan",
    "at",
    "clock",
    "corrupt",
    "delay",
    "drop",
    "duplicate",
    "errno",
    "kill",
    "net",
    "resume",
    "retval",
    "short",
    "signal",
    "stop",
]
