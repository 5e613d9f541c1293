"""What was not under control is told: each kind of hole has its name."""

from dstrun import abi
from dstrun.launch import report


def test_every_hole_has_a_name() -> None:
    kinds = {number for number, name in abi.HOLE_NAMES.items() if name != "HOLES_MAX"}
    assert set(report._HOLES) == kinds
    assert len(set(report._HOLES.values())) == len(kinds)
