"""Whatever a plan says, it is a plan or a BadPlan: nothing gets through to a crash."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dstrun import abi
from dstrun.plan.calls import UnknownCalls, parse_strace_set
from dstrun.plan.compile import write_plan
from dstrun.plan.fields import FIELDS
from dstrun.plan.load import load_plan
from dstrun.plan.model import BadPlan, Draft, Place, Plan, make_rule

_WORDS = st.sampled_from(
    [
        "",
        "all",
        "read",
        "write",
        "fsync",
        "connect",
        "!read",
        "%net",
        "%file",
        "send*",
        "/re/",
        "malloc",
        "EIO",
        "ENOSPC:2,EIO:3",
        "5",
        "-1",
        "0",
        "1",
        "0x10",
        "3+",
        "3..5",
        "..",
        "5%",
        "150%",
        "random",
        "5s",
        "1.5ms",
        "-2h",
        "+1h",
        "uniform:1ms..2ms",
        "normal:1s,2s",
        "exponential:5us",
        "flip",
        "junk",
        "true",
        "wall",
        "monotonic",
        "reset",
        "tcp",
        "**/x",
        "a/{b,c}",
        "[",
        "{",
        "127.0.0.1:5",
        "[::1]:80-90",
        "10.0.0.0/8",
        ":80",
        "*",
        "SIGKILL",
        "RT_1",
        "@arg1=00ff",
        "run",
        "thread",
        "in",
        "out",
        "dstrun",
        "x",
        "\x00",
        "\udcff",
        "é",
        "1" * 40,
        "9" * 400,
        "1e400",
        "nan",
        "inf",
    ]
)
_SCALARS = st.one_of(
    _WORDS, st.text(max_size=8), st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.none()
)
_KEYS = st.sampled_from(
    [
        "how",
        "where",
        "bits",
        "bytes",
        "range",
        "of",
        "jump",
        "drift",
        "freeze",
        "for",
        "uniform",
        "normal",
        "EIO",
        "ENOSPC",
        "x",
    ]
)
_VALUES = st.one_of(
    _SCALARS, st.lists(_SCALARS, max_size=3), st.dictionaries(_KEYS, _SCALARS, max_size=3)
)
_BASE = {"on": st.sampled_from(["read", "write", "%net", "fsync", "futex", "malloc", "all"])}
_FIELDS = st.dictionaries(st.sampled_from(list(FIELDS)), _VALUES, max_size=4)


@settings(max_examples=1500)
@given(_FIELDS, st.one_of(st.none(), _BASE["on"]))
def test_any_fields_make_a_rule_or_a_message(fields: dict[str, Any], on: str | None) -> None:
    if on:
        fields = {**fields, "on": on}
    rule, problems = make_rule(Draft(Place("plan x"), 1, fields))
    assert (rule is None) == bool(problems)
    assert all("\n" not in str(problem) for problem in problems)
    if rule:
        with mmap.mmap(-1, abi.World.faults.offset + abi.FaultWorld.tasks.offset) as memory:
            write_plan(Plan((rule,)), memory, "/w")
        again, wrong = make_rule(Draft(Place("plan x"), 1, rule.fields()))
        assert again and not wrong
        assert dict(again.values) == dict(rule.values)


_TOKENS = st.sampled_from(
    [
        "error",
        "retval",
        "signal",
        "delay_enter",
        "delay_exit",
        "poke_enter",
        "poke_exit",
        "syscall",
        "when",
        "short",
        "after_call",
        "x",
    ]
)
_SPEC = st.lists(st.builds(lambda a, b: f"{a}={b}", _TOKENS, _WORDS), max_size=4)


@settings(max_examples=1500)
@given(_WORDS, _SPEC)
def test_any_spec_is_one_or_not(calls: str, tokens: list[str]) -> None:
    try:
        load_plan([("inject", ":".join([calls, *tokens]))], 1)
    except BadPlan as error:
        assert error.messages


@settings(max_examples=500)
@given(st.text(alphabet="!?,/@%gdnal64 39()[]*", max_size=12))
def test_any_set_is_one_or_not(text: str) -> None:
    try:
        parse_strace_set(text)
    except UnknownCalls as error:
        assert str(error)


@settings(max_examples=500)
@given(st.text(alphabet="on=fsync error=EIO \"'{}[],.0x%", max_size=30))
def test_any_flag_is_one_or_not(text: str) -> None:
    with pytest.raises(BadPlan):
        load_plan([("fault", text), ("fault", "")], 1)


@settings(max_examples=300)
@given(st.text(alphabet='[[fault]]\non = "\'x"""{},#1', max_size=40))
def test_any_file_is_one_or_not(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_text(text)
    with pytest.raises(BadPlan):
        load_plan([("plan", str(path)), ("fault", "")], 1)
