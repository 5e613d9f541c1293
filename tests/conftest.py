"""For all tests: those marked `alone` run while no other does, under pytest-xdist too.

Every test holds the room, shared with the others; a test that measures time holds it alone. The
door makes it fair: who waits for an empty room holds the door, so that nobody else enters.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings
from runs_lib import FULL

# Two workers share two CPUs with what they simulate: how long an example took says nothing.
# Whether a submission is right must not be a matter of luck; on our own machines it looks further.
settings.register_profile("dstrun", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("dstrun")

if FULL:  # some take an hour
    os.environ.setdefault("PYTEST_TIMEOUT", "0")


def pytest_configure(config: pytest.Config) -> None:
    # A background job or nohup has them ignored, and every program that a test starts would too.
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "alone: it measures time; nothing else runs meanwhile")


@pytest.fixture(autouse=True)
def _room(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    alone = request.node.get_closest_marker("alone") is not None
    shared = tmp_path_factory.getbasetemp().parent  # the same for all workers of a session
    with (shared / "door").open("w") as door, (shared / "room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
