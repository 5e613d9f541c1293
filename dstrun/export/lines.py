"""A trace as JSON lines, to be read without dstrun.

The first line is the header, an object with

  format     "dstrun-trace-json", and `version`, 1: it grows when a line changes its meaning
  run        how the run was started and how it ended, as `dstrun show --info --json` prints it
  processes  pid, name, command, parent, and the threads: tid and name
  events     how many lines follow

and then each event is a line, the object that `dstrun show --json` prints.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO, Final

from dstrun.export.model import Picture, Process
from dstrun.trace.render import Renderer, about

FORMAT: Final = "dstrun-trace-json"
VERSION: Final = 1


def write_json(picture: Picture, file: BinaryIO) -> None:
    """Writes the header and a line an event."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "run": about(picture.trace),
        "processes": [_process(process) for process in picture.processes.values()],
        "events": picture.events,
    }
    _write_line(file, header)
    renderer = Renderer(picture.trace)
    for moment in picture.moments():
        _write_line(file, renderer.as_dict(moment.number, moment.event))


def _process(process: Process) -> dict[str, Any]:
    return {
        "pid": process.pid,
        "name": process.label,
        "command": process.command,
        "parent": process.parent,
        "threads": [
            {"tid": thread.tid, "name": thread.label, "events": thread.events}
            for thread in process.threads.values()
        ],
    }


def _write_line(file: BinaryIO, line: dict[str, Any]) -> None:
    file.write(json.dumps(line).encode() + b"\n")
