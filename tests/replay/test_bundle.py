"""A bundle has all that its trace needs."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from start_lib import dstrun, record, snapshot
from users_lib import has_user_namespaces

JSON = ["export", "--to", "json", "-o", "-"]

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 and not has_user_namespaces(os.geteuid()),
    reason="NOT TESTED: bundles: this machine has no user namespaces, and we are not root",
)


CASES = {
    "script": [
        "sh",
        "-c",
        "cat in; ls -la /usr | tail -1; ls -la; echo 2 >in; cat in l; rm sub/x",
    ],
    "python": ["/usr/bin/python3", "-c", "import json, sqlite3; print(open('in').read())"],
    "sqlite": ["sqlite3", "t.db", "create table t (a); insert into t values (1); select * from t;"],
    "git": ["git", "-c", "user.email=a@b", "-c", "user.name=n", "init", "new"],
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    (folder / "in").write_text("input\n")
    (folder / "sub" / "x").write_text("x\n")
    (folder / "l").symlink_to("sub/x")
    return folder


def bundle(work: Path, *options: str) -> Path:
    trace = work.parent / "t.trace"
    done = dstrun(work, "bundle", str(trace), *options)
    assert done.status == 0, done.err
    trace.unlink()
    return work.parent / "t.trace.bundle"


@pytest.mark.parametrize("name", CASES)
def test_without_the_files(work: Path, name: str) -> None:
    """What was the run's is gone, and there is something else."""
    recorded = record(work, CASES[name])
    assert recorded.status == 0, recorded.err
    packed = bundle(work)
    shutil.rmtree(work)
    work.mkdir()
    (work / "in").mkdir()
    before = snapshot(work)
    own = work.parent / "tmp"
    own.mkdir()
    again = dstrun(Path("/"), "replay", str(packed), tmp=str(own))
    assert again.is_same, again.err
    assert again.out == recorded.out
    assert snapshot(work) == before
    assert not list(own.iterdir())


def test_a_program_of_the_users_own(work: Path) -> None:
    shutil.copy("/bin/cat", work / "mycat")
    record(work, ["./mycat", "in", "not_there"])
    packed = bundle(work)
    shutil.copy("/bin/tac", work / "mycat")
    (work / "not_there").write_text("there\n")
    again = dstrun(Path("/"), "replay", str(packed))
    assert again.is_same, again.err
    assert (again.out, again.status) == (b"input\n", 1)


def test_what_is_in_it(work: Path) -> None:
    record(work, ["cat", "in", "/proc/self/comm"])
    done = dstrun(work, "bundle", str(work.parent / "t.trace"), "--list")
    names = [line.split()[1] for line in done.out.decode().splitlines()]
    assert f"{work}/in" in names
    assert any("libc.so" in name for name in names)
    assert not any(name.startswith(("/proc", "/sys", "/dev")) for name in names)
    assert not (work.parent / "t.trace.bundle").exists()


def test_what_is_left_out_is_taken_from_here(work: Path) -> None:
    record(work, ["cat", "in"])
    trace = work.parent / "t.trace"
    done = dstrun(work, "bundle", str(trace), "--exclude", f"{work}/*")
    assert f"left out: {work}/in (excluded)" in done.err
    packed = work.parent / "t.trace.bundle"
    assert dstrun(Path("/"), "replay", str(packed)).is_same
    (work / "in").unlink()
    again = dstrun(Path("/"), "replay", str(packed))
    assert f"{work}/in: not in the bundle, and not here" in again.err
    assert again.status == 120


def test_the_limit(work: Path) -> None:
    record(work, ["cat", "in"])
    done = dstrun(work, "bundle", str(work.parent / "t.trace"), "--limit", "1")
    assert "libc.so" in done.err
    assert "(more than the limit)" in done.err


def test_an_input_that_has_changed_is_told(work: Path) -> None:
    record(work, ["cat", "in"])
    (work / "in").write_text("other\n")
    done = dstrun(work, "bundle", str(work.parent / "t.trace"))
    assert f"{work}/in: it has changed" in done.err


@pytest.mark.parametrize("damage", ["cut", "no index", "escapes", "not a tar"])
def test_damage_is_one_error(work: Path, damage: str) -> None:
    packed = work.parent / "x.bundle"
    numbers = dict.fromkeys(
        ("uid", "gid", "size", "mtime_ns", "ctime_ns", "birth_ns", "links", "content"), 0
    )
    entry = {"path": "/../../evil", "kind": "file", "mode": 0o644, "target": "", **numbers}
    index = json.dumps({"version": 1, "entries": [entry], "left_out": {}}).encode()
    with tarfile.open(packed, "w:gz") as archive:
        for name in ("trace",) if damage == "no index" else ("index.json", "trace"):
            data = index if name == "index.json" else b"x"
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    if damage == "cut":
        packed.write_bytes(packed.read_bytes()[:60])
    if damage == "not a tar":
        packed.write_bytes(b"\x1f\x8b" + os.urandom(100))
    done = dstrun(work, "replay", str(packed))
    assert done.status == 2, done.err
    assert "bundle" in done.err
    assert len(done.err.splitlines()) == 1
    assert not (work.parent / "evil").exists()


def test_its_trace_is_looked_at_as_any_other(work: Path) -> None:
    record(work, ["cat", "in"])
    trace = work.parent / "t.trace"
    shown, exported = (dstrun(work, *words, str(trace)).out for words in (["show"], JSON))
    kept = trace.with_name("kept.trace")
    shutil.copy(trace, kept)
    packed = str(bundle(work))
    assert dstrun(work, "show", packed).out == shown
    assert dstrun(work, *JSON, packed).out == exported
    assert dstrun(work, "diff", packed, str(kept)).status == 0
    asked = dstrun(work, "replay", packed, "--until", "nosuch")
    assert (asked.status, packed in asked.err) == (2, True), asked.err


def test_any_damage_is_one_error(work: Path) -> None:
    record(work, ["cat", "in"])
    data = bundle(work).read_bytes()
    damaged = work.parent / "damaged.bundle"
    texts = []
    for size in range(2, len(data), len(data) // 7):
        damaged.write_bytes(data[:size])
        for words in (["show"], ["replay"]):
            done = dstrun(work, *words, str(damaged))
            texts += [done.err] if done.status else []
            assert len(done.err.splitlines()) == 1 or not done.status, done.err
    assert len(texts) >= 8
    assert all("no bundle, or damaged" in text for text in texts), texts
