"""Seeds: forms, limits, what is derived."""

import subprocess
from pathlib import Path

import pytest

from dstrun.errors import BadUsage
from dstrun.seed import canonical_text, derive, make_seed, parse_value

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ("0x10", 16), ("0XfF", 255), (" 9 ", 9), (COMMIT, int(COMMIT, 16)), ("0", 0)],
)
def test_forms(text: str, value: int) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize("text", ["", "q", "0x", "1.5", "-1", "0x1g", "git:", "1" * 60])
def test_bad_forms_are_one_clear_error(text: str) -> None:
    with pytest.raises(BadUsage) as error:
        parse_value(text)
    assert "\n" not in str(error.value)


def test_canonical_text_gives_the_same_seed_again() -> None:
    for value in (0, 7, 2**64 - 1, 2**64, int(COMMIT, 16)):
        assert parse_value(canonical_text(value)) == value
    assert canonical_text(int(COMMIT, 16)) == COMMIT


def test_parts_differ_and_are_stable() -> None:
    seed = make_seed("7")
    assert len({seed.entropy, seed.sched, seed.fault}) == 3
    assert seed == make_seed("0x7")
    # Written into traces and bug reports: must never change.
    assert derive(7, "entropy") == 11997951516496357055


def test_a_part_can_be_taken_from_another_seed() -> None:
    mixed = make_seed("7", sched="8")
    assert mixed.sched == make_seed("8").sched
    assert (mixed.entropy, mixed.fault) == (make_seed("7").entropy, make_seed("7").fault)


def test_drawn_seeds_differ() -> None:
    assert make_seed(None).text != make_seed(None).text


def test_git_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert make_seed("git:HEAD").text == head.stdout.strip()
    with pytest.raises(BadUsage, match="no such revision"):
        make_seed("git:nothing")
    with pytest.raises(BadUsage, match="no such revision"):
        make_seed("git:--help")
