"""The structure is a test: nothing unused, no cycles, generated files fresh, functions short."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dstrun"
GENERATED = {"abi.py", "_syscalls.py"}

LINE_MAX = 100
PYTHON_FUNCTION_LINES_MAX = 60
PYTHON_FILE_LINES_MAX = 700
C_FUNCTION_LINES_MAX = 70
C_FILE_LINES_MAX = 900


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def c_files() -> list[Path]:
    return sorted(p for p in (ROOT / "shims").rglob("*") if p.suffix in {".c", ".h"})


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in python_files("dstrun")}


def imports(path: Path, lazy: bool) -> Iterator[str]:
    """Our modules that a module imports; lazy: inside functions too."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if lazy else iter(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield from [name for name in (full, node.module) if name in MODULES][:1]


def test_no_module_is_unused() -> None:
    # The entry points, and the subcommands, which cli.py imports by name.
    used = {"dstrun", "dstrun.__main__"}
    used |= {name for name in MODULES if re.fullmatch(r"dstrun\.commands\.\w+", name)}
    for path in [*MODULES.values(), *python_files("scripts")]:
        used |= set(imports(path, lazy=True))
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert set(MODULES) - used - packages == set()


def test_every_subcommand_has_its_module() -> None:
    from dstrun.cli import SUBCOMMANDS

    helpers = {"options"}
    present = {path.stem for path in (PACKAGE / "commands").glob("[!_]*.py")}
    assert present - helpers == set(SUBCOMMANDS)


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """A cycle of the graph, or nothing."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for following in sorted(graph.get(node, ())):
            cycle = visit(following, [*path, node])
            if cycle:
                return cycle
        done.add(node)
        return []

    return next((cycle for node in sorted(graph) if (cycle := visit(node, []))), [])


def test_modules_do_not_import_in_circles() -> None:
    graph = {name: set(imports(path, lazy=False)) for name, path in MODULES.items()}
    assert find_cycle(graph) == []


def test_packages_do_not_import_in_circles() -> None:
    """Lazy imports count: they are there for speed, not to hide a cycle."""
    graph: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        package = name.split(".")[1:-1] or [name]
        found = {other.split(".")[1] for other in imports(path, lazy=True) if other.count(".") > 1}
        if len(package) == 1 and package[0].count(".") == 0:
            graph.setdefault(package[0], set()).update(found - set(package))
    assert find_cycle(graph) == []


def test_find_cycle_finds_one() -> None:
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


@pytest.mark.parametrize("script", ["gen_abi.py", "gen_syscalls.py"])
def test_generated_files_are_fresh(script: str) -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), "--check"], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "path", python_files("dstrun", "scripts", "tests"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_python_stays_readable(path: Path) -> None:
    lines = path.read_text().splitlines()
    if path.name not in GENERATED:
        assert len(lines) <= PYTHON_FILE_LINES_MAX
        assert [number for number, line in enumerate(lines, 1) if len(line) > LINE_MAX] == []
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "a module says what it is about"
    functions = [
        n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    long = [
        f.name for f in functions if (f.end_lineno or 0) - f.lineno >= PYTHON_FUNCTION_LINES_MAX
    ]
    assert long == []


def c_functions(text: str) -> Iterator[tuple[str, int]]:
    """Functions at file level with their lengths in lines; the braces stand in column 0."""
    start: int | None = None
    head = ""
    for number, line in enumerate(text.splitlines()):
        if start is None:
            opens = line.endswith("{") and not line.startswith((" ", "\t", "#"))
            if opens and not re.match(
                r"(typedef |static |const )*(struct|enum|union)\b[^()]*\{", line
            ):
                start, head = number, line
        elif line.startswith("}"):
            if "(" in head or head == "{":
                yield head, number - start + 1
            start = None


@pytest.mark.parametrize("path", c_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_c_stays_readable(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= C_FILE_LINES_MAX
    assert [head for head, lines in c_functions(text) if lines > C_FUNCTION_LINES_MAX] == []


def test_c_functions_are_found() -> None:
    text = "static int f(void) {\n\treturn 1;\n}\nstruct s {\n\tint a;\n};\n"
    assert list(c_functions(text)) == [("static int f(void) {", 3)]


def test_every_c_header_is_included() -> None:
    sources = [*c_files(), *(ROOT / "shims").rglob("*.S")]
    included = set(re.findall(r'#include "(?:[\w/]+/)?([\w.]+)"', "".join(map(_text, sources))))
    assert {path.name for path in c_files() if path.suffix == ".h"} - included == set()


def _text(path: Path) -> str:
    return path.read_text()
