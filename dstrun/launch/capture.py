"""The program's stdout and stderr on their way through us, when they are to be compared."""

from __future__ import annotations

import hashlib
import os
import threading
from types import TracebackType
from typing import Literal

from dstrun.spec import RunResult

_CHUNK_BYTES = 1 << 16


class _Stream:
    """One pipe, read to its end by a thread, hashed and perhaps forwarded."""

    def __init__(self, forward_to: int | None) -> None:
        self.read, self.write = os.pipe()
        self.hash = hashlib.sha256()
        self._forward_to = forward_to
        self.thread = threading.Thread(target=self._drain, daemon=True)

    def _drain(self) -> None:
        while chunk := os.read(self.read, _CHUNK_BYTES):
            self.hash.update(chunk)
            view = memoryview(chunk)
            while self._forward_to is not None and view:
                try:
                    view = view[os.write(self._forward_to, view) :]
                except OSError:  # nobody reads us any more; go on for the hash
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

    def inside(self) -> tuple[int, int] | None:
        """What stands for stdout and stderr in the program."""
        return (self._streams[0].write, self._streams[1].write) if self._streams else None

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
