"""Fault plans, end to end: the four ways in, the order of rules, independence, the account."""

from __future__ import annotations

import itertools
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults_lib import FaultRun, run_faults
from runs_lib import FIXED_ENV, FULL, ROOT

from dstrun import abi
from dstrun.trace.diff import first_difference
from dstrun.trace.reader import Trace

ECHO = ["sh", "-c", "echo a; echo b; echo c"]

# Calls whose results nobody uses, so that a fault changes nothing of what the program does next.
CALLS = """
import ctypes
call = ctypes.CDLL(None).syscall
for i in range(200):
    call(110), call(102), call(104)  # getppid, getuid, getgid
"""
THREADS = """
import ctypes, threading
call = ctypes.CDLL(None).syscall
def work():
    for i in range(60):
        call(110), call(102)
threads = [threading.Thread(target=work) for _ in range(3)]
[t.start() for t in threads]; [t.join() for t in threads]
"""
PYTHON_CALLS = [sys.executable, "-S", "-E", "-c", CALLS]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path


def faults(*rules: str) -> list[str]:
    return [word for rule in rules for word in ("--fault", rule)]


def test_four_ways_say_the_same(work: Path) -> None:
    (work / "p.toml").write_text('[[fault]]\non = "write"\nwhen = "2+"\nerror = "ENOSPC"\n')
    (work / "p.py").write_text(
        "from dstrun.plan import Plan\nplan = Plan()\n"
        "plan.on('write', when='2+', fd=1).fail('ENOSPC')\n"
    )
    (work / "f.py").write_text(
        "from dstrun.plan import Plan\nplan = Plan()\n"
        "@plan.on('write', when='2+')\ndef f(call):\n    return call.fail('ENOSPC')\n"
    )
    ways = [
        ["--plan", "p.toml"], ["--plan", "p.py"], ["--plan", "f.py"],
        ["--inject", "write:error=ENOSPC:when=2+"], ["-e", "inject=write:error=28:when=2+"],
        ["-e", "fault=write:error=enospc:when=2+"], faults("on=write when=2+ error=ENOSPC"),
    ]  # fmt: skip
    program = ["sh", "-c", "echo a; echo b 2> /dev/null; echo c 2> /dev/null; exit 3"]
    for way in ways:
        result = run_faults(work, way, program)
        assert (result.code, result.out) == (3, "a\n"), way
        hits = [(i.call, i.after) for i in result.injections]
        assert hits[0] == ("write", -28) and set(hits) == {("write", -28)}, way


def test_the_first_rule_with_an_outcome_decides(work: Path) -> None:
    two = ["on=write error=EIO name=a", "on=write error=ENOSPC name=b"]
    for order in itertools.permutations(two):
        result = run_faults(work, faults(*order), ["sh", "-c", "echo a 2> /dev/null"])
        first, second = (rule[-1] for rule in order)
        assert result.account(first)["fired"] == result.account(first)["matched"] > 0
        assert result.account(second)["fired"] == 0
        assert result.account(second)["overruled"] == result.account(second)["matched"] > 0


def test_the_order_is_that_of_the_command_line(work: Path) -> None:
    (work / "p.toml").write_text('[[fault]]\nname = "p"\non = "write"\nerror = "EROFS"\n')
    one, two, three = (
        ["--plan", "p.toml"],
        ["--inject", "write:error=EIO"],
        faults("on=write error=5"),
    )
    for order in itertools.permutations((one, two, three)):
        result = run_faults(work, [word for part in order for word in part], ECHO)
        names = {"--plan": "p", "--inject": "--inject 'write:error=EIO'"}
        first = names.get(order[0][0], "--fault 'on=write error=5'")
        assert [rule["name"] for rule in result.status["fault_rules"] if rule["fired"]] == [first]
        assert result.status["reproduce"].index(order[0][0]) < result.status["reproduce"].index(
            order[1][0]
        )


def test_delays_add_up(work: Path) -> None:
    rules = ["on=getppid delay=3s", "on=getppid delay=uniform:2s..2s delay_exit=1s"]
    program = [sys.executable, "-S", "-E", "-c", "import os; os.getppid()"]
    result = run_faults(work, faults(*rules), program)
    assert 6 * 10**9 <= result.status["virtual_ns"] < 7 * 10**9
    assert result.status["wall_ns"] < 5 * 10**9


