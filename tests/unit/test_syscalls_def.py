"""shims/syscalls.def is complete and well formed: every number of the kernel has one true row."""

import re
from pathlib import Path

import pytest

SHIMS = Path(__file__).resolve().parents[2] / "shims"
ROW = re.compile(r'SYSCALL\((\d+), (\w+), ([A-Z]+), (\w+), "([^"\\]*)", (\w+(?:, \w+){0,5})\)')
CLASSES = {"EMULATED", "VIRTUALISED", "ORDERED", "PASSED", "UNCONTROLLED", "REFUSED"}
HOWS = {
    "SCALAR", "POINTER", "STRING", "STRINGS", "BUF_IN", "BUF_OUT", "IOV_IN", "IOV_OUT", "IN", "OUT",
    "MSG", "MSGS", "EPOLL_EVENTS", "FDSET",
    "IN_RAW", "OUT_RAW", "OUT_STAT", "ARRAY_IN", "ARRAY_INOUT", "ARRAY_OUT_RAW", "COUNTED_IN",
    "SOCKADDR_IN", "SOCKADDR_OUT",
}  # fmt: skip
COUNT_FOLLOWS = {
    "BUF_IN",
    "IOV_IN",
    "IOV_OUT",
    "ARRAY_IN",
    "ARRAY_INOUT",
    "COUNTED_IN",
    "SOCKADDR_IN",
}
HEADERS = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h")

Row = tuple[int, str, str, str, str, list[str]]


def body(name: str) -> list[str]:
    """The lines of a .def file without its comments."""
    text = re.sub(r"/\*.*?\*/", "", (SHIMS / name).read_text(), flags=re.S)
    return [line for line in text.splitlines() if line.strip()]


def rows() -> list[Row]:
    found: list[Row] = []
    for line in body("syscalls.def"):
        match = ROW.fullmatch(line)
        assert match, f"not a row: {line}"
        number, name, cls, handler, why, kinds = match.groups()
        found.append((int(number), name, cls, handler, why, kinds.split(", ")))
    return found


def kinds() -> dict[str, tuple[str, int]]:
    found = {}
    for line in body("arg_kinds.def"):
        match = re.fullmatch(r"KIND\((\w+), (\w+), (\d+)\)", line)
        assert match, f"not a kind: {line}"
        assert match[1] not in found, f"twice: {match[1]}"
        found[match[1]] = (match[2], int(match[3]))
    return found


def test_every_number_up_to_linux_6_18_in_order() -> None:
    assert [row[0] for row in rows()] == [*range(337), *range(424, 470)]


def test_names_are_those_of_the_kernel_headers() -> None:
    path = next((Path(p) for p in HEADERS if Path(p).exists()), None)
    if path is None:
        pytest.skip("no kernel headers on this machine")
    header = re.findall(r"^#define __NR_(\w+) (\d+)$", path.read_text(), re.M)
    assert len(header) > 350
    ours = {row[0]: row[1] for row in rows()}
    # A kernel newer than the table may know more; the shim answers ENOSYS there and counts it.
    wrong = {int(nr): name for name, nr in header if int(nr) < 470 and ours.get(int(nr)) != name}
    assert wrong == {}


def test_names_are_unique() -> None:
    names = [row[1] for row in rows()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[1])
def test_row_is_consistent(row: Row) -> None:
    _, name, cls, handler, why, _ = row
    assert cls in CLASSES
    assert why, "say why this is deterministic, what is changed, or what is lacking"
    if cls == "REFUSED":
        assert re.fullmatch(r"no_E[A-Z]+", handler)
    elif cls in ("PASSED", "UNCONTROLLED"):
        assert handler == "pass"
    elif cls in ("EMULATED", "VIRTUALISED"):
        assert handler == f"sys_{name}"
    else:
        assert handler in ("pass", f"sys_{name}")


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[1])
def test_arguments_are_known_kinds_with_their_lengths(row: Row) -> None:
    known = kinds()
    args = row[5]
    assert "NONE" not in args or args == ["NONE"]
    for kind, following in zip(args, [*args[1:], None], strict=True):
        how = known[kind][0]
        if how in COUNT_FOLLOWS:
            assert following in ("SIZE", "INT", "UINT"), f"{kind} needs its length next"
        if how == "SOCKADDR_OUT":
            assert following == "INT_OUT"


def test_every_kind_is_of_a_known_sort_and_used() -> None:
    used = {kind for row in rows() for kind in row[5]}
    assert set(kinds()) - used == set()
    assert {how for how, _ in kinds().values()} <= HOWS
