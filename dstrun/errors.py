"""Errors that end dstrun: one line for the user, and the exit status that goes with it.

A message says what, why, and what to try: `what: why (what to try)`. Whatever else escapes is a
defect of dstrun; the top level turns it into one line too, and exit status 125.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

EXIT_USAGE = 2
EXIT_DIVERGED = 120
EXIT_DEADLOCK = 121
EXIT_LIMIT = 122
EXIT_UNCONTROLLED = 123
EXIT_ERROR = 125
EXIT_NOT_EXECUTABLE = 126
EXIT_NOT_FOUND = 127
EXIT_INTERRUPTED = 130


class DstrunError(Exception):
    """dstrun cannot go on."""

    exit_code = EXIT_ERROR
    # More than one, or one over several lines, like a traceback.
    messages: Sequence[str] = ()


class BadUsage(DstrunError):
    """The user asked for something that is not so."""

    exit_code = EXIT_USAGE


class TraceError(DstrunError):
    """A trace cannot be read."""

    exit_code = EXIT_USAGE


class CommandNotExecutable(DstrunError):
    """CMD is there but cannot be executed, or not under control."""

    exit_code = EXIT_NOT_EXECUTABLE


class CommandNotFound(DstrunError):
    """CMD is not there."""

    exit_code = EXIT_NOT_FOUND


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' (did you mean "..."?)' where a known word is close, else nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word, sorted(known), 1)
    return f' (did you mean "{close[0]}"?)' if close else ""
