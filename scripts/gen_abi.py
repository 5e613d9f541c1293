#!/usr/bin/env python3
"""Generates dstrun/abi.py, Python's view of shims/abi.h.

The header's own simple C is parsed for names (#define, enum, struct); every value, offset and size
comes from the compiler, so the two views cannot disagree on padding.

usage: scripts/gen_abi.py [--check]      --check: exit 1 when the committed file is not fresh
"""

from __future__ import annotations

import hashlib
import keyword
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "shims" / "abi.h"
OUTPUT = ROOT / "dstrun" / "abi.py"

# Letters of the struct module; char arrays are bytes.
CODES = {
    "u64": "Q", "i64": "q", "u32": "I", "i32": "i", "u16": "H", "i16": "h", "u8": "B", "char": "B",
}  # fmt: skip

DEFINE = re.compile(r"^#define ([A-Z][A-Z0-9_]*)[ \t]+(\S.*)$", re.MULTILINE)
BLOCK = re.compile(r"\b(enum|struct) (\w+) \{(.*?)\}", re.DOTALL)
INCLUDE = re.compile(r'^#include "(abi_\w+\.h)"\n', re.MULTILINE)
FIELD = re.compile(r"^((?:struct |enum )?\w+)\s+(.*)$", re.DOTALL)
DECLARATOR = re.compile(r"^(\**)\s*(\w+)((?:\[[^\]]+\])*)$")


INCLUDE = re.compile(r'^#include "(abi_\w+\.h)"\n', re.MULTILINE)


@dataclass
class Field:
    """One declarator of a struct."""

    name: str
    code: str
    is_array: bool


class HeaderError(Exception):
    """The header has something that this generator does not read."""


def read_header() -> str:
    """abi.h with its parts in their places."""
    return INCLUDE.sub(lambda part: (HEADER.parent / part[1]).read_text(), HEADER.read_text())


def strip_comments(text: str) -> str:
    """The header without comments and with continued lines joined."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    return re.sub(r"//[^\n]*", "", text).replace("\\\n", " ")


def parse_fields(struct: str, body: str) -> list[Field]:
    """The fields of one struct, in order."""
    fields = []
    body = re.sub(r"__attribute__\s*\(\(.*?\)\)(?=\s*[;,])", "", body)
    for declaration in filter(None, (part.strip() for part in body.split(";"))):
        match = FIELD.match(declaration)
        if not match or "{" in declaration:
            raise HeaderError(f"struct {struct}: cannot read {declaration!r}")
        base, declarators = match.groups()
        for text in declarators.split(","):
            declarator = DECLARATOR.match(text.strip())
            if not declarator:
                raise HeaderError(f"struct {struct}: cannot read {text.strip()!r}")
            pointer, name, dimensions = declarator.groups()
            code = "Q" if pointer else "I" if base.startswith("enum ") else CODES.get(base, "")
            if not code and not base.startswith("struct "):
                raise HeaderError(f"struct {struct}: unknown type {base!r}")
            # An array of arrays has no number in an element.
            code = "" if dimensions.count("[") > 1 else code
            fields.append(Field(name, code, bool(dimensions)))
    return fields


def parse_enum(body: str) -> list[str]:
    """The constants of one enum."""
    return [part.split("=")[0].strip() for part in body.split(",") if part.strip()]


def measure(expressions: list[str]) -> list[int]:
    """Values of C expressions in the header's scope."""
    lines = [
        f'#include "{HEADER}"',
        "#include <stdio.h>",
        "#include <stddef.h>",
        "int main(void) {",
    ]
    lines += [f'printf("%lld\\n", (long long)({text}));' for text in expressions]
    lines.append("}")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "measure"
        subprocess.run(
            ["cc", "-w", "-std=gnu11", "-x", "c", "-", "-o", str(program)],
            input="\n".join(lines),
            text=True,
            check=True,
        )
        result = subprocess.run([str(program)], check=True, capture_output=True, text=True)
    return [int(line) for line in result.stdout.split()]


def camel(name: str) -> str:
    """sched_state -> SchedState"""
    return "".join(part.capitalize() for part in name.split("_"))


def generate_defines(text: str) -> list[str]:
    """Constants of #define lines; casts to pointers are C's own affair."""
    defines = [(name, value.strip()) for name, value in DEFINE.findall(text) if "*)" not in value]
    numbers = [name for name, value in defines if not value.startswith('"')]
    values = dict(zip(numbers, measure(numbers), strict=True))
    lines = []
    for name, value in defines:
        if name not in values:
            lines.append(f"{name} = {value}")
        elif "0x" in value:
            lines.append(f"{name} = 0x{values[name] & (2**64 - 1):X}")
        else:
            lines.append(f"{name} = {values[name]}")
    return lines


def generate_enum(name: str, constants: list[str]) -> list[str]:
    """The constants of one enum, and their names by value."""
    values = measure(constants)
    lines = ["", f"# enum {name}"]
    lines += [f"{constant} = {value}" for constant, value in zip(constants, values, strict=True)]
    lines += ["", f"{name.upper()}_NAMES = {{"]
    lines += [f'    {constant}: "{constant}",' for constant in constants]
    return [*lines, "}"]


def generate_struct(name: str, fields: list[Field]) -> list[str]:
    """One class with a Member per field."""
    expressions = [f"sizeof(struct {name})"]
    for field in fields:
        place = f"((struct {name} *)0)->{field.name}"
        element = f"{place}[0]" if field.is_array else place
        expressions += [
            f"offsetof(struct {name}, {field.name})", f"sizeof({place})", f"sizeof({element})",
        ]  # fmt: skip
    size, *values = measure(expressions)
    lines = ["", "", f"class {camel(name)}:", f'    """struct {name}"""', "", f"    SIZE = {size}"]
    for index, field in enumerate(fields):
        offset, total, stride = values[3 * index : 3 * index + 3]
        attribute = field.name + ("_" if keyword.iskeyword(field.name) else "")
        count = total // stride
        lines.append(
            f'    {attribute} = Member({offset}, {total}, {count}, {stride}, "{field.code}")'
        )
    return lines


def layout_hash(header: str) -> str:
    """Changes with every change of the header but those of comments and white space."""
    return hashlib.sha256(" ".join(strip_comments(header).split()).encode()).hexdigest()


def generate() -> str:
    """The whole of dstrun/abi.py."""
    header = read_header()
    text = strip_comments(header)
    lines = [
        '"""The layout of the world and the trace.',
        "",
        "Generated by scripts/gen_abi.py from shims/abi.h; do not edit.",
        '"""',
        "",
        "from dstrun.layout import Member",
        "",
        "# Of the header; shim.json has that of the header which the shim was built from.",
        f'LAYOUT_SHA256 = "{layout_hash(header)}"',
        "",
        *generate_defines(text),
    ]
    structs: list[str] = []
    for kind, name, body in BLOCK.findall(text):
        if kind == "enum":
            lines += generate_enum(name, parse_enum(body))
        else:
            structs += generate_struct(name, parse_fields(name, body))
    return "\n".join(lines + structs) + "\n"


def main() -> int:
    """Writes the file, or with --check compares it."""
    try:
        text = generate()
    except HeaderError as error:
        print(f"gen_abi: {error}", file=sys.stderr)
        return 2
    if "--check" in sys.argv[1:]:
        if OUTPUT.exists() and OUTPUT.read_text() == text:
            return 0
        print("gen_abi: dstrun/abi.py is not fresh; run scripts/gen_abi.py", file=sys.stderr)
        return 1
    OUTPUT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
