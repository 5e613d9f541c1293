"""The README's tables are written between their markers, and only there."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from scenarios_lib import SCENARIOS

from dstrun._syscalls import SYSCALLS
from dstrun.strategies import STRATEGIES

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
    table = script.syscalls()
    assert all(f"`{row.name}`" in table for row in SYSCALLS.values())
    assert {row.cls for row in SYSCALLS.values()} == set(script.CLASSES)


def test_every_strategy_is_listed(script: ModuleType) -> None:
    table = script.strategies()
    assert all(f"`{name}`" in table for name in STRATEGIES)


def test_only_what_is_between_the_markers_changes(script: ModuleType) -> None:
    parts = [f"<!-- {name}:begin -->\nold\n<!-- {name}:end -->" for name in script.TABLES]
    fresh = script.replaced("\n".join(["# a", *parts, "b\n"]))
    assert fresh.startswith("# a\n<!-- syscalls:begin -->\n| class |")
    assert "-->\n<!-- strategies:begin -->\n| strategy |" in fresh
    assert "-->\n<!-- faults:begin -->\n| fault |" in fresh
    assert fresh.endswith("<!-- faults:end -->\nb\n")
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