def test_done_and_then_an_error(work: Path) -> None:
    result = run_faults(work, faults("on=write error=EIO after_call when=1"), ECHO)
    assert result.out == "a\nb\nc\n"  # done all the same
    assert "rror" in result.err
    (hit,) = result.injections
    assert hit.after == -5


def test_a_plan_with_chances_is_the_same_for_a_seed(work: Path) -> None:
    """Each seed again and again; and seeds differ, or the plan would have no chances."""
    seeds, times = (60, 10) if FULL else (5, 3)
    rules = faults(
        "on=getppid prob=0.1 error={EIO=3,EPERM=1}", "on=getuid prob=0.3 retval=5 at_most=20",
        "on=getgid prob=2% delay=exponential:1ms",
    )  # fmt: skip
    hashes = []
    for seed in range(seeds):
        runs = [run_faults(work, rules, PYTHON_CALLS, seed) for _ in range(times)]
        assert len({run.status["trace_hash"] for run in runs}) == 1
        assert all(run.injections == runs[0].injections for run in runs)
        assert runs[0].status["faults"] > 0
        hashes.append(tuple((i.rule, i.match) for i in runs[0].injections))
    assert len(set(hashes)) == seeds


A, B, C = (
    "name=a on=getppid prob=0.2 error={EIO=3,EPERM=1}",
    "name=b on=getppid,getuid prob=0.3 retval=5",
    "on=getgid,getuid prob=0.25 delay=exponential:1ms",
)


def decided(result: FaultRun, name: str) -> list[tuple[int, int]]:
    """At which matches a rule decided to fire, and with what; overruled or not."""
    return [(match, after if did else 0) for match, did, after in result.decisions(name)]


def test_rules_are_independent(work: Path) -> None:
    """Whatever other rules there are, in whatever order, each decides at the same matches."""
    whole = run_faults(work, faults(A, B, C), PYTHON_CALLS)
    names = {A: "a", B: "b", C: f"--fault '{C}'"}
    matches = {rule: [m for m, *_ in whole.decisions(name)] for rule, name in names.items()}
    assert all(len(found) > 10 for found in matches.values())
    others = ["on=getppid prob=0.5 error=EINTR", "on=getgid retval=1"]
    for some in ([A, B], [C, A], [B], [C, B, A], [others[0], A, B, C], [B, *others, C]):
        result = run_faults(work, faults(*some), PYTHON_CALLS)
        for rule in set(some) & set(names):
            assert [m for m, *_ in result.decisions(names[rule])] == matches[rule], some
    # Alone, none is overruled: with what it gave, too.
    alone = run_faults(work, faults(A), PYTHON_CALLS)
    first = run_faults(work, faults(A, B, C), PYTHON_CALLS)
    assert decided(alone, "a") == decided(first, "a")


def test_another_fault_seed_decides_otherwise(work: Path) -> None:
    """The negative control of the test above; and nothing but the faults changes."""
    one = run_faults(work, faults(A), PYTHON_CALLS)
    other = run_faults(work, [*faults(A), "--fault-seed", "8"], PYTHON_CALLS)
    assert one.decisions("a") != other.decisions("a")
    renamed = run_faults(work, faults(A.replace("name=a", "name=z")), PYTHON_CALLS)
    assert one.decisions("a") != renamed.decisions("z")


def schedule(result: FaultRun) -> list[tuple[int, int]]:
    """Who called what, without what was injected."""
    with Trace(result.trace) as trace:
        return [(e.tid, e.nr) for e in trace.read() if e.kind == abi.EVENT_SYSCALL]


def test_faults_do_not_move_the_schedule(work: Path) -> None:
    command = [sys.executable, "-S", "-E", "-c", THREADS]
    options = ["--strategy", "random"]
    plain = schedule(run_faults(work, options, command))
    rules = faults("on=getppid prob=0.3 error=EIO", "on=getuid prob=0.5 retval=7")
    with_faults = run_faults(work, [*options, *rules], command)
    assert with_faults.status["faults"] > 50
    assert schedule(with_faults) == plain
    again = schedule(run_faults(work, [*options, *rules[2:]], command))
    assert again == plain
    assert schedule(run_faults(work, [*options, *rules], command, seed=8)) != plain


