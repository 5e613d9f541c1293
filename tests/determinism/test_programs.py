"""Programs that check themselves: native and simulated they must say the same."""

from __future__ import annotations

import pytest
from runs_lib import PROGRAMS, Native, Program, Simulate

# What is started by tests of its own.
_NOT_BY_ITSELF = {
    "addresses", "busy_tree", "inherited", "inner_storm", "long_forks", "orphaned_locks",
    "vfork_chain",
}  # fmt: skip
_NAMES = sorted(p.stem for p in PROGRAMS.glob("*.c") if p.stem not in _NOT_BY_ITSELF)


@pytest.mark.parametrize("name", _NAMES)
def test_agrees_with_native(
    name: str, program: Program, native: Native, simulate: Simulate
) -> None:
    binary = program(name)
    alone = native(binary)
    assert (alone.status, alone.out) == (0, "ok\n"), "the test itself is wrong"
    first, second = simulate(binary), simulate(binary)
    assert (first.status, first.out, first.err) == (0, "ok\n", "")
    assert first.identity == second.identity
