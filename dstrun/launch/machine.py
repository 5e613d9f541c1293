"""What of the machine a trace must tell, to be judged on another one."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from dstrun import __version__


def machine_meta() -> dict[str, Any]:
    """Versions and CPU features: the part of a run that no seed decides."""
    system = os.uname()
    model, flags = _cpu()
    return {
        "dstrun": __version__,
        "kernel": f"{system.sysname} {system.release}",
        "cpu_model": model,
        "cpu_features": flags,
    }


def _cpu() -> tuple[str, str]:
    found = {b"model name": "", b"flags": ""}
    with open("/proc/cpuinfo", "rb") as file:
        for line in file:
            name, _, value = line.partition(b":")
            if name.strip() in found:
                found[name.strip()] = value.strip().decode("ascii", "replace")
            if not line.strip():  # the first CPU stands for all
                break
    return found[b"model name"], found[b"flags"]


def file_digest(path: str) -> str:
    """BLAKE2b of an executable, or "" when it cannot be read."""
    try:
        with open(path, "rb") as file:
            digest = hashlib.blake2b(digest_size=16)
            while chunk := file.read(1 << 20):
                digest.update(chunk)
            return digest.hexdigest()
    except OSError:
        return ""
