"""What is not as it was when a run was recorded: told before it is made again.

None of it need matter: the replay runs, and stops at the very event where it does. Then the first
of these differences is its likely cause.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from dstrun.launch.machine import file_digest, machine_meta
from dstrun.launch.startfiles import FILES
from dstrun.spec import RunSpec
from dstrun.trace.reader import Trace

_HASHED_BYTES_MAX = 256 << 20
_FEATURES_SHOWN_MAX = 6


def differences(trace: Trace, spec: RunSpec) -> list[str]:
    """One line each; programs and libraries first, then other files, then the machine."""
    found = []
    if not (spec.start and spec.start.root):  # a bundle, which has its own files
        found += file_differences(trace)
        if not Path(spec.cwd).is_dir():
            found.insert(0, f"the working directory {spec.cwd} is gone")
    return [*_user_difference(spec), *found, *_machine_differences(trace.meta)]


def _user_difference(spec: RunSpec) -> Iterator[str]:
    user = spec.start.user if spec.start else None
    uid = os.geteuid()
    if not spec.start or not user:
        return
    if user.is_root and uid:
        yield (
            f"it ran as root, and here as uid {uid}, which it sees as 0: what only root may do is "
            "refused (chown, setuid, others' files); where that matters, replay as root"
        )
    elif uid != user.uid and not spec.start.root:
        yield (
            f"it ran as uid {user.uid}, and here as uid {uid}, which has other rights to files "
            "(replay as that user, or from a bundle)"
        )


def file_differences(trace: Trace) -> list[str]:
    """One line for each file that the run has used and that is another one today."""
    has_files = FILES in trace.attachments()
    description = json.loads(trace.attachment(FILES)) if has_files else {}
    changed = {record["path"]: record for record in description.get("changed", ())}
    whole = {path for path, record in changed.items() if record["extents"] is not None}
    found = [
        (_rank(entry), text)
        for entry in description.get("inputs", ())
        if entry["path"] not in whole and (text := _file_difference(entry))
    ]
    found += [(2, text) for record in changed.values() if (text := _not_kept(record))]
    listed = description.get("listed", {})
    listed |= {p: [name for name, _ in r["names"]] for p, r in changed.items() if r["names"]}
    own = {str(Path(f["folder"], f["name"])) for f in trace.meta.get("own_files", ())}
    known = {*changed, *own}
    found += [(2, text) for path in listed if (text := _gone_since(path, listed[path], known))]
    return [text for _rank_of_it, text in sorted(found, key=lambda item: item[0])]


def _rank(entry: dict[str, Any]) -> int:
    if entry["kind"] == "program":
        return 0
    return 1 if _is_library(entry["path"]) else 2


def _is_library(path: str) -> bool:
    name = Path(path).name
    return name.endswith(".so") or ".so." in name


def _what(entry: dict[str, Any]) -> str:
    if entry["kind"] == "program":
        return "another binary"
    return "another library" if _is_library(entry["path"]) else "it has changed"


def _file_difference(entry: dict[str, Any]) -> str:
    path = entry["path"]
    try:
        info = Path(path).stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    if entry["kind"] == "directory":
        return "" if Path(path).is_dir() else f"{path}: is no directory any more"
    if info.st_size != entry["size"]:
        return f"{path}: {_what(entry)} ({info.st_size} bytes, it had {entry['size']})"
    if info.st_mtime_ns == entry["mtime_ns"]:
        return ""
    if entry["blake2b"] and info.st_size <= _HASHED_BYTES_MAX:
        return f"{path}: {_what(entry)}" if file_digest(path) != entry["blake2b"] else ""
    return f"{path}: {_what(entry)}, perhaps (it was written since)"


def _gone_since(folder: str, names: list[str], restored: Collection[str]) -> str:
    """A directory whose names are known. (What has come into it since the replay does not see.)"""
    try:
        today = {path.name for path in Path(folder).iterdir()}
    except OSError:
        return ""  # told of it as an input
    gone = [n for n in names if n not in today and str(Path(folder, n)) not in restored]
    more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
    return f"{folder}: {gone[0]}{more} is gone" if gone else ""


def _not_kept(record: dict[str, Any]) -> str:
    """A file that the run changed, too large to be kept: it has to be as before the run."""
    if not record["not_kept"]:
        return ""
    try:
        info = Path(record["path"]).stat()
    except OSError as error:
        return f"{record['path']}: {error.strerror}; the run changed it, and it was not kept"
    if (info.st_size, info.st_mtime_ns) == (record["size"], record["mtime_ns"]):
        return ""
    return f"{record['path']}: is not as before the run, which changed it; it was not kept"


def _machine_differences(meta: dict[str, Any]) -> Iterator[str]:
    now = machine_meta()
    for key, name in (("dstrun", "dstrun"), ("kernel", "the kernel"), ("cpu_model", "the CPU")):
        if meta.get(key) and meta[key] != now[key]:
            yield f"{name} is {now[key]}, it was {meta[key]}"
    before, today = (set(str(m.get("cpu_features", "")).split()) for m in (meta, now))
    for features, text in ((before - today, "lacks"), (today - before, "has in addition")):
        if before and features:
            names = sorted(features)
            more = len(names) - _FEATURES_SHOWN_MAX
            shown = " ".join(names[:_FEATURES_SHOWN_MAX]) + (
                f" and {more} more" if more > 0 else ""
            )
            yield f"the CPU {text} {shown}"
