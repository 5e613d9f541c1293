"""--fs overlay: the run's own copy-on-write view of the working directory, /tmp and what is named."""

from __future__ import annotations

from dstrun.spec import RunSpec


def mount_overlays(spec: RunSpec) -> list[str]:
    """Mounts them in the current mount namespace; returns notes for the summary."""
    if spec.fs != "overlay":
        return []
    raise NotImplementedError
