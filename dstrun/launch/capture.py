"""The program's stdout and stderr on their way through us, when they are to be compared."""

from __future__ import annotations

import hashlib
import os
import threading
from types import TracebackType
from typing import Literal

from dstrun.spec import RunResult

CHUNK_BYTES = 1 << 16


def write_all(fd: int, data: bytes) -> bool:
    """Whether all could be written."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        return False
    return True


class _Stream:
    """One pipe, read to its end by a thread, hashed and perhaps forwarded."""

    def __init__(self, forward_to: int | None) -> None:
        self.read, self.write = os.pipe()
        self.hash = hashlib.sha256()
        self._forward_to = forward_to
        self.thread = threading.Thread(target=self._drain, daemon=True)

    def _drain(self) -> None:
        while chunk := os.read(self.read, CHUNK_BYTES):
            self.hash.update(chunk)
            # Nobody may read us any more: go on for the hash.
            if self._forward_to is not None and not write_all(self._forward_to, chunk):
                self._forward_to = None


class Capture:
    """Pipes for stdout and stderr, or nothing at all ("none")."""

    def __init__(self, mode: Literal["none", "tee", "hash"]) -> None:
        self._streams: tuple[_Stream, ...] = ()
        if mode != "none":
            self._streams = tuple(_Stream(fd if mode == "tee" else None) for fd in (1, 2))

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stream in self._streams:
            os.close(stream.read)

    def inside(self) -> dict[int, int]:
        """What stands for stdout and stderr in the program, by number."""
        return {number: stream.write for number, stream in enumerate(self._streams, 1)}

    def close_inside(self) -> None:
        """After the fork: our copies of the program's ends; reading begins."""
        for stream in self._streams:
            os.close(stream.write)
            stream.thread.start()

    def finish(self, result: RunResult) -> None:
        """After everything inside is gone: the hashes."""
        for stream in self._streams:
            stream.thread.join()
        if self._streams:
            result.stdout_sha256 = self._streams[0].hash.hexdigest()
            result.stderr_sha256 = self._streams[1].hash.hexdigest()
