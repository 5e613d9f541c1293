"""What the program writes to its stdout and stderr, shown once however often it is run again.

The same run writes the same bytes, so of a run that is made again as many bytes are left out as
there were shown.
"""

from __future__ import annotations

from collections.abc import Callable

from dstrun.launch.capture import write_all


class Output:
    """The output of a session's runs (launch.stand.Output)."""

    def __init__(self) -> None:
        self._shown = {1: 0, 2: 0}
        self._seen = {1: 0, 2: 0}  # of this run's bytes
        self._drain: Callable[[], None] | None = None
        self._is_within_line = False

    def begin(self, drain: Callable[[], None]) -> None:
        """One more run. `drain`: shows what it has written until then."""
        self._seen = {1: 0, 2: 0}
        self._drain = drain

    def show(self, target: int, data: bytes) -> None:
        """What the program has written comes to our stdout (1) or stderr (2)."""
        self._seen[target] += len(data)
        new = self._seen[target] - self._shown[target]
        if new > 0:
            self._shown[target] = self._seen[target]
            self._is_within_line = data[-1:] != b"\n"
            write_all(target, data[max(0, len(data) - new) :])

    def drain(self) -> None:
        """All that was written until now is shown; nobody writes meanwhile."""
        if self._drain:
            self._drain()

    def end_line(self) -> None:
        """What we say next has a line of its own."""
        if self._is_within_line:
            self._is_within_line = False
            write_all(1, b"\n")


class Unheard:
    """A run's output, of which nothing is shown (launch.stand.Output)."""

    def begin(self, drain: Callable[[], None]) -> None:
        """One more run."""

    def show(self, target: int, data: bytes) -> None:
        """What the program has written."""
