"""One number decides everything that is not decided by the program.

A seed is a number of up to 160 bits, so that a commit's hash is one. From it three independent
64-bit seeds are derived, one per kind of decision: what the program draws (entropy), who runs next
(sched), which faults happen (fault). Each can be taken from another seed: the same program under
the same entropy, in another order.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

from dstrun.errors import BadUsage

SEED_BITS = 160
_HASH = re.compile(r"[0-9a-fA-F]{40}")
_FORMS = 'use a decimal number, 0x and hex digits, 40 hex digits or "git:REV"'


@dataclass(frozen=True)
class Seed:
    """A seed and what is derived from it. `text` is canonical: it gives the same seed again."""

    text: str
    entropy: int
    sched: int
    fault: int


def derive(value: int, label: str) -> int:
    """The 64-bit seed of one kind of decision."""
    digest = hashlib.sha256(f"dstrun {label} {value}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def parse_value(text: str) -> int:
    """The number that a seed's text stands for."""
    text = text.strip()
    if text.startswith("git:"):
        return int(_resolve_revision(text[4:]), 16)
    if _HASH.fullmatch(text):
        return int(text, 16)
    try:
        value = int(text, 16) if text[:2] in ("0x", "0X") else int(text, 10)
    except ValueError:
        raise BadUsage(f'seed "{text}": not a seed ({_FORMS})') from None
    if not 0 <= value < 1 << SEED_BITS:
        raise BadUsage(f'seed "{text}": out of range (0 to 2^{SEED_BITS} - 1)')
    return value


def canonical_text(value: int) -> str:
    """Decimal while it fits 64 bits, else 40 hex digits."""
    return str(value) if value < 1 << 64 else f"{value:040x}"


def make_seed(
    text: str | None,
    entropy: str | None = None,
    sched: str | None = None,
    fault: str | None = None,
) -> Seed:
    """The seed of a run; without a text it is drawn. The others replace one part each."""
    value = int.from_bytes(os.urandom(8), "little") if text is None else parse_value(text)
    parts = {
        label: derive(value if override is None else parse_value(override), label)
        for label, override in (("entropy", entropy), ("sched", sched), ("fault", fault))
    }
    return Seed(canonical_text(value), **parts)


def _resolve_revision(revision: str) -> str:
    import subprocess

    try:
        result = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise BadUsage(f"seed git:{revision}: git is not installed ({_FORMS})") from None
    commit = result.stdout.strip()
    if result.returncode != 0 or not _HASH.fullmatch(commit):
        raise BadUsage(f'seed git:{revision}: no such revision here (see "git log")')
    return commit
