"""What several unit tests share."""

from __future__ import annotations

import ctypes
import shutil

import pytest
from core_lib import build_core


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """shims/core as a library of this process."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler (cc) to build shims/core with")
    return build_core(tmp_path_factory.mktemp("core"))
