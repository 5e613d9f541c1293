"""The compiled table: what each field becomes, and that rules are independent of their places."""

from __future__ import annotations

import itertools
import mmap
import statistics
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dstrun import abi
from dstrun._syscalls import SYSCALLS
from dstrun.commands.plan import command as plan_command
from dstrun.plan.compile import (
    DOES,
    Table,
    absolute,
    check_room,
    fallbacks,
    gram,
    quantiles,
    write_plan,
)
from dstrun.plan.effects import parse_delay
from dstrun.plan.fields import FAULTS, FIELDS
from dstrun.plan.load import load_plan
from dstrun.plan.model import BadPlan, Plan, Rule
from dstrun.plan.values import NO_END

BASE = abi.World.faults.offset
ACTION = abi.FaultRule.action.offset
R, A = abi.FaultRule, abi.FaultAction
NR = {row.name: nr for nr, row in SYSCALLS.items()}


def make_memory() -> mmap.mmap:
    """A world as far as its table of rules: only what is touched is there."""
    return mmap.mmap(-1, BASE + abi.FaultWorld.tasks.offset)


class Compiled:
    """A plan of --fault rules, as the shim sees it."""

    def __init__(self, *rules: str, cwd: str = "/w") -> None:
        self.plan = load_plan([("fault", rule) for rule in rules], 1)
        self.memory = make_memory()
        write_plan(self.plan, self.memory, cwd)

    def get(self, member: Any, rule: int = 0) -> int:
        return int(member.get(self.memory, abi.FaultWorld.rules.at(rule, BASE)))

    def action(self, member: Any, rule: int = 0, index: int = 0) -> int:
        base = abi.FaultWorld.rules.at(rule, BASE) + ACTION
        return int(member.get(self.memory, base, index))

    def world(self, member: Any, index: int = 0) -> int:
        return int(member.get(self.memory, BASE, index))

    def texts(self, place: int) -> list[str]:
        start = BASE + abi.FaultWorld.text.offset + place
        data = bytes(self.memory[start : self.memory.find(b"\0\0", start)])
        return data.decode().split("\0")

    def rules_of(self, member: Any, index: int = 0) -> list[int]:
        words = abi.FaultSet.words.get_all(self.memory, member.at(index, BASE))
        number = sum(word << 64 * i for i, word in enumerate(words))
        return [i for i in range(256) if number >> i & 1]


def test_defaults() -> None:
    c = Compiled("on=fsync error=EIO")
    assert (c.get(R.when_from), c.get(R.when_to), c.get(R.when_step)) == (1, NO_END, 1)
    assert c.get(R.prob_below) == NO_END
    assert (c.get(R.not_before_ns), c.get(R.not_after_ns)) == (0, NO_END)
    assert (c.get(R.size_from), c.get(R.size_to)) == (0, NO_END)
    assert (c.get(R.process_from), c.get(R.process_to)) == (1, NO_END)
    assert c.get(R.fd_to) == -1
    for member in (R.paths, R.kinds, R.peers, R.processes, R.at_most, R.flags, R.scope):
        assert c.get(member) == 0
    assert c.action(A.what) == abi.FAULT_ERROR
    assert (c.action(A.errors), c.action(A.error), c.action(A.error_below)) == (1, 5, NO_END)
    assert c.texts(c.get(R.name)) == ["--fault 'on=fsync error=EIO'"]


def test_which_calls() -> None:
    c = Compiled("on=fsync error=5", "on=read,fsync error=5", "at=1s kill", "on=malloc error=12")
    assert c.rules_of(abi.FaultWorld.call_rules, NR["fsync"]) == [0, 1]
    assert c.rules_of(abi.FaultWorld.call_rules, NR["read"]) == [1]
    assert c.rules_of(abi.FaultWorld.call_rules, NR["write"]) == []
    assert c.rules_of(abi.FaultWorld.call_rules, abi.POINT_malloc) == [3]
    hit = [nr for nr in range(abi.SYSCALLS_MAX) if c.world(abi.FaultWorld.call_slot, nr)]
    assert hit == [NR["read"], NR["fsync"], abi.POINT_malloc]
    assert c.rules_of(abi.FaultWorld.timed_rules) == [2]
    assert c.get(R.flags, 2) == abi.FAULT_TIMED
    assert c.rules_of(abi.FaultWorld.no_object) == [0, 1, 2, 3]
    assert c.world(abi.FaultWorld.words_used) == 1


