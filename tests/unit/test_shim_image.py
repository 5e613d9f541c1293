"""The shim lives in somebody else's process: what its image must not have."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from dstrun.native import SHIM, SHIM_ELF

ALLOCATED = re.compile(
    r"^ *\[ *\d+\] (\S+) +(\w+) +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) \w+ +(\w*A\w*) "
)
# SSE, AVX, AVX-512, MMX, x87, masks: the program's, which the shim neither saves nor restores.
VECTOR = re.compile(r"%(?:[xyz]?mm\d+|st\b|k[0-7]\b)")


def run(tool: str, *options: str) -> str:
    """What a binutil says of shim.elf."""
    if not shutil.which(tool):
        pytest.skip(f"NOT CHECKED: no {tool} on this machine (install binutils)")
    if not SHIM_ELF.is_file():
        pytest.skip(f"NOT CHECKED: no {SHIM_ELF} (run scripts/build)")
    return subprocess.run(
        [tool, *options, str(SHIM_ELF)], check=True, capture_output=True, text=True
    ).stdout


def test_it_has_text_and_constants_only() -> None:
    """No .data, .bss, TLS, or anything for a loader; .rodata has tables of addresses."""
    rows = [match.groups() for line in run("readelf", "-SW").splitlines()
            if (match := ALLOCATED.match(line))]  # fmt: skip
    names = {name for name, _kind, size, _flags in rows if int(size, 16)}
    assert names == {".text", ".trapped", ".rodata"}
    assert {kind for _name, kind, size, _flags in rows if int(size, 16)} == {"PROGBITS"}


def test_no_relocations_are_left() -> None:
    assert "There are no relocations in this file." in run("readelf", "-rW")
    assert "There is no dynamic section in this file." in run("readelf", "-dW")


def test_no_symbol_is_undefined() -> None:
    assert run("nm", "--undefined-only") == ""


def test_no_instruction_touches_a_vector_register() -> None:
    listing = run("objdump", "-d", "--no-show-raw-insn")
    assert listing.count("\tsyscall") > 10, "this is not the shim"
    assert [line for line in listing.splitlines() if VECTOR.search(line)] == []


def test_no_instruction_uses_the_programs_thread_pointer() -> None:
    """FS is the program's (TLS, stack protector); the shim's own is GS."""
    listing = run("objdump", "-d", "--no-show-raw-insn")
    assert [line for line in listing.splitlines() if "%fs:" in line] == []


def test_the_raw_image_is_the_loaded_part() -> None:
    segments = re.findall(r"^ *LOAD +(.*)$", run("readelf", "-lW"), re.M)
    fields = [[int(word, 16) for word in line.split()[1:5]] for line in segments]
    assert all(file_bytes == memory_bytes for _v, _p, file_bytes, memory_bytes in fields)
    start = min(address for address, *_ in fields)
    end = max(address + file_bytes for address, _p, file_bytes, _m in fields)
    assert SHIM.stat().st_size == end - start


@pytest.mark.parametrize("line", ["movaps %xmm0,(%rsp)", "vmovdqu %ymm1,%ymm12", "fld %st(1)",
                                  "kmovq %k1,%rax", "movq %mm3,%rax"])  # fmt: skip
def test_vector_registers_are_recognised(line: str) -> None:
    assert VECTOR.search(line)


@pytest.mark.parametrize("line", ["mov %rax,(%rsp)", "call 10 <kmm_st>", "fxsave (%rdi)"])
def test_other_registers_are_not(line: str) -> None:
    assert not VECTOR.search(line)
