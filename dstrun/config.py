"""Defaults from files: `dstrun.toml`, else `[tool.dstrun]` in pyproject.toml.

Looked for in the working directory and, inside a git repository, upwards to its root. A key is a
long option of `run` without its dashes: `max-time = "1h"`. Nothing is read, and no TOML parser
imported, where there is no such file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dstrun.errors import BadUsage, did_you_mean


def _candidate_dirs(start: Path) -> Iterator[Path]:
    chain = [start, *start.parents]
    root = next((index for index, path in enumerate(chain) if (path / ".git").exists()), 0)
    yield from chain[: root + 1]


def _load_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadUsage(f"{path}: cannot be read: {error}") from None
    return table


def find_config(start: Path) -> tuple[Path, dict[str, Any]] | None:
    """The nearest file that configures dstrun, and its table."""
    for folder in _candidate_dirs(start):
        own = folder / "dstrun.toml"
        if own.is_file():
            return own, _load_toml(own)
        project = folder / "pyproject.toml"
        # A cheap test first: most projects' files do not mention us.
        if project.is_file() and b"tool.dstrun" in project.read_bytes():
            table = _load_toml(project).get("tool", {}).get("dstrun")
            if isinstance(table, dict):
                return project, table
    return None


def run_defaults(start: Path, known: set[str]) -> dict[str, Any]:
    """Defaults for run's options by parameter name; an unknown key is an error."""
    found = find_config(start)
    if not found:
        return {}
    path, table = found
    options = {name.replace("_", "-") for name in known}
    defaults = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            raise BadUsage(f'{path}: unknown key "{key}"{did_you_mean(key, options)}')
        if isinstance(value, dict):
            raise BadUsage(f'{path}: key "{key}" is a table; a value was expected')
        defaults[name] = value if isinstance(value, (list, bool)) else str(value)
    return defaults
