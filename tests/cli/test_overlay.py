"""--fs overlay, --keep and --verify on real runs; and runs of an ordinary user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from users_lib import NOBODY, environment, python_of_everybody

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="overlayfs as dstrun uses it needs root")


class Result:
    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr
        last = done.stderr.strip().rpartition("\n")[2]
        self.json = json.loads(last) if last.startswith("{") else {}


def simulate(folder: Path, script: str, *options: str) -> Result:
    """dstrun with `bash -c script` in a folder."""
    command = [sys.executable, "-m", "dstrun", "--seed", "7", "--json", *options, "--", "bash"]
    return Result(
        subprocess.run(
            [*command, "-c", script], cwd=folder, env=environment(sys.executable),
            capture_output=True, text=True, timeout=60, check=False,
        )
    )  # fmt: skip


def tree(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Names, modes, times and contents, but for dstrun's own."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not name.startswith(".dstrun"):
            info = path.lstat()
            data = path.read_bytes() if path.is_file() else b""
            found[name] = (info.st_mode, info.st_mtime_ns, data)
    return found


@pytest.fixture
def work() -> Iterator[Path]:
    """A working directory with some files of the past.

    Not below /tmp: programs look at the directories above, and those others change meanwhile.
    """
    top = Path(tempfile.mkdtemp(dir="/var/tmp"))
    top.chmod(0o755)
    folder = top / "work"
    (folder / "old" / "sub").mkdir(parents=True)
    for name in ("a", "b", "same", "old/x", "old/sub/y"):
        (folder / name).write_text(name + "\n")
    (folder / "link").symlink_to("a")
    os.link(folder / "a", folder / "twin")
    for path in (*folder.rglob("*"), folder):
        os.utime(path, ns=(10**18, 10**18 + 5), follow_symlinks=False)
    yield folder
    shutil.rmtree(top)


CHANGES = """
    echo more >> a; rm b; echo new > n; mv old renamed; mkdir fresh; ln -sf n link
    touch -d @1000000000.000000005 same; echo t > /tmp/dstrun-test-only-here; cat /tmp/dstrun-test*
