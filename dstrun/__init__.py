"""dstrun runs an unmodified Linux program as a deterministic simulation."""

__version__ = "0.1.0"
