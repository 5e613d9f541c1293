"""The C parts, as the build left them in dstrun/_native.

A shim that was built from another abi.h than Python's view would read a world that lies elsewhere;
that is found out here and not in the middle of a run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dstrun import abi
from dstrun.errors import DstrunError

NATIVE = Path(__file__).parent / "_native"
SHIM = NATIVE / "shim.bin"
SHIM_ELF = NATIVE / "shim.elf"
BOOT = NATIVE / "boot.bin"
PRELOAD = NATIVE / "libdstrun_preload.so"
INIT = NATIVE / "dstrun-init"
REMEDY = "run scripts/build in the checkout, or install dstrun again"

_DESCRIPTION = NATIVE / "shim.json"


@dataclass(frozen=True)
class ShimImage:
    """Where the shim goes and where its entries are; `exports` are offsets from the base."""

    base: int
    file_bytes: int
    memory_bytes: int
    exports: dict[str, int]


def load_shim_image() -> ShimImage:
    """The description of the built shim, which fits Python's view of the world."""
    try:
        description = json.loads(_DESCRIPTION.read_text())
    except OSError as error:
        raise DstrunError(f"{_DESCRIPTION}: {error.strerror} ({REMEDY})") from None
    if description.get("layout_sha256") != abi.LAYOUT_SHA256:
        raise DstrunError(f"{SHIM}: built from another abi.h than dstrun/abi.py ({REMEDY})")
    return ShimImage(
        base=description["base"],
        file_bytes=description["file_bytes"],
        memory_bytes=description["memory_bytes"],
        exports=description["exports"],
    )


def check_native() -> None:
    """DstrunError when anything is missing or stale."""
    absent = [path.name for path in (SHIM, BOOT, PRELOAD, INIT) if not path.is_file()]
    if absent:
        raise DstrunError(f"{NATIVE}: no {', '.join(absent)} ({REMEDY})")
    load_shim_image()
