"""Runs of a user without root, and of root, made again by the one and by the other."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from users_lib import NOBODY, environment, has_user_namespaces, python_of_everybody

LOOKS = """
id -u; ls -la / . /usr; cat in secret; echo 2 >in; mv sub other; rm other/x; mkdir new
cat /etc/shadow >/dev/null; echo >/etc/of_root; rm /etc/passwd; ls -la . /etc/passwd
stat / /dev/null
"""
CASES = {
    "looks": ["sh", "-c", LOOKS],
    "pipeline": ["sh", "-c", "sort in | awk '{print $1}' >out; mv out in; cat in"],
    "python": ["/usr/bin/python3", "-c", "import json, sqlite3; print(open('in').read())"],
    "sqlite": ["sqlite3", "t.db", "create table t (a); insert into t values (1); select * from t;"],
}
# As another machine is: other files, users, name and number of CPUs.
ELSEWHERE = """
for place in /usr/share /etc /home /opt "$HIDDEN"; do mount -t tmpfs none "$place"; done
echo other:x:1:1::/:/bin/sh >/etc/passwd
mount --bind /bin/true /usr/bin/sort
exec unshare --uts sh -c 'hostname elsewhere; exec "$@"' sh taskset -c 0 "$@"
"""


class Users:
    """dstrun as root and as nobody, in a directory that everybody may read."""

    def __init__(self, python: str, folder: Path) -> None:
        self._env = environment(python) | {"PATH": "/usr/bin:/bin", "HOME": "/tmp"}
        self._dstrun = [python, "-m", "dstrun"]
        self.folder = folder
        self.work = folder / "work"
        self.trace = folder / "t.trace"

    def run(
        self, *args: str | Path, root: bool, cwd: Path, before: tuple[str, ...] = (), **more: str
    ) -> subprocess.CompletedProcess[str]:
        ids = f"{NOBODY}"
        drop = () if root else ("setpriv", "--reuid", ids, "--regid", ids, "--clear-groups")
        return subprocess.run(
            [*before, *drop, *self._dstrun, *map(str, args)], cwd=cwd, env=self._env | more,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def record(self, *command: str, root: bool) -> subprocess.CompletedProcess[str]:
        if not root:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        done = self.run("--seed", "7", "-o", self.trace, "--", *command, root=root, cwd=self.work)
        assert self.trace.exists(), done.stderr
        self.trace.chmod(0o644)
        return done

    def bundle(self, *, root: bool) -> Path:
        """The bundle; what it was made from is gone."""
        done = self.run("bundle", self.trace, root=root, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        packed = self.trace.with_name("t.trace.bundle")
        packed.chmod(0o644)
        self.trace.unlink()
        shutil.rmtree(self.work)
        return packed


@pytest.fixture
def users() -> Iterator[Users]:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: runs of another user: we are not root")
    python = python_of_everybody()
    if python is None:
        pytest.skip("NOT TESTED: runs of another user: no Python with our libraries for all")
    if not has_user_namespaces(NOBODY):
        pytest.skip("NOT TESTED: runs of another user: this machine has no user namespaces")
    with tempfile.TemporaryDirectory(prefix="users-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        work = Path(folder, "work")
        (work / "sub").mkdir(parents=True)
        (work / "in").write_text("b 1\na 2\n")
        (work / "sub" / "x").write_text("x\n")
        (work / "secret").write_text("secret\n")
        (work / "secret").chmod(0o600)
        yield Users(python, Path(folder))


def assert_same(
    again: subprocess.CompletedProcess[str], recorded: subprocess.CompletedProcess[str]
) -> None:
    assert "events, all as in the trace" in again.stderr, again.stderr
    assert again.stdout == recorded.stdout


@pytest.mark.parametrize("name", CASES)
def test_a_bundle_of_a_users(users: Users, name: str) -> None:
    """Replayed by that user, and by root, who becomes that user."""
    recorded = users.record(*CASES[name], root=False)
    packed = users.bundle(root=False)
    tmp = users.folder / "tmp"
    tmp.mkdir()
    tmp.chmod(0o1777)
    again = users.run("replay", packed, root=False, cwd=Path("/"), TMPDIR=str(tmp))
    assert_same(again, recorded)
    assert not list(tmp.iterdir())
    again = users.run("replay", packed, root=True, cwd=Path("/"))
    assert_same(again, recorded)
    assert f"dstrun: as uid {NOBODY}, whose run it was" in again.stderr


@pytest.mark.parametrize("name", ["pipeline", "python", "sqlite"])
def test_a_bundle_of_roots(users: Users, name: str) -> None:
    recorded = users.record(*CASES[name], root=True)
    again = users.run("replay", users.bundle(root=True), root=False, cwd=Path("/"))
    assert_same(again, recorded)
    assert f"it ran as root, and here as uid {NOBODY}" in again.stderr.splitlines()[0]


def test_what_only_root_may_do_is_told(users: Users) -> None:
    """The negative control: these are not the same, and the reason is given."""
    users.record("chown", "1", "in", root=True)
    again = users.run("replay", users.bundle(root=True), root=False, cwd=Path("/"))
    assert again.returncode == 120, again.stderr
    assert "likely cause: it ran as root" in again.stderr


def test_a_trace_of_a_users(users: Users) -> None:
    """Whose files have changed since."""
    recorded = users.record(*CASES["looks"], root=False)
    (users.work / "in").write_text("other\n")
    for root in (False, True):
        assert_same(users.run("replay", users.trace, root=root, cwd=Path("/")), recorded)
    assert (users.work / "in").read_text() == "other\n"


@pytest.mark.parametrize("root", [False, True])
def test_elsewhere(users: Users, root: bool) -> None:
    recorded = users.record(*CASES["pipeline"], root=root)
    packed = users.bundle(root=root)
    users.work.mkdir()
    elsewhere = ("unshare", "-m", "sh", "-ec", ELSEWHERE, "sh")
    again = users.run(
        "replay", packed, root=root, cwd=Path("/"), before=elsewhere, HIDDEN=str(users.work)
    )
    assert_same(again, recorded)


def test_a_shell_there(users: Users) -> None:
    users.record(*CASES["pipeline"], root=False)
    words = ("--until", "execve", "--shell")
    again = users.run("replay", users.trace, *words, root=False, cwd=Path("/"), SHELL="/usr/bin/id")
    assert f"uid={NOBODY}" in again.stdout, again.stderr


def test_a_bundle_may_have_no_shell(users: Users) -> None:
    users.record("/bin/cat", "in", root=False)
    words = (users.bundle(root=False), "--until", "openat", "--shell")
    again = users.run("replay", *words, root=False, cwd=Path("/"), SHELL="/usr/bin/id")
    assert "/usr/bin/id: No such file or directory among the bundle's files" in again.stderr
