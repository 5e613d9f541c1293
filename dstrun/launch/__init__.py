"""Launching: a world, a container, the program under control, and its supervision.

world.py      the shared memory that all simulated processes map, and its configuration
tracefile.py  the trace's file: allocated ahead, closed in good order
container.py  namespaces, mounts, init (shims/init), and the process that becomes the program
inject.py     the shim into a new program, by ptrace, before its loader has run
supervise.py  a run from start to end: requests of the shims, deaths, limits, Ctrl-C
"""