def test_slots_tell_which_rules_a_call_may_concern() -> None:
    c = Compiled("on=read,fsync error=5", "on=all delay_enter=1us", "on=fsync path=/a error=5")
    slots = [c.world(abi.FaultWorld.call_slot, NR[name]) for name in ("read", "fsync", "write")]
    bits = [c.world(abi.FaultWorld.rule_slots, rule) for rule in range(3)]
    assert len(set(slots)) == 3
    assert bits[0] == sum(1 << slot - 1 for slot in slots[:2])
    assert bits[1] == (1 << abi.FAULT_SLOTS) - 1  # more calls than slots: all are taken
    assert bits[2] == 1 << slots[1] - 1
    assert c.rules_of(abi.FaultWorld.path_rules) == [2]


@pytest.mark.parametrize(
    ("globs", "literal"),
    [
        (["**/other-7/*"], "-7/"),
        (["/srv/**/wal/*"], "rv/"),
        (["/a[bcdef]g*.sqlite"], "ite"),
        (["/ab\\*cdefg"], "efg"),
        (["**/a?b"], None),
        (["/one", "/two"], None),
    ],
)
def test_grams(globs: list[str], literal: str | None) -> None:
    assert gram(globs) == (gram([literal]) if literal else 0)


def test_many_rules_use_more_words() -> None:
    c = Compiled(*["on=fsync error=5"] * 130)
    assert c.world(abi.FaultWorld.words_used) == 3
    assert c.rules_of(abi.FaultWorld.call_rules, NR["fsync"]) == list(range(130))
    streams = {c.get(R.stream, rule) for rule in range(130)}
    assert len(streams) == 130  # the same rule so many times, but each draws for itself


def test_selectors() -> None:
    c = Compiled(
        'on=write path=["a/*.{db,wal}", "**/x", "/abs"] kind=file,tcp fd=3..5 size=4k+ '
        "process=srv* thread=bio process_order=2+ thread_order=1 hold=1",
        cwd="/w[1]",
    )
    assert c.texts(c.get(R.paths)) == ["/w\\[1]/a/*.db", "/w\\[1]/a/*.wal", "**/x", "/abs"]
    assert c.get(R.kinds) == 1 << abi.KIND_FILE | 1 << abi.KIND_TCP
    assert (c.get(R.fd_from), c.get(R.fd_to)) == (3, 5)
    assert (c.get(R.size_from), c.get(R.size_to)) == (4096, NO_END)
    assert c.texts(c.get(R.processes)) == ["srv*"]
    assert c.texts(c.get(R.threads)) == ["bio"]
    assert (c.get(R.process_from), c.get(R.process_to)) == (2, NO_END)
    assert (c.get(R.thread_from), c.get(R.thread_to)) == (1, 1)
    assert c.rules_of(abi.FaultWorld.no_object) == []
    assert c.world(abi.FaultWorld.has_paths) == 1


def test_peers() -> None:
    c = Compiled('on=connect error=5 peer="10.0.0.0/8:80-90,[::1]:5,localhost" local=8000')
    first, p = c.get(R.first_peer), abi.FaultPeer
    bases = [abi.FaultWorld.peers.at(first + i, BASE) for i in range(c.get(R.peers))]
    found = [
        (p.ip.get_bytes(c.memory, base).hex(), p.prefix_bits.get(c.memory, base),
         p.port_from.get(c.memory, base), p.port_to.get(c.memory, base))
        for base in bases
    ]  # fmt: skip
    assert found == [
        ("00000000000000000000ffff0a000000", 104, 80, 90),
        ("00000000000000000000000000000001", 128, 5, 5),
        ("00000000000000000000ffff7f000000", 104, 0, 65535),
        ("00000000000000000000000000000001", 128, 0, 65535),
    ]
    local = abi.FaultWorld.peers.at(c.get(R.first_local), BASE)
    assert (c.get(R.locals), p.prefix_bits.get(c.memory, local)) == (1, 0)
    assert p.port_from.get(c.memory, local) == p.port_to.get(c.memory, local) == 8000


