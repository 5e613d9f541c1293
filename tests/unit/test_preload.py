"""The preload library disturbs no program, whatever its age, and gives std::random_device."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dstrun.native import PRELOAD

PROGRAM = r"""
#include <cstdio>
#include <random>
#include <stdexcept>
int main(int argc, char **argv)
{
    try {
        std::random_device device(argv[argc - 1]);
        std::random_device other;
        std::printf("%d %g\n", device() != other() || device() != other(), device.entropy());
    } catch (const std::runtime_error &error) {
        std::printf("%s\n", error.what());
    }
}
"""
RANDOM_DEVICE = re.compile(r"_ZNK?St13random_device\w+")


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    if not PRELOAD.is_file():
        pytest.skip(f"NOT CHECKED: no {PRELOAD} (run scripts/build)")


def needs(tool: str) -> str:
    """The tool's path; without it the test is skipped."""
    path = shutil.which(tool)
    if not path:
        pytest.skip(f"NOT CHECKED: no {tool} on this machine")
    return path


def preloaded(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command with the library, natively."""
    return subprocess.run(
        command, env={**os.environ, "LD_PRELOAD": str(PRELOAD), **environment},
        capture_output=True, text=True, check=True,
    )  # fmt: skip


@pytest.fixture(scope="module", params=["0", "1"], ids=["old strings", "new strings"])
def random_program(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A C++ program that draws from the device whose token is its last argument."""
    compiler = needs("c++")
    folder = tmp_path_factory.mktemp("random_device")
    source, program = folder / "random.cc", folder / "random"
    source.write_text(PROGRAM)
    abi = f"-D_GLIBCXX_USE_CXX11_ABI={request.param}"
    subprocess.run([compiler, "-O1", abi, "-o", str(program), str(source)], check=True)
    return program


def test_it_needs_no_library_and_no_symbol_version() -> None:
    header = subprocess.run(
        [needs("objdump"), "-p", str(PRELOAD)], check=True, capture_output=True, text=True
    ).stdout
    assert "NEEDED" not in header
    assert "Version References" not in header
    assert "RELR" not in header  # glibc reads it from 2.36 on


ALLOCATES = {
    "malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc", "valloc",
    "pvalloc",
}  # fmt: skip
SYNCHRONISES = re.compile(
    r"(pthread_(mutex|rwlock|spin|cond|barrier)|sem|mtx|cnd)_\w+|pthread_once|call_once"
)


def test_it_offers_what_it_should_and_asks_for_nothing_that_must_be_there() -> None:
    listing = subprocess.run(
        [needs("nm"), "-D", str(PRELOAD)], check=True, capture_output=True, text=True
    ).stdout
    symbols = [line.split()[-2:] for line in listing.splitlines()]
    offered = {name for kind, name in symbols if kind not in {"U", "w"}}
    devices = {name for name in offered if RANDOM_DEVICE.fullmatch(name)}
    waits = {name for name in offered if SYNCHRONISES.fullmatch(name)}
    assert (len(devices), len(waits)) == (5, 38)
    assert offered - devices - waits == ALLOCATES
    assert [name for kind, name in symbols if kind == "U"] == []


@pytest.mark.parametrize("bind", ["", "1"], ids=["lazy", "now"])
def test_a_program_without_libstdcxx_runs(bind: str) -> None:
    result = preloaded("/bin/echo", "fine", LD_BIND_NOW=bind)
    assert (result.stdout, result.stderr) == ("fine\n", "")


def test_it_announces_itself_once_and_that_is_all() -> None:
    trace = preloaded(needs("strace"), "-f", "-E", f"LD_PRELOAD={PRELOAD}", "/bin/true").stderr
    if "exited with 0" not in trace:
        pytest.skip("NOT CHECKED: strace does not work here")
    announced = [line for line in trace.splitlines() if "0x64737472" in line]
    assert len(announced) == 1
    assert "EINVAL" in announced[0]


@pytest.mark.parametrize("bind", ["", "1"], ids=["lazy", "now"])
@pytest.mark.parametrize("token", ["default", "rdseed", "rdrand", "/dev/urandom", "getentropy"])
def test_random_device_draws_whatever_its_token(
    random_program: Path, token: str, bind: str
) -> None:
    assert preloaded(str(random_program), token, LD_BIND_NOW=bind).stdout == "1 32\n"


def test_random_device_refuses_an_unknown_token_as_natively(random_program: Path) -> None:
    told = preloaded(str(random_program), "dice").stdout
    assert "unsupported token" in told
    assert told == preloaded(str(random_program), "dice", LD_PRELOAD="").stdout


def test_random_device_draws_from_getrandom(random_program: Path) -> None:
    options = ("-e", "trace=getrandom", "-E", f"LD_PRELOAD={PRELOAD}")
    trace = preloaded(needs("strace"), *options, str(random_program), "rdrand").stderr
    if "exited with 0" not in trace:
        pytest.skip("NOT CHECKED: strace does not work here")
    # Four draws when the first two happen to be equal.
    assert len(re.findall(r"^getrandom\(.*, 4, 0\) += 4$", trace, re.M)) in {2, 4}
