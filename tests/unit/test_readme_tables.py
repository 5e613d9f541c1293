"""The README's table of syscall classes is written between its markers, and only there."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from scenarios_lib import SCENARIOS

from dstrun._syscalls import SYSCALLS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = ROOT / "scripts" / "gen_readme_tables.py"
    spec = importlib.util.spec_from_file_location("gen_readme_tables", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_call_is_listed(script: ModuleType) -> None:
    table = script.table()
    assert all(f"`{row.name}`" in table for row in SYSCALLS.values())
    assert {row.cls for row in SYSCALLS.values()} == set(script.CLASSES)


def test_only_what_is_between_the_markers_changes(script: ModuleType) -> None:
    readme = f"# a\n{script.BEGIN}\nold\n{script.END}\nb\n"
    fresh = script.replaced(readme)
    assert fresh.startswith(f"# a\n{script.BEGIN}\n| class |")
    assert fresh.endswith(f"{script.END}\nb\n")
    assert script.replaced(fresh) == fresh


def test_missing_markers_are_an_error(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="README"):
        script.replaced("# a\n")


def test_the_readme_is_fresh(script: ModuleType) -> None:
    readme = ROOT / "README.md"
    assert script.replaced(readme.read_text()) == readme.read_text()


def test_the_compatibility_table_has_every_scenario() -> None:
    rows = [
        line.strip("| ").split(" | ")
        for line in (ROOT / "README.md").read_text().splitlines()
        if line.startswith("| ")
    ]
    known = {cells[0]: cells for cells in rows}
    for scenario in SCENARIOS:
        assert scenario.program in known, "run scripts/compat.py --write"
        cells = known[scenario.program]
        assert cells[2] == "yes"
        assert cells[3].startswith("yes")
        assert cells[5] == scenario.remarks