def test_when_and_how_often() -> None:
    c = Compiled(
        "on=fsync error=EIO when=5..9+2 prob=0.25 at_most=3 not_before=2s not_after=8s "
        "count=thread",
        "on=fsync error=EIO prob=5% once",
        "at=1s every=500ms kill prob=0.5",
        "every=2s stop=1s",
    )
    assert (c.get(R.when_from), c.get(R.when_to), c.get(R.when_step)) == (5, 9, 2)
    assert c.get(R.prob_below) == 1 << 62
    assert c.get(R.at_most) == 3
    assert (c.get(R.not_before_ns), c.get(R.not_after_ns)) == (2 * 10**9, 8 * 10**9)
    assert c.get(R.scope) == abi.FAULT_COUNT_THREAD
    assert c.get(R.prob_below, 1) == (1 << 64) * 5 // 100
    assert c.get(R.at_most, 1) == 1
    assert (c.get(R.at_ns, 2), c.get(R.every_ns, 2)) == (10**9, 5 * 10**8)
    assert c.action(A.kill, 2) == 9
    assert (c.get(R.at_ns, 3), c.get(R.every_ns, 3)) == (2 * 10**9, 2 * 10**9)
    assert c.action(A.stop_ns, 3) == 10**9


def test_actions() -> None:
    c = Compiled(
        "on=fsync error={ENOSPC=9,EIO=1}",
        "on=read short=50%",
        "on=read short=random",
        'on=connect net=timed_out net_timeout="3s"',
        'on=read corrupt={how="flip",bits=3,range="0..511"}',
        "on=futex spurious",
        'at=1s clock={of="monotonic",drift="-5%",for="2s"}',
        "on=write drop delay=5ms delay_exit=normal:10ms,2ms hold=7",
        "on=write poke_enter=@arg2=0011,@arg1=ff",
        "on=write short=10 kill after_call",
        "on=read retval=0 syscall=getpid",
    )
    assert [c.action(A.error, 0, i) for i in range(2)] == [28, 5]
    assert c.action(A.error_below, 0, 0) == (9 << 64) // 10
    assert c.action(A.error_below, 0, 1) == NO_END
    assert (c.action(A.short_how, 1), c.action(A.short_value, 1)) == (abi.SHORT_PPM, 500_000)
    assert c.action(A.short_how, 2) == abi.SHORT_RANDOM
    assert (c.action(A.net, 3), c.action(A.net_ns, 3)) == (abi.NET_TIMED_OUT, 3 * 10**9)
    assert c.action(A.corrupt_where, 4) == abi.CORRUPT_READ
    assert [c.action(m, 4) for m in (A.corrupt_count, A.corrupt_from, A.corrupt_to)] == [3, 0, 512]
    assert c.action(A.what, 5) == abi.FAULT_SPURIOUS
    assert c.action(A.clocks, 6) == abi.CLOCKS_MONOTONIC
    assert c.action(A.clock_drift_ppb, 6) == -50_000_000
    assert c.action(A.clock_for_ns, 6) == 2 * 10**9
    assert c.action(A.delay_enter_ns, 7) == 5 * 10**6
    assert (c.action(A.delay_enter, 7), c.action(A.delay_exit, 7)) == (0, 1)
    assert c.action(A.hold_points, 7) == 7
    assert c.action(A.pokes, 8) == 2
    assert c.get(R.flags, 9) == abi.FAULT_AFTER_CALL
    assert c.action(A.what, 9) == abi.FAULT_SHORT | abi.FAULT_KILL
    assert c.action(A.what, 10) == abi.FAULT_RETVAL


def test_every_fault_has_its_bit() -> None:
    assert set(DOES) == {fault.name for fault in FAULTS}
    bits = {name: bit for bit, name in abi.FAULT_DO_NAMES.items()}
    assert {f"FAULT_{name.upper()}": bit for name, bit in DOES.items()} == bits


def test_marks() -> None:
    c = Compiled("on=read error=5 since_output=abab until_output=x")
    mark = abi.FaultWorld.marks.at(c.get(R.from_mark), BASE)
    m = abi.FaultMark
    assert m.bytes.get(c.memory, mark) == 4
    assert m.pattern.get_bytes(c.memory, mark)[:4] == b"abab"
    assert list(m.fallback.get_bytes(c.memory, mark)[:4]) == [0, 0, 1, 2]
    assert c.get(R.to_mark) == c.get(R.from_mark) + 1


def test_fallbacks_are_what_they_say() -> None:
    for text in map("".join, itertools.product("ab", repeat=7)):
        data = text.encode()
        for i, length in enumerate(fallbacks(data)):
            part = data[: i + 1]
            longest = max(n for n in range(len(part)) if part.endswith(part[:n]))
            assert length == longest