def test_the_account(work: Path) -> None:
    rules = [
        "name=hit on=write fd=1 when=2 error=EIO", "name=nothing on=fsync error=EIO",
        "name=unlucky on=write fd=1 when=99 error=EIO at_least=1", "name=late at=9s kill",
    ]  # fmt: skip
    result = run_faults(work, faults(*rules), ECHO)
    assert result.status["faults"] == 1
    hit, unlucky = result.account("hit"), result.account("unlucky")
    assert (hit["matched"], hit["decided"], hit["fired"]) == (3, 1, 1)
    assert hit["first_ns"] == hit["last_ns"] > 0
    assert (unlucky["matched"], unlucky["fired"], unlucky["at_least"]) == (3, 0, 1)
    assert result.account("nothing")["matched"] == result.account("late")["matched"] == 0
    told = subprocess.run(
        [sys.executable, "-m", "dstrun", "--seed", "7", "--no-trace", *faults(*rules), "--", *ECHO],
        cwd=work, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    ).stderr  # fmt: skip
    for line in (
        "dstrun: faults injected: 1: hit (1)\n",
        "dstrun: fault rules that matched nothing: nothing, late\n",
        "dstrun: fault rules that matched, but never fired: unlucky (3 matches)\n",
        "dstrun: fault rules that fired less often than at_least says: unlucky (0 of 1)\n",
    ):
        assert line in told
    shown = subprocess.run(
        [sys.executable, "-m", "dstrun", "show", "--faults", str(result.trace)],
        env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown.count("\n") == 1
    assert "*** hit, match 2: write: error = -1 EIO (Input/output error) ***" in shown


def test_the_trace_has_the_plan(work: Path) -> None:
    result = run_faults(work, faults("on=write when=2 error=EIO name=x"), ECHO)
    with Trace(result.trace) as trace:
        (rule,) = trace.meta["plan"]
    assert rule["fields"] == {"name": "x", "on": "write", "when": 2, "error": "EIO"}


# ---- functions ----
FUNCTION = """
from dstrun.plan import Plan
plan = Plan()
seen = []
@plan.on("write", fd=1)
def decide(call):
    seen.append(call.data)
    if len(seen) == 2:
        assert (call.name, call.fd, call.size, call.match) == ("write", 1, 2, 2)
        assert call.kind == "outside" and call.path is None and call.result is None
        assert call.process.name == "sh" and call.thread == "sh" and call.process.pid == 2
        assert call.sim.stdout == b"a\\n" and call.sim.stdout_contains("a")
        assert not call.sim.stdout_contains("b") and call.sim.now > 0
        assert call.args == (1, b"b\\n", 2)
        return call.fail("EIO")
    if call.random.random() < 0.5:
        return [call.delay("1s"), call.do(signal="SIGCONT")]
"""


def test_a_function_sees_the_call_and_decides(work: Path) -> None:
    (work / "p.py").write_text(FUNCTION)
    result = run_faults(work, ["--plan", "p.py"], ECHO)
    assert result.status["outcome"] == "exited", result.err
    assert result.out == "a\nc\n"
    assert [i.match for i in result.injections if i.after == -5] == [2]
    again = run_faults(work, ["--plan", "p.py", "--verify=3"], ECHO, trace="again.trace")
    assert again.status["outcome"] == "exited"  # what it keeps is of each run alone
    with Trace(result.trace) as one, Trace(again.trace) as two:
        parted = first_difference(one, two)
        assert parted is None, [(t.event(parted), t.side_data(t.event(parted))) for t in (one, two)]


def test_a_function_makes_rules(work: Path) -> None:
    (work / "p.py").write_text(
        "from dstrun.plan import Plan\nplan = Plan()\n"
        "@plan.on('write', when=1)\ndef f(call):\n"
        "    call.sim.on('write', when=2, name='new').fail('EIO')\n"
    )
    result = run_faults(work, ["--plan", "p.py"], ECHO)
    assert [(i.rule, i.match) for i in result.injections] == [("new", 2)]
    assert result.out == "a\nb\n"


RAISES = """
from dstrun.plan import Plan
plan = Plan()
def deeper(call):
    raise KeyError("lost")
@plan.on("write")
def decide(call):
    if call.match == 2:
        deeper(call)
"""


def test_a_function_that_raises_ends_the_run(work: Path) -> None:
    (work / "p.py").write_text(RAISES)
    result = run_faults(work, ["--plan", "p.py"], ECHO)
    assert (result.code, result.out) == (2, "a\n")
    assert result.status["origin"] == "dstrun"
    assert 'plan p.py: "decide" raised\nTraceback (most recent call last):\n' in result.err
    assert "KeyError: 'lost'" in result.err
    assert "dstrun/launch" not in result.err


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("7", "7 is no action (None, call.fail(...) and the like)"),
        ("{'eror': 5}", '"eror" is no action (did you mean "error"?)'),
        ("call.fail('EOI')", 'error: unknown errno "EOI"'),
    ],
)
def test_a_wrong_answer_is_told(work: Path, answer: str, message: str) -> None:
    (work / "p.py").write_text(
        "from dstrun.plan import Plan\nplan = Plan()\n"
        f"@plan.on('write')\ndef f(call):\n    return {answer}\n"
    )
    result = run_faults(work, ["--plan", "p.py"], ECHO)
    assert result.code == 2
    assert f'the answer of "f": {message}' in result.err


