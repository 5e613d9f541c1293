"""The terminal, lent to another program for a while."""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def lent_terminal() -> Iterator[None]:
    """Ctrl-C is the other's business; afterwards the terminal is ours again, as it was."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which is inherited
    mode = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        yield
    finally:
        if mode:
            _take_back(mode)
        signal.signal(signal.SIGINT, before)


def _take_back(mode: list[object]) -> None:
    """A shell with job control may leave it to a process group that is gone."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        with suppress(OSError, termios.error):
            os.tcsetpgrp(0, os.getpgrp())
            termios.tcsetattr(0, termios.TCSADRAIN, mode)  # type: ignore[arg-type]
    finally:
        signal.signal(signal.SIGTTOU, before)
