"""Configuration files: where they are looked for, what is refused."""

from pathlib import Path

import pytest

from dstrun.config import run_defaults
from dstrun.errors import BadUsage

KNOWN = {"seed", "max_time", "strict", "env"}


def test_nothing_without_a_file(tmp_path: Path) -> None:
    assert run_defaults(tmp_path, KNOWN) == {}


def test_own_file_goes_before_the_project_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.dstrun]\nseed = 1\n"max-time" = "1h"\n')
    assert run_defaults(tmp_path, KNOWN) == {"seed": "1", "max_time": "1h"}
    (tmp_path / "dstrun.toml").write_text('seed = 2\nstrict = true\nenv = ["A=1"]\n')
    assert run_defaults(tmp_path, KNOWN) == {"seed": "2", "strict": True, "env": ["A=1"]}


def test_looks_upwards_only_inside_a_repository(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "dstrun.toml").write_text("seed = 3\n")
    assert run_defaults(inner, KNOWN) == {}
    (tmp_path / ".git").mkdir()
    assert run_defaults(inner, KNOWN) == {"seed": "3"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sede = 1", r'unknown key "sede" \(did you mean "seed"\?\)'),
        ("max_tim = 1", 'did you mean "max-time"'),
        ("[seed]\nx = 1", "is a table"),
        ("seed = ", "cannot be read"),
    ],
)
def test_errors(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "dstrun.toml").write_text(text)
    with pytest.raises(BadUsage, match=message):
        run_defaults(tmp_path, KNOWN)
