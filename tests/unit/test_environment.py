"""The program's environment, and which file its name stands for."""

import os
from pathlib import Path

import pytest

from dstrun.environment import CLEAN_ENV, program_environment, resolve_program
from dstrun.errors import BadUsage, CommandNotExecutable, CommandNotFound

IA32CAP = "OPENSSL_ia32cap"


def test_own_variables_never_reach_the_program() -> None:
    outer = {"B": "2", "A": "1", "DSTRUN_SEED": "7", "_": "/usr/bin/dstrun"}
    env = program_environment(outer, [], clean=False)
    assert list(env) == ["A", "B", IA32CAP]


def test_rdrand_is_masked_unless_the_user_says_otherwise() -> None:
    assert program_environment({}, [], clean=False)[IA32CAP].startswith("~0x4000")
    assert program_environment({IA32CAP: "x"}, [], clean=False)[IA32CAP] == "x"


def test_clean_environment_does_not_depend_on_the_user() -> None:
    env = program_environment({"HOME": "/home/me", "X": "1"}, [], clean=True)
    assert env == {**CLEAN_ENV, IA32CAP: env[IA32CAP]}
    assert list(env) == sorted(env)


def test_settings() -> None:
    outer = {"X": "1"}
    env = program_environment(outer, ["A=b=c", "X", "GONE", "E="], clean=True)
    assert (env["A"], env["X"], env["E"]) == ("b=c", "1", "")
    assert "GONE" not in env
    with pytest.raises(BadUsage):
        program_environment(outer, ["=x"], clean=False)


def test_resolution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "tool").write_text("x")
    (second / "tool").write_text("x")
    (second / "tool").chmod(0o755)
    (first / "dir").mkdir()
    search = f"{tmp_path}/none:{first}:{second}"
    assert resolve_program("tool", search) == f"{second}/tool"
    with pytest.raises(CommandNotExecutable, match="chmod"):
        resolve_program("tool", str(first))
    with pytest.raises(CommandNotFound):
        resolve_program("dir", search)
    with pytest.raises(CommandNotExecutable, match="is a directory"):
        resolve_program(str(first), search)
    monkeypatch.chdir(second)
    assert resolve_program("./tool", None) == "./tool"


@pytest.mark.parametrize("name", ["", "/no/such", "/etc/passwd/x", "no-such-tool", "a" * 5000])
def test_not_found(name: str) -> None:
    with pytest.raises(CommandNotFound):
        resolve_program(name, os.defpath)


def test_not_a_program() -> None:
    with pytest.raises(CommandNotExecutable, match="not a regular file"):
        resolve_program("/dev/null", None)
