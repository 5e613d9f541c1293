#!/usr/bin/env python3
"""Writes shim.json: where the shim's image starts, how large it is, and where its entries are.

Every symbol `shim_export_NAME` of shim.elf becomes `exports[NAME]`, an offset from the base, so
the launcher needs no ELF reader at run time. `memory_bytes` counts .bss too, which the image
leaves out.
"""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path

from gen_abi import layout_hash, read_header

PREFIX = "shim_export_"
PT_LOAD = 1


def load_range(elf: bytes) -> tuple[int, int]:
    """First and last address of the loadable segments."""
    (table,) = struct.unpack_from("<Q", elf, 32)
    entry_bytes, count = struct.unpack_from("<HH", elf, 54)
    starts, ends = [], []
    for index in range(count):
        (kind, _flags, _offset, address, _physical, _file_bytes, memory_bytes, _align) = (
            struct.unpack_from("<IIQQQQQQ", elf, table + index * entry_bytes)
        )
        if kind == PT_LOAD and memory_bytes:
            starts.append(address)
            ends.append(address + memory_bytes)
    return min(starts), max(ends)


def exports(elf_path: str, base: int) -> dict[str, int]:
    """Offsets of the exported symbols."""
    listing = subprocess.run(
        ["nm", "--defined-only", elf_path], check=True, capture_output=True, text=True
    ).stdout
    offsets = {}
    for line in listing.splitlines():
        address, _kind, name = line.split()
        if name.startswith(PREFIX):
            offsets[name[len(PREFIX) :]] = int(address, 16) - base
    return dict(sorted(offsets.items()))


def main() -> None:
    """shim_symbols.py SHIM_ELF SHIM_BIN OUT"""
    elf_path, image_path, out_path = sys.argv[1:]
    start, end = load_range(Path(elf_path).read_bytes())
    image = Path(image_path).read_bytes()
    description = {
        "base": start,
        "file_bytes": len(image),
        "memory_bytes": end - start,
        "layout_sha256": layout_hash(read_header()),
        "sha256": hashlib.sha256(image).hexdigest(),
        "exports": exports(elf_path, start),
    }
    if "start" not in description["exports"]:  # type: ignore[operator]
        sys.exit(f"shim_symbols: {elf_path} has no symbol {PREFIX}start")
    Path(out_path).write_text(json.dumps(description, indent=1) + "\n")


if __name__ == "__main__":
    main()
