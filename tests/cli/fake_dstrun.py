"""dstrun with a launcher that simulates nothing: for tests of the command line alone.

CMD decides what comes of the "run": `exit N`, `kill N`, `end OUTCOME`, `raise TYPE`, `spec` (prints
the RunSpec as JSON).
"""

from __future__ import annotations

import json
import os
import sys
import types

from dstrun.__main__ import main
from dstrun.errors import CommandNotExecutable
from dstrun.spec import RunResult, RunSpec

ERRORS = {
    "CommandNotExecutable": CommandNotExecutable("x: a 32-bit program (not supported)"),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "ValueError": ValueError("something\nodd"),
}


def run(spec: RunSpec) -> RunResult:
    """Stands for dstrun.launch.supervise.run."""
    _program, verb, *rest = [*spec.argv, "exit", "0"][:3]
    common = {"events": 5, "virtual_ns": 10**9, "wall_ns": 10**6, "trace": spec.trace}
    if verb == "kill":
        return RunResult("killed", "program", signal=int(rest[0]), **common)
    if verb == "end":
        return RunResult(rest[0], "dstrun", message="because", **common)
    if verb == "raise":
        raise ERRORS[rest[0]]
    if verb == "spec":
        limits = {"wall_limit_s": spec.wall_limit_s, "fault": spec.seed.fault}
        print(json.dumps({**spec.meta(), **limits, "trace": str(spec.trace)}))
        return RunResult("exited", "program", exit_code=0, **common)
    return RunResult("exited", "program", exit_code=int(rest[0]), **common)


if __name__ == "__main__":
    launch = types.ModuleType("dstrun.launch")
    launch.__path__ = []
    supervise = types.ModuleType("dstrun.launch.supervise")
    supervise.run = run
    sys.modules |= {"dstrun.launch": launch, "dstrun.launch.supervise": supervise}
    os.environ.pop("PYTHONPATH", None)
    main()