def test_a_function_without_end_can_be_interrupted(work: Path) -> None:
    (work / "p.py").write_text(
        "from dstrun.plan import Plan\nplan = Plan()\n"
        "@plan.on('write')\ndef f(call):\n    open('asked', 'w')\n    while True: pass\n"
    )
    command = [sys.executable, "-m", "dstrun", "-q", "--no-trace", "--plan", "p.py", "--", *ECHO]
    process = subprocess.Popen(command, cwd=work, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)})
    for _ in range(300):
        if (work / "asked").exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130


def test_a_bad_plan_starts_nothing(work: Path) -> None:
    result = run_faults(work, ["--inject", "write:eror=5"], ["touch", "made"])
    assert result.code == 2
    assert not (work / "made").exists()


TALK = """
import socket, threading
server = socket.create_server(("127.0.0.1", 8000))
def serve():
    connection, _ = server.accept()
    connection.sendall(connection.recv(100).upper())
thread = threading.Thread(target=serve, name="server")
thread.start()
client = socket.create_connection(("127.0.0.1", 8000))
client.sendall(b"hello")
try:
    print(client.recv(100))
except OSError as error:
    print(error.errno)
thread.join()
"""


def test_a_connection_from_outside_has_a_peer(work: Path) -> None:
    code = "import os\nfor i in range(2):\n    print(os.read(0, 1))"
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        inside, _ = server.accept()
        port = client.getsockname()[1]
        client.sendall(b"ab")
        rules = [
            f"on=read peer=127.0.0.1:{port} when=2 error=ECONNRESET",
            "on=read peer=:1 error=EIO",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "dstrun", "-q", "--no-trace", *faults(*rules), "--",
             sys.executable, "-S", "-E", "-c", code],
            cwd=work, env={**FIXED_ENV, "PYTHONPATH": str(ROOT)}, stdin=inside,
            capture_output=True, timeout=60, check=False, text=True,
        )  # fmt: skip
    assert done.stdout == "b'a'\n"
    assert "ConnectionResetError" in done.stderr


def test_the_node_is_named_by_the_hostname(work: Path) -> None:
    options = ["--hostname", "alpha", *faults("on=write node=alpha error=ENOSPC")]
    assert run_faults(work, options, ECHO).account("--fault 'on=write node=alpha error=ENOSPC'")[
        "fired"
    ]
    refused = run_faults(work, faults("on=write node=alpha error=5"), ECHO)
    assert refused.code == 2
    assert 'node: "alpha" is not there: the one node is "dstrun"' in refused.err


LISTENS = """
from dstrun.plan import Plan
plan = Plan()
seen = []
@plan.on("recv*", peer="127.0.0.1:8000", after_call=True)
def client(call):
    assert (call.is_after, call.result, call.data, call.error) == (True, 5, b"HELLO", None)
    assert (call.kind, call.peer) == ("tcp", "127.0.0.1:8000") and seen == [b"hello", b"HELLO"]
    return call.fail("EIO")
@plan.on("send*", kind="tcp")
def sends(call):
    seen.append(call.data)
    assert (call.peer == "127.0.0.1:8000") == (call.data == b"hello")
    assert (call.local_port == 8000) == (call.data == b"HELLO")
"""


def test_a_function_sees_connections(work: Path) -> None:
    (work / "p.py").write_text(LISTENS)
    result = run_faults(work, ["--plan", "p.py"], [sys.executable, "-S", "-E", "-c", TALK])
    assert (result.code, result.out) == (0, "5\n"), result.err
