"""A run that stands still at an event: what can be seen of it there.

The task that made the event holds the token and sleeps in the shim, so nothing moves, neither the
program nor its clock, for as long as anybody looks (shims/shim/decisions.c).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dstrun import abi
from dstrun.launch.container import Container
from dstrun.launch.pids import Pids
from dstrun.launch.world import World
from dstrun.spec import RunSpec

NEVER = 0  # an `until` that no event has


@dataclass(frozen=True)
class Stand:
    """The simulation, frozen. `spec.trace` has its events so far."""

    spec: RunSpec
    world: World
    pids: Pids
    container: Container

    @property
    def events(self) -> int:
        """How many are recorded; the last one has just been made."""
        return self.world.get(abi.TraceState.events.within(abi.World.trace))

    @property
    def virtual_ns(self) -> int:
        """The monotonic clock since the start."""
        start = abi.Config.boot_ns.get(self.world.memory, abi.World.config.offset)
        return self.world.get(abi.World.now_ns) - start

    @property
    def holder(self) -> int:
        """Index of the task that has made the event."""
        return self.world.get(abi.World.token_task)


# Called where a run stands still. How many events there are to be where it stands again (NEVER: it
# goes on to its end); None: it is ended here.
OnStand = Callable[[Stand], int | None]


class Output(Protocol):
    """Who shows what a program writes."""

    def begin(self, drain: Callable[[], None]) -> None:
        """A run starts. `drain`: shows all that it has written until then."""

    def show(self, target: int, data: bytes) -> None:
        """Bytes for stdout (1) or stderr (2)."""
