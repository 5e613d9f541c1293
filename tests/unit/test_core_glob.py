"""core/glob.c agrees with a regular expression made of the same pattern."""

from __future__ import annotations

import ctypes
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dstrun import abi
from dstrun.plan.compile import gram

PARTS = st.sampled_from(["a", "b", "/", "*", "**", "?", "[ab]", "[!a]", "\\*", "**/", "/**/"])
TEXTS = st.text("ab*/c", max_size=12)


def model(pattern: str) -> str:
    """The pattern as a regular expression."""
    out, i = "", 0
    while i < len(pattern):
        if pattern.startswith("**/", i) and (i == 0 or pattern[i - 1] == "/"):
            out, i = out + "(?:.*/)?", i + 3
        elif pattern.startswith("**", i):
            out, i = out + ".*", i + 2
        elif pattern[i] == "*":
            out, i = out + "[^/]*", i + 1
        elif pattern[i] == "?":
            out, i = out + "[^/]", i + 1
        elif pattern[i] == "[":
            end = pattern.index("]", i)
            out, i = out + f"(?!/)[{pattern[i + 1 : end].replace('!', '^')}]", end + 1
        elif pattern[i] == "\\":
            out, i = out + re.escape(pattern[i + 1]), i + 2
        else:
            out, i = out + re.escape(pattern[i]), i + 1
    return out


@given(st.lists(PARTS, max_size=7).map("".join), TEXTS)
def test_it_agrees_with_the_model(core: ctypes.CDLL, pattern: str, text: str) -> None:
    wanted = re.fullmatch(model(pattern), text, re.DOTALL) is not None
    assert bool(core.glob_match(pattern.encode(), text.encode())) == wanted


LITERALS = st.sampled_from(["abc", "b.db", "/a", "*", "**", "?", "[ab]", "\\*", "**/", "/**/", "/"])


@given(st.lists(LITERALS, max_size=7).map("".join), st.lists(LITERALS, max_size=7).map("".join))
def test_what_matches_has_the_pattern_s_gram(core: ctypes.CDLL, pattern: str, text: str) -> None:
    grams = (ctypes.c_uint64 * ((abi.GLOB_GRAMS + 64) // 64))()
    for each in (text, pattern.replace("*", "").replace("?", "x")):
        core.glob_grams_of(grams, each.encode())
        number = gram([pattern])
        has = not number or grams[number // 64] >> number % 64 & 1
        assert has or not core.glob_match(pattern.encode(), each.encode())


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("/srv/**/wal/*", "/srv/wal/000", True),
        ("/srv/**/wal/*", "/srv/a/b/wal/000", True),
        ("/srv/**/wal/*", "/srv/a/b/wal/c/000", False),
        ("/tmp/*.db", "/tmp/a.db", True),
        ("/tmp/*.db", "/tmp/a/b.db", False),
        ("**.db", "/tmp/a/b.db", True),
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[]a]", "]", True),
        ("[a", "[a", True),
        ("a\\?", "a?", True),
        ("a\\?", "ab", False),
    ],
)
def test_examples(core: ctypes.CDLL, pattern: str, text: str, wanted: bool) -> None:
    assert bool(core.glob_match(pattern.encode(), text.encode())) == wanted


def test_one_of_several(core: ctypes.CDLL) -> None:
    alternatives = b"/a/*\0/b\0\0"
    assert [core.glob_any(alternatives, t) for t in (b"/a/x", b"/b", b"/c")] == [1, 1, 0]
    assert not core.glob_any(b"\0\0", b"")


def test_it_takes_no_exponential_time(core: ctypes.CDLL) -> None:
    assert not core.glob_match(b"*a" * 30 + b"b", b"a" * 3000)
    assert not core.glob_match(b"**a" * 30 + b"b", b"a" * 3000)
