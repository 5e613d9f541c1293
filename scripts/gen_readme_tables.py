#!/usr/bin/env python3
"""Print the README's tables, of syscall classes, strategies and faults, between their markers.

usage: scripts/gen_readme_tables.py [--check | --print]
  (nothing)  write the tables into README.md
  --check    fail when README.md does not hold them
  --print    print them
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dstrun._syscalls import SYSCALLS  # noqa: E402
from dstrun.plan.fields import FIELDS, GROUPS  # noqa: E402
from dstrun.strategies import STRATEGIES  # noqa: E402

README = ROOT / "README.md"

CLASSES = {
    "EMULATED": "answered by dstrun alone, the kernel is not asked",
    "VIRTUALISED": "done by the kernel, the answer made the same in every run",
    "ORDERED": "done by the kernel, deterministic because one task runs at a time",
    "PASSED": "done by the kernel, deterministic by itself",
    "UNCONTROLLED": "done by the kernel but not controlled: counted, named, refused by `--strict`",
    "REFUSED": "answered with an errno that programs cope with",
}


def syscalls() -> str:
    """A row per class, then the names of each class, folded."""
    lines = ["| class | calls | what happens |", "|---|---:|---|"]
    names = {
        cls: sorted(row.name for row in SYSCALLS.values() if row.cls == cls) for cls in CLASSES
    }
    lines += [f"| {cls.lower()} | {len(names[cls])} | {CLASSES[cls]} |" for cls in CLASSES]
    lines += [f"| all | {len(SYSCALLS)} | any other number: ENOSYS, and counted |", ""]
    for cls in CLASSES:
        listed = ", ".join(f"`{name}`" for name in names[cls])
        lines += [f"<details><summary>{cls.lower()}</summary>", "", listed, "", "</details>"]
    return "\n".join(lines)


def strategies() -> str:
    """A row per strategy, and one per parameter below it."""
    lines = ["| strategy | who runs next | values | default |", "|---|---|---|---|"]
    for strategy in STRATEGIES.values():
        lines.append(f"| `{strategy.name}` | {strategy.meaning} | | |")
        for parameter in strategy.parameters:
            default = "" if parameter.default is None else parameter.text(parameter.default)
            values = f"| {parameter.range_text()} | {default} |"
            lines.append(f"| &nbsp; `{parameter.name}` | {parameter.meaning} {values}")
    return "\n".join(lines)


def faults() -> str:
    """A row per field of a rule, grouped, what happens first."""
    lines = []
    for group in reversed(GROUPS):
        lines += [f"| {group} | meaning | example |", "|---|---|---|"]
        for field in FIELDS.values():
            if field.group == group:
                lines.append(f"| `{field.name}` | {field.meaning} | `{field.example}` |")
        lines.append("")
    return "\n".join(lines).rstrip()


TABLES = {"syscalls": syscalls, "strategies": strategies, "faults": faults}


def replaced(readme: str) -> str:
    """The README with fresh tables."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        before, found, rest = readme.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise SystemExit(f"gen_readme_tables: README.md has no {begin} ... {end}")
        readme = f"{before}{begin}\n{table()}\n{end}{after}"
    return readme


def main() -> int:
    parser = argparse.ArgumentParser(description="the README's tables")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="fail when README.md is not fresh")
    group.add_argument("--print", action="store_true", help="print the tables")
    options = parser.parse_args()
    if options.print:
        print("\n\n".join(table() for table in TABLES.values()))
        return 0
    if not README.exists():
        raise SystemExit("gen_readme_tables: there is no README.md")
    readme = README.read_text()
    fresh = replaced(readme)
    if options.check and fresh != readme:
        print("README.md is not fresh: run scripts/gen_readme_tables.py", file=sys.stderr)
        return 1
    if not options.check:
        README.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
