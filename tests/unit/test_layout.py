"""Members, and the generated view of abi.h."""

import pytest

from dstrun import abi
from dstrun.layout import Member


def test_numbers_arrays_text() -> None:
    buffer = bytearray(64)
    array = Member(8, 16, 4, 4, "I")
    array.set(buffer, 7, index=2)
    array.set(buffer, 9, base=20, index=0)
    assert array.get_all(buffer) == (0, 0, 7, 0)
    assert array.get(buffer, 20) == 9
    assert array.at(3, 100) == 120
    with pytest.raises(IndexError):
        array.at(4)
    text = Member(40, 8, 8, 1, "B")
    text.set_text(buffer, "abc")
    assert text.get_text(buffer) == "abc"
    with pytest.raises(ValueError, match="8 bytes"):
        text.set_text(buffer, "12345678")


def test_generated_layout_is_sound() -> None:
    assert abi.Event.SIZE == abi.TRACE_EVENT_BYTES
    assert abi.TraceHeader.SIZE <= abi.TRACE_SEGMENT_BYTES
    assert abi.World.tasks.stride == abi.Task.SIZE
    assert abi.World.tasks.count == abi.TASKS_MAX
    assert abi.EVENT_KIND_NAMES[abi.EVENT_SYSCALL] == "EVENT_SYSCALL"
    structs = [value for value in vars(abi).values() if hasattr(value, "SIZE")]
    assert len(structs) > 20
    for struct in structs:
        end = 0
        for member in vars(struct).values():
            if isinstance(member, Member):
                assert member.offset >= end
                end = member.offset + member.size
                assert end <= struct.SIZE
                assert member.count * member.stride == member.size