"""


@as_root
def test_the_users_files_stay_as_they_are(work: Path) -> None:
    before = tree(work)
    outside = simulate(work, CHANGES + "cat twin; ls", "--fs", "overlay", "--no-trace")
    assert outside.status == 0, outside.stderr
    # The program sees its changes, through every link of a file too.
    assert outside.stdout.split() == [
        "t", "a", "more", "a", "fresh", "link", "n", "renamed", "same", "twin",
    ]  # fmt: skip
    assert tree(work) == before
    assert not Path("/tmp/dstrun-test-only-here").exists()
    # And without the overlay they are the user's files: the test can fail.
    simulate(work, "echo more >> a", "--no-trace")
    assert tree(work) != before


@as_root
def test_keep_holds_what_changed_and_nothing_else(work: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    result = simulate(work, CHANGES, "--fs", "overlay", "--keep", str(kept))
    assert result.status == 0, result.stderr
    files = kept / "files" / work.relative_to("/")
    assert set(tree(files)) == {
        "a", "n", "fresh", "link", "renamed", "renamed/x", "renamed/sub", "renamed/sub/y"
    }  # fmt: skip
    assert (files / "a").read_text() == "a\nmore\n"
    assert (files / "link").readlink() == Path("n")
    assert (kept / "files/tmp/dstrun-test-only-here").read_text() == "t\n"
    assert (kept / "deleted.txt").read_text().split() == [f"{work}/b", f"{work}/old/"]
    again = simulate(work, "true", "--fs", "overlay", "--keep", str(kept))
    assert again.status == 2
    assert "not an empty directory" in again.json["message"]


@as_root
def test_dstruns_own_files_are_hidden(work: Path) -> None:
    (work / "old" / "a.trace").touch()
    result = simulate(
        work, "find . | sort; mkdir .dstrun; echo >.dstrun/mine; ls .dstrun old",
        "--fs", "overlay", "--force", "-o", "old/a.trace",
    )  # fmt: skip
    simulate(work, "true")
    assert (work / ".dstrun").exists()
    second = simulate(
        work, "find . | sort; mkdir .dstrun; echo >.dstrun/mine; ls .dstrun old",
        "--fs", "overlay", "--force", "-o", "old/a.trace",
    )  # fmt: skip
    assert "trace" not in result.stdout
    assert second.stdout == result.stdout
    assert second.json["trace_hash"] == result.json["trace_hash"]


@as_root
def test_mounts_inside_and_overlays_inside_each_other(work: Path, tmp_path: Path) -> None:
    """The directory holds a mount, a read-only one, and a mounted file."""
    script = """
        set -e; cd old; echo 1 > sub/inner; echo 2 >> sub/y
        (echo 3 > ../ro/z) 2>/dev/null || echo ro
        echo 4 > ../same; cat sub/* ../same; echo 5 > ../named/q; cat ../named/q
    """
    (work / "ro").mkdir()
    (work / "named").mkdir()
    outer = f"""
        set -e; mount -t tmpfs none old/sub; echo inside > old/sub/y
        mount -t tmpfs none ro; mount -o remount,ro ro; mount --bind a same
        {sys.executable} -m dstrun -q --seed 7 --fs overlay --overlay named -- bash -c '{script}'
        echo; cat old/sub/* same; ls named
    """
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", outer], cwd=work, env=environment(sys.executable),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    inside, _, after = done.stdout.partition("\n\n")
    assert inside.split() == ["ro", "1", "inside", "2", "4", "5"]
    assert after.split() == ["inside", "a"]


@as_root
def test_the_root_as_working_directory(tmp_path: Path) -> None:
    trace = tmp_path / "a.trace"
    script = f"echo x > /etc/dst-h; ls /etc/dst-h /proc/self/fd /dev/null; rm {__file__}; id -u"
    result = simulate(Path("/"), script, "--fs", "overlay", "-o", str(trace))
    assert result.status == 0, result.stderr
    assert "/etc/dst-h" in result.stdout
    assert not Path("/etc/dst-h").exists()
    assert Path(__file__).exists()


@as_root
def test_every_run_starts_from_the_same_files(work: Path) -> None:
    """A database that grows with every run, were it not for the overlay."""
    script = "echo $RANDOM >> log; date >> log; cp log /tmp/dst-log; cat log /tmp/dst-log; ls -la"
    runs = [simulate(work, script, "--fs", "overlay") for _ in range(3)]
    assert len({run.stdout for run in runs}) == 1
    assert len({run.json["trace_hash"] for run in runs}) == 1
    verified = simulate(work, script, "--verify=3")
    assert verified.status == 0, verified.stderr
    assert "3 runs, all the same" in verified.json["notes"]
    assert not (work / "log").exists()


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="no sqlite3 here")
@as_root
def test_sqlite(work: Path) -> None:
    sql = (
        "create table if not exists t(a); insert into t values(random()); "
        'select *, datetime("now") from t'
    )
    runs = [simulate(work, f"exec sqlite3 t.db '{sql}'", "--fs", "overlay") for _ in range(5)]
    assert {run.status for run in runs} == {0}
    assert len({run.stdout for run in runs}) == 1
    shutil.copytree(work, f"/tmp/h5/x{os.getpid()}")
    assert runs[0].stdout.count("\n") == 1
    assert len({run.json["trace_hash"] for run in runs}) == 1
    assert not (work / "t.db").exists()


# ---- an ordinary user ----


class User:
    """Runs dstrun as nobody, in a directory of nobody's."""

    def __init__(self, python: str, work: Path) -> None:
        self.python, self.work = python, work

    def run(self, script: str, *options: str, wrap: tuple[str, ...] = ()) -> Result:
        command = [self.python, "-m", "dstrun", "--seed", "7", "--json", "--no-trace", *options]
        return Result(
            subprocess.run(
                [*wrap, *command, "--", "bash", "-c", script], cwd=self.work,
                env=environment(self.python) | {"PATH": "/usr/bin:/bin"}, user=NOBODY,
                group=NOBODY, extra_groups=[], capture_output=True, text=True, timeout=60,
                check=False,
            )
        )  # fmt: skip


@pytest.fixture
def user(work: Path) -> Iterator[User]:
    if os.geteuid() != 0:
        yield User(sys.executable, work)
        return
    python = python_of_everybody()
    if python is None:
        pytest.skip("no Python with our libraries that other users may run")
    for path in (work, *work.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    yield User(python, work)


def test_a_user_without_rights(user: User) -> None:
    result = user.run("echo $$; id -u; ls | sort; (exit 3)")
    assert result.status == 3, result.stderr
    assert result.stdout.split()[0] == "2"
    assert result.json["notes"] == []


def test_a_user_works_on_a_copy(user: User, tmp_path: Path) -> None:
    before = tree(user.work)
    script = CHANGES + "stat -c '%n %y' same renamed/x; cat twin; ls -A /tmp"
    result = user.run(script, "--fs", "overlay")
    assert result.status == 0, result.stderr
    assert tree(user.work) == before
    lines = result.stdout.splitlines()
    assert "renamed/x 2001-09-09 01:46:40.000000005 +0000" in lines
    assert lines[lines.index("more") - 1] == "a"  # twin is a hard link in the copy too
    assert not Path("/tmp/dstrun-test-only-here").exists()
    kept = user.work / "kept"
    result = user.run(script, "--fs", "overlay", "--keep", str(kept))
    assert result.status == 0, result.stderr
    files = kept / "files" / user.work.relative_to("/")
    assert {"a", "n", "fresh", "link", "renamed/sub/y"} <= set(tree(files))
    assert "same" not in tree(files)
    assert (kept / "deleted.txt").read_text().split() == [f"{user.work}/b", f"{user.work}/old/"]


def test_too_much_to_copy_is_one_clear_error(user: User) -> None:
    with (user.work / "large").open("wb") as file:
        file.truncate((1 << 30) + 1)
    result = user.run("true", "--fs", "overlay")
    assert result.status == 125
    assert "1024 MiB to copy (run as root, or in a smaller directory)" in result.json["message"]


# In a user namespace in which no other can be made, and without capabilities.
NO_NAMESPACES = (
    "unshare", "-Ur", "sh", "-c",
    'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all "$@"', "sh",
)  # fmt: skip


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv here")
def test_without_namespaces(user: User) -> None:
    script = "(setsid sh -c 'while :; do sleep 1; done' dst-stray &); ls | wc -l; exit 4"
    result = user.run(script, "--wall-limit", "1s", wrap=NO_NAMESPACES)
    assert result.status in (4, 122), result.stderr
    assert "no namespaces" in result.json["notes"][0]
    assert result.stdout.split() == ["6"]
    listing = subprocess.run(["ps", "-ef"], capture_output=True, text=True, check=True)
    assert "dst-stray" not in listing.stdout
    overlay = user.run("true", "--fs", "overlay", wrap=NO_NAMESPACES)
    assert overlay.status == 125
    assert "no mount namespace" in overlay.json["message"]


@as_root
def test_where_proc_cannot_be_mounted(work: Path) -> None:
    """Parts of /proc are covered, as in many containers: no user namespace gets another one."""
    python = python_of_everybody()
    if python is None:
        pytest.skip("no Python with our libraries that other users may run")
    command = (
        f"mount -t tmpfs none /proc/sys/fs; cd /; exec setpriv --reuid {NOBODY} --regid {NOBODY} "
        f"--clear-groups --inh-caps=-all --bounding-set=-all "
        f"{python} -m dstrun --seed 7 --json --no-trace -- bash -c 'ls / | cat >/dev/null; id -u'"
    )
    done = Result(
        subprocess.run(
            ["unshare", "-m", "sh", "-c", command], env=environment(python),
            capture_output=True, text=True, timeout=60, check=False,
        )
    )  # fmt: skip
    assert done.status == 0, done.stderr
    assert done.stdout.strip() == str(NOBODY)
    assert "/proc cannot be mounted here" in done.json["notes"][0]