def test_distributions() -> None:
    assert quantiles(parse_delay("uniform:1ms..2ms"))[128] == 1_500_000
    for text, mean in (("exponential:5ms", 5e6), ("normal:10ms,2ms", 1e7)):
        times = quantiles(parse_delay(text))
        assert times == sorted(times) and len(times) == abi.FAULT_QUANTILES
        found = statistics.fmean((a + b) / 2 for a, b in itertools.pairwise(times))
        assert found == pytest.approx(mean, rel=0.01)
    assert min(quantiles(parse_delay("normal:1ms,5ms"))) == 0


def test_full_tables_say_so() -> None:
    plan = load_plan([("fault", "on=read delay=uniform:1ms..2ms delay_exit=uniform:1ms..2ms")], 1)
    with pytest.raises(BadPlan, match="plan: delays: more than 512 in one plan"):
        check_room(Plan(plan.rules * abi.FAULT_RULES_MAX))


def test_relative_paths() -> None:
    assert absolute("./a/../b*", "/w") == "/w/b*"
    assert absolute("../b", "/w/x") == "/w/x/../b"
    assert absolute("**/b", "/w") == "**/b"


def streams(*rules: str) -> dict[str, int]:
    plan = load_plan([("fault", rule) for rule in rules], 1)
    return {rule.name: rule.stream for rule in plan.rules}


def test_a_rules_stream_is_its_own() -> None:
    """Adding, removing or reordering rules changes no other rule's draws; editing a named one
    does not change its own."""
    a, b, c = "on=fsync error=EIO prob=0.1", "on=read error=5 name=b", "on=read,write retval=0"
    whole = streams(a, b, c)
    assert len(set(whole.values())) == 3
    for some in itertools.permutations((a, b, c), 2):
        assert streams(*some).items() <= whole.items()
    assert streams("on=read error=EPERM prob=0.7 name=b")["b"] == whole["b"]
    assert set(streams("on=fsync error=EIO prob=0.2").values()).isdisjoint(whole.values())
    # What is the same in other words draws the same.
    spelled = streams("prob=10% on=fsync error=5")
    assert set(spelled.values()) == {whole[f"--fault {a!r}"]}


def test_show_gives_a_plan_that_means_the_same(tmp_path: Path) -> None:
    rules = [
        "on=send*,%net,!connect peer=127.0.0.1:80-90,:7 error={EIO=2,EPERM=1} prob=0.125",
        'on=write path=["a","b/**"] short=50% when=3..9+2 not_before=1.5s sticky count=process',
        'on=read corrupt={how="junk",bytes=7,range="1k..2k"} delay=normal:1ms,2ms size=..4k',
        'every=1500us clock={of="wall,boottime",jump="+1h",freeze=true,for="2s"} at_least=2',
        'on=write poke_exit=@arg2=00ff signal=SIGRT_3 stop="2s" since_output="rea\\"dy\\n"',
        "on=read eintr kill=TERM fd=3+",
    ]
    plan = load_plan([("fault", rule) for rule in rules], 1)
    words = [word for rule in rules for word in ("--fault", rule)]
    shown = CliRunner().invoke(plan_command, ["show", *words], standalone_mode=False)
    path = tmp_path / "p.toml"
    path.write_text(shown.stdout)
    again = load_plan([("plan", str(path))], 1)
    assert [dict(rule.values) for rule in again.rules] == [dict(r.values) for r in plan.rules]
    assert [rule.stream for rule in again.rules] == [rule.stream for rule in plan.rules]


def test_examples_of_the_catalogue_are_rules() -> None:
    """What `plan kinds` shows can be said; at least by itself."""
    for field in FIELDS.values():
        name, _, text = field.example.partition(" = ")
        assert name == field.name
        if name != "on":
            from dstrun.plan.toml import load_toml

            field.parse(load_toml(field.example)[name])
        assert text


def test_rules_of_a_run_go_on_after_the_plan() -> None:
    c = Compiled("on=fsync error=EIO")
    (rule,) = load_plan([("fault", "on=read error=5")], 1).rules
    assert isinstance(rule, Rule)
    before = c.world(abi.FaultWorld.epoch)
    assert Table(c.memory, "/w").add(rule) == 1
    assert c.rules_of(abi.FaultWorld.call_rules, NR["read"]) == [1]
    assert c.world(abi.FaultWorld.epoch) > before
