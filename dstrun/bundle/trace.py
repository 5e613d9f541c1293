"""The trace in a bundle, for who only looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dstrun.trace.reader import Trace

_GZIP = b"\x1f\x8b"


def is_bundle(path: Path) -> bool:
    """Whether a file is a bundle and not a trace."""
    try:
        with path.open("rb") as file:
            return file.read(len(_GZIP)) == _GZIP
    except OSError:
        return False


@contextmanager
def open_trace(path: Path) -> Iterator[Trace]:
    """A trace, or that of a bundle. TraceError: it is neither, or damaged."""
    if not is_bundle(path):
        with Trace(path) as trace:
            yield trace
        return
    import tempfile

    from dstrun.bundle.unpack import extract_trace

    with tempfile.NamedTemporaryFile(prefix="dstrun-bundle-") as file:
        extract_trace(path, file)
        with Trace(file.name, shown_as=path) as trace:
            yield trace
